"""The SDK's numbers in one table: what, the floor of the same run, ours, the ratio, what is to be reached, and whether.

Runs the single benchmarks, each in a process of its own: first those that measure time, one after the other, on a
machine that should be left alone for three minutes; then, side by side, those that mostly wait for a slow server or
one that is down, and the crash runs. `PART ...` runs only these, `--quick` less of everything. The last line is JSON;
exits 1 when a row is missed.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Final

import peers
import sdk_burst
import sdk_crash
import sdk_import
import sdk_outage
import sdk_rate
from _figures import Row, report

Measure = Callable[[bool], list[Row]]

MEASURING: Final[dict[str, Measure]] = {
    "rate": sdk_rate.measure,
    "peers": peers.measure,
    "import": sdk_import.measure,
    "burst": sdk_burst.measure,
}
WAITING: Final[dict[str, Measure]] = {
    "slow": sdk_outage.measure_slow,
    "down": sdk_outage.measure_down,
    "crash": sdk_crash.measure,
}
PARTS: Final = (*MEASURING, *WAITING)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"only these of {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="a short look: less of everything")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    began = time.monotonic()
    wanted = options.parts or PARTS
    found = dict(in_turn(chosen(MEASURING, wanted), options.quick))
    found |= dict(side_by_side(chosen(WAITING, wanted), options.quick))
    print(f"\n{time.monotonic() - began:.0f} s")
    return report([row for part in PARTS if part in found for row in found[part]])


def chosen(parts: dict[str, Measure], wanted: tuple[str, ...] | list[str]) -> dict[str, Measure]:
    return {name: measure for name, measure in parts.items() if name in wanted}


def in_turn(parts: dict[str, Measure], quick: bool) -> Iterator[tuple[str, list[Row]]]:
    for name, measure in parts.items():
        with fresh(1) as process:
            yield name, process.submit(measure, quick).result()


def side_by_side(parts: dict[str, Measure], quick: bool) -> Iterator[tuple[str, list[Row]]]:
    with fresh(max(1, len(parts))) as processes:
        running = {name: processes.submit(measure, quick) for name, measure in parts.items()}
        for name, rows in running.items():
            yield name, rows.result()


def fresh(processes: int) -> ProcessPoolExecutor:
    """Processes that begin from nothing: what one benchmark has opened or imported is no other's."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


if __name__ == "__main__":
    sys.exit(main())
