"""The command line of `./dev`: what there is, what each command needs installed, and where it goes."""

from __future__ import annotations

import argparse
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tools import check, environment
from tools import run as product
from tools import widget as element

ROOT: Final = Path(__file__).resolve().parent.parent
SHARED_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - of Linux, nowhere else
ROOM: Final = 2 * 1024**3  # twenty times what a run leaves there

Options = argparse.Namespace


def main(arguments: Sequence[str]) -> int:
    """Runs one command and returns its exit status."""
    parser = command_line()
    options, rest = parser.parse_known_args(arguments)
    if rest and not options.passes_on:
        parser.error(f"unknown argument: {rest[0]}")
    options.rest = rest
    command: Callable[[Options], int] = options.command
    return command(options)


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="dev", description="Commands for people who work on Heedback.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(
        name: str, command: Callable[[Options], int], about: str, *, passes_on: bool = False
    ) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about, allow_abbrev=False)
        added.set_defaults(command=command, passes_on=passes_on)
        return added

    running = add("run", run, "The whole product at work, with sample data, until Ctrl-C.")
    running.add_argument("--once", action="store_true", help="in a temporary folder; check that all arrives, end")
    running.add_argument("--data", type=Path, default=ROOT / ".heedback", help="where to keep it, if not in .heedback")
    running.add_argument("--port", type=port, help="the service's; 0 takes a free one")
    testing = add("test", test, "Run all tests; further arguments go to pytest.", passes_on=True)
    testing.add_argument("--strict", action="store_true", help="a skipped test is a failure")
    add("check", check_all, "Lint, formatting, types, imports and docs.")
    benching = add("bench", bench, "Run tests/bench/NAME.py; further arguments are its own.", passes_on=True)
    benching.add_argument("name", nargs="?", help="which; without it, lists what there is")
    add("widget", widget, "Build the widget's file anew from its modules (needs node).")
    locking = add("lock", lock, f"Write {environment.LOCK} anew from pyproject.toml (needs uv).")
    locking.add_argument("--upgrade", action="store_true", help="take the newest versions allowed")
    return parser


def run(options: Options) -> int:
    begun = time.monotonic()
    chosen = options.port if options.port is not None else 0 if options.once else product.PORT
    product.refuse_busy(chosen)
    installed = environment.ready(ROOT, ["service", "examples"])
    return product.once(installed, chosen, begun) if options.once else product.stay(installed, chosen, options.data)


def port(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return number


def test(options: Options) -> int:
    python = environment.ready(ROOT, ["test"]).python
    # What is asked of every change must not be refused by chance: generated cases are the same each time.
    strict = ["--no-skips", "--hypothesis-profile=ci"] if options.strict else []
    # Neighbours stay together, as they share what takes long to make, until a core has nothing left. `-n 0` undoes it.
    # Three processes for two cores: a third of the time tests wait for servers, locks and browsers.
    workers = str(max(1, 3 * (os.cpu_count() or 1) // 2))
    command = [str(python), "-m", "pytest", "-n", workers, "--dist", "worksteal", *strict, *options.rest]
    return call(command, **in_memory(os.environ))


def in_memory(variables: Mapping[str, str], place: Path = SHARED_MEMORY, room: int = ROOM) -> dict[str, str]:
    """What puts temporary files into memory, where there is `room` bytes for them and nobody has said where they go.

    The tests make and remove tens of thousands of files, and on some disks each removal takes milliseconds.
    """
    if "TMPDIR" in variables or not os.access(place, os.W_OK | os.X_OK):
        return {}
    found = os.statvfs(place)
    runs_programs = not found.f_flag & os.ST_NOEXEC  # some tests write one
    return {"TMPDIR": str(place)} if runs_programs and found.f_bavail * found.f_frsize >= room else {}


def check_all(options: Options) -> int:
    return check.run(environment.ready(ROOT, ["check"]))


def bench(options: Options) -> int:
    names = sorted(file.stem for file in (ROOT / "tests" / "bench").glob("[!_]*.py"))
    if options.name not in names:
        if options.name:
            print(f"There is no benchmark {options.name}.")
        print("There is: " + (", ".join(names) or "no benchmark yet"))
        return 0 if options.name is None else 1
    python = environment.ready(ROOT, ["bench"]).python
    # A benchmark may use what the tests do, so `tests` is on its path as it is on theirs.
    return call(
        [str(python), str(ROOT / "tests" / "bench" / f"{options.name}.py"), *options.rest],
        PYTHONPATH=str(ROOT / "tests"),
    )


def widget(options: Options) -> int:
    return element.build()


def lock(options: Options) -> int:
    uv = environment.working_uv()
    if uv is None:
        raise SystemExit("./dev lock needs uv on the PATH.")
    # One file for every platform and Python; pip takes it as constraints only without extras in the pins.
    command = [
        uv,
        "pip",
        "compile",
        "pyproject.toml",
        "--quiet",
        "--universal",
        "--all-extras",
        "--strip-extras",
    ]
    command += ["--no-header", "--no-emit-index-url", "--no-emit-find-links", "--no-emit-package", "heedback"]
    command += ["--python-version", "3.11", "--output-file", environment.LOCK]
    return call(command + (["--upgrade"] if options.upgrade else []))


def call(command: list[str], **variables: str) -> int:
    return subprocess.run(command, cwd=ROOT, env=clean(os.environ) | variables).returncode


def clean(variables: Mapping[str, str]) -> dict[str, str]:
    """`variables` without Heedback's own: nobody's own settings may decide what a test does.

    And with Python's leave to keep what it has compiled: tests start it a few hundred times.
    """
    unwanted = ("HEEDBACK_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in variables.items() if not name.startswith(unwanted)}
