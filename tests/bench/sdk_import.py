"""What `import heedback` costs a host's start, beside the floor: the part of the standard library that it stands on.

Fresh interpreters, in turns, so that a noisy neighbour meets all of them: user and system time of the process, the
interpreter's own start included, and of the statement alone. The median of each is kept. `init` is what the first call
loads besides; it has no target, but is told. Prints a table and a last line of JSON; exits 1 when `import heedback`
costs more than 1.3 x the floor either way, or anything loads what only sending or tickets need.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from typing import Final

from _figures import Row

TARGET: Final = 1.3
STATEMENTS: Final = {
    "floor": "import sqlite3, json, hmac, logging",
    "import": "import heedback",
    "init": "import heedback; heedback.init('https://feedback.example.org', 'hb_sk_bench_secret')",
}
KINDS: Final = ("process", "statement")
ROUNDS: Final = 40
LATER: Final = ("requests", "itsdangerous")
# Prints the CPU seconds of the process and of the statement, and what of LATER is there.
PROGRAM: Final = """
import sys
import time; began = time.process_time()
{statement}
print(time.process_time(), time.process_time() - began, *[name for name in {later} if name in sys.modules])
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of each, in turns")
    return report(*found(parser.parse_args().rounds))


def measure(quick: bool = False) -> list[Row]:
    """The same as rows of the table of `./dev bench sdk`."""
    spent, too_early = found(ROUNDS // 4 if quick else ROUNDS)
    costs = [
        Row(f"import heedback, {kind}, ms CPU", spent["import"][kind], TARGET, "times", floor)
        for kind, floor in spent["floor"].items()
    ]
    return [*costs, Row("requests or itsdangerous loaded too early", len(too_early), 0, "exactly")]


def found(rounds: int) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Milliseconds by statement and kind, and what was loaded too early."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in STATEMENTS}
    too_early: set[str] = set()
    for turn in range(rounds + 1):
        for name, statement in STATEMENTS.items():
            whole, alone, loaded = run(statement)
            too_early.update(loaded)
            if turn:  # the first compiles, and fills the caches
                taken[name].append((whole, alone))
    medians = {name: map(statistics.median, zip(*runs, strict=True)) for name, runs in taken.items()}
    return {name: dict(zip(KINDS, each, strict=True)) for name, each in medians.items()}, sorted(too_early)


def run(statement: str) -> tuple[float, float, list[str]]:
    """Milliseconds of the process and of the statement, and what was loaded that should not be."""
    program = PROGRAM.format(statement=statement, later=LATER)
    said = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
    return float(said[0]) * 1000, float(said[1]) * 1000, said[2:]


def report(found: dict[str, dict[str, float]], too_early: list[str]) -> int:
    ratios = {name: {kind: each[kind] / found["floor"][kind] for kind in each} for name, each in found.items()}
    held = max(ratios["import"].values()) <= TARGET and not too_early
    print(f"{'CPU':8}{'process ms':>12}{'x floor':>9}{'statement ms':>14}{'x floor':>9}{'target':>8}")
    for name, each in found.items():
        target = f"{TARGET:8.1f}" if name == "import" else ""
        print(f"{name:8}{each['process']:12.1f}{ratios[name]['process']:9.2f}"
              f"{each['statement']:14.1f}{ratios[name]['statement']:9.2f}{target}")  # fmt: skip
    if too_early:
        print(f"loaded too early: {', '.join(too_early)}")
    print(json.dumps({"load": os.getloadavg()[0], "held": held, "ms": found, "too_early": too_early}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
