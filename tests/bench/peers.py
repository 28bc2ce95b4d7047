"""What a feedback call costs and what a crash loses: ours beside Langfuse, PostHog, LangSmith and Sentry.

Each is installed into a virtual environment of its own in a cache folder (it is no dependency) and speaks to a server
on this machine that answers as theirs does; any other host is refused, and told. Measured alike, in turns, the best of
the rounds: the CPU of the import; the call on its thread, in a tight loop and paced 1 ms apart; and how many of 1,000
events arrive that were captured while the server was down, when the process is killed, the server comes up and the
process starts again. Prints two tables and a last line of JSON; exits 1 when a call of ours is dearer than PostHog's at
the median, or one event of ours is lost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import _sink
from _figures import Row, least, report
from _peer import OURS, PEERS

CACHE: Final = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "heedback", "peers")
CHILD: Final = str(Path(__file__).with_name("_peer.py"))
ROUNDS: Final = 2
TIGHT: Final = 5000  # well below what the peers' queues take
PACED: Final = 1000
DOOMED: Final = 1000
IMPORTS: Final = 5
Found = dict[str, dict[str, Any]]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--upgrade", action="store_true", help="install what is newest now")
    options = parser.parse_args()
    found = compare(options.rounds, upgrade=options.upgrade)
    show(found)
    return report(rows(found), peers=found)


def measure(quick: bool = False) -> list[Row]:
    found = compare(1 if quick else ROUNDS)
    show(found)
    return rows(found)


def compare(rounds: int, *, upgrade: bool = False) -> Found:
    pythons = {name: environment(name, upgrade) for name in PEERS}
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in PEERS}
    for _ in range(rounds):
        for name, python in pythons.items():
            runs[name].append(one_round(name, python))
    return {
        name: best(each) | killed(name, pythons[name]) | imported(name, pythons[name]) for name, each in runs.items()
    }


def environment(name: str, upgrade: bool) -> str:
    """The Python of the virtual environment that has this SDK; ours is the one that runs this."""
    if name == OURS:
        return sys.executable
    folder = CACHE / name
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed"
    if upgrade or not done.exists():
        print(f"installing {PEERS[name].package} into {folder}", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        installer = [uv, "pip", "install", "-q", "--python", python] if (uv := shutil.which("uv")) else [
            python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]  # fmt: skip
        subprocess.run([*installer, PEERS[name].package], check=True)
        done.touch()
    return str(python)


def one_round(name: str, python: str) -> dict[str, Any]:
    with _sink.running(python=python) as server, settings(name) as environ:
        found = ask(python, name, server.url, "calls", str(TIGHT), str(PACED), environ=environ)
        seen = known(server)
    return found | {"arrived": len(seen["said"]), "captured": 50 + TIGHT + PACED}


def best(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    loops = {loop: least(each[loop] for each in runs) for loop in ("tight", "paced")}
    return {**runs[-1], **loops}


def killed(name: str, python: str) -> dict[str, Any]:
    """Of `DOOMED` events captured while the server is down: how many arrive after a SIGKILL and a new start."""
    with settings(name) as environ:
        with _sink.running(python=python) as server:
            port = server.port
            process = subprocess.Popen(
                [python, CHILD, name, server.url, "doomed", str(DOOMED)],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            step(process, "ready")
        with process:
            tell(process)
            step(process, "captured")
            process.kill()
        with _sink.running(python=python, port=port) as server:
            elsewhere = ask(python, name, server.url, "reborn", environ=environ)["elsewhere"]
            assert not elsewhere, elsewhere
            return {"survived": len(known(server)["said"])}


def step(process: subprocess.Popen[str], expected: str) -> None:
    assert process.stdout
    assert json.loads(process.stdout.readline()) == {"step": expected}


def tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin
    process.stdin.write("\n")
    process.stdin.flush()


def known(server: _sink.Sink) -> dict[str, Any]:
    """What the server has seen, which must be what it has an answer for."""
    seen = server.seen()
    assert not seen["unknown"], seen["unknown"]
    return seen


@contextmanager
def settings(name: str) -> Iterator[dict[str, str]]:
    """The environment of an app on a machine of its own: no proxy, nobody's settings, an empty home."""
    kept = ("PATH", "LANG", "PYTHONPATH") if name == OURS else ("PATH", "LANG")
    with tempfile.TemporaryDirectory() as home:
        yield {
            **{each: os.environ[each] for each in kept if each in os.environ},
            **{"HOME": home, "XDG_STATE_HOME": home, "NO_PROXY": "*", "PYTHONWARNINGS": "ignore"},
        }


def imported(name: str, python: str) -> dict[str, float]:
    """Milliseconds of CPU, user and system, in a process that has imported nothing else; the least of a few."""
    code = f"import time; began = time.process_time(); {PEERS[name].imports}; print(time.process_time() - began)"
    with settings(name) as environ:
        runs = [subprocess.check_output([python, "-c", code], env=environ) for _ in range(IMPORTS)]
    return {"import_ms": min(map(float, runs)) * 1000}


def ask(python: str, *arguments: str, environ: dict[str, str]) -> dict[str, Any]:
    command = [python, CHILD, *arguments]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True, timeout=120)
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert not answer.get("elsewhere"), f"{arguments[0]} tried {answer['elsewhere']}"
    return answer


def show(found: Found) -> None:
    print(f"{'':22}{'':17}{'import':>10}{'tight, µs':>16}{'paced, µs':>16}{'arrived':>15}{'after a':>13}")
    print(f"{'':22}{'call':17}{'ms CPU':>10}{'p50':>8}{'p99':>8}{'p50':>8}{'p99':>8}{'':15}{'kill':>13}")
    for name, each in found.items():
        print(f"{name + ' ' + each['version']:22}{PEERS[name].call:17}{each['import_ms']:10.0f}", end="")
        for loop in ("tight", "paced"):
            print(f"{each[loop]['p50']:8.1f}{each[loop]['p99']:8.1f}", end="")
        arrived, survived = f"{each['arrived']} of {each['captured']}", f"{each['survived']} of {DOOMED}"
        print(f"{arrived:>15}{survived:>13}")


def rows(found: Found) -> list[Row]:
    ours, theirs = found[OURS], found["posthog"]
    others = ", ".join(f"{name} {each['survived']}" for name, each in found.items() if name != OURS)
    beside = [
        Row(f"rate() beside PostHog's capture(), {loop}, p50, µs", ours[loop]["p50"], 1.0, "times", theirs[loop]["p50"])
        for loop in ("tight", "paced")
    ]
    return [*beside, Row("arrive of 1,000 after a kill, server down", ours["survived"], DOOMED, "exactly", note=others)]


if __name__ == "__main__":
    sys.exit(main())
