"""The crash run: processes that share a spool are killed and restarted, and what they were told is looked for.

What a call acknowledged is what stands in a file beside: it is written there after the call has returned. The test
runs it once beside others, `./dev bench sdk_crash` again and again with more of everything.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from processes import until

OUTPUT = "019aa000-0000-7000-8000-000000000001"
CAPTURE = f"""
import logging, os, sys, time, heedback
logging.disable(logging.WARNING)
name, count = sys.argv[1], int(sys.argv[2])
beside = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for number in range(count):
    said = f"{{name}} {{number}}"
    event_id = heedback.rate("{OUTPUT}", "down", comment=said, feature="f", user=said)
    os.write(beside, f"{{event_id}} {{said}}\\n".encode())
    time.sleep(0.002)
"""
LEFTOVERS = """
import logging, sys, heedback
logging.disable(logging.WARNING)
heedback.start()
assert heedback.flush(float(sys.argv[1])), heedback.stats()
"""
PATIENCE = 150  # seconds: by three lost answers in a row a batch is put aside for half a minute
FOR_EVER = 10**9
LIVING = ("a", "b")
VICTIMS = ("victim", "second victim")


class Start(Protocol):
    def __call__(self, code: str, *arguments: object) -> subprocess.Popen[bytes]: ...


@dataclass(frozen=True, slots=True)
class Told:
    """What the calls acknowledged: ids, and what was said under them."""

    said: Mapping[str, str]

    def missing(self, stored: Mapping[str, str]) -> int:
        """Acknowledged, and not stored under its id and with its words."""
        return len(self.said.items() - stored.items())

    def twice(self, stored: Mapping[str, str]) -> int:
        """Said once, and stored under several ids."""
        return sum(times > 1 for times in Counter(stored.values()).values())

    def untold(self, stored: Mapping[str, str]) -> int:
        """Stored, though its call never returned: at most one for each kill, between the commit and the line beside."""
        return len(stored.keys() - self.said.keys())


@contextmanager
def host(environ: Mapping[str, str]) -> Iterator[Start]:
    """Starts processes of one host; those still running at the end are killed."""
    running: list[subprocess.Popen[bytes]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], env=dict(environ)))
        return running[-1]

    try:
        yield start
    finally:
        for process in running:
            process.kill()
            process.wait()


def crash(start: Start, folder: Path, captures: int, kill_at: Sequence[int]) -> Told:
    """Four processes of `captures` each; two are killed when they have `kill_at` acknowledged, and restarted.

    Returns when everything was sent: by themselves, and by one that only starts.
    """
    folder.mkdir(exist_ok=True)
    files = {name: folder / name for name in (*LIVING, *VICTIMS)}
    running = {name: start(CAPTURE, name, captures, files[name]) for name in LIVING}
    # These would go on, so that the kill finds them at work, however late it comes.
    running |= {name: start(CAPTURE, name, FOR_EVER, files[name]) for name in VICTIMS}
    for enough, name in sorted(zip(kill_at, VICTIMS, strict=True)):
        until(lambda name=name, enough=enough: len(acknowledged(files[name])) >= enough, pause=0.005)  # type: ignore[misc]
        running[name].kill()
        running[name].wait()
        rest = captures - len(acknowledged(files[name]))
        running[name] = start(CAPTURE, f"{name} restarted", rest, files[name])
    ended = [process.wait(2 * PATIENCE) for process in (*running.values(), start(LEFTOVERS, PATIENCE))]
    assert ended == [0] * len(ended), ended
    assert start(LEFTOVERS, PATIENCE).wait(2 * PATIENCE) == 0
    return Told({event_id: said for beside in files.values() for event_id, said in acknowledged(beside).items()})


def acknowledged(beside: Path) -> dict[str, str]:
    """Ids and what was said under them. A line that a kill has cut short is none."""
    whole = beside.read_text().rpartition("\n")[0] if beside.exists() else ""
    return dict(line.split(" ", 1) for line in whole.splitlines())
