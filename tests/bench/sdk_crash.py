"""Whether anything is lost or stored twice when processes are killed and answers get lost. Ten runs.

Each run: four processes with one spool capture 2,000 each; two are killed with SIGKILL at random moments and started
again; what the service answers is 503 in one of twenty cases, after it has committed. The service is `heedback serve`
with its database, and what is stored is read from there. Prints a line a run and a last line of JSON; exits 1 when an
event that a call acknowledged is missing, or is stored under two ids.
"""

from __future__ import annotations

import argparse
import os
import random
import sqlite3
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from _figures import Row, report
from _load import ours, project
from _stumbling import stumbling
from _web import ask

from crashing import LIVING, VICTIMS, crash, host

RUNS: Final = 10
CAPTURES: Final = 2000
LOST: Final = 0.05
PROCESSES: Final = len(LIVING) + len(VICTIMS)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--captures", type=int, default=CAPTURES, help="of each process")
    options = parser.parse_args()
    return report(rows(options.runs, options.captures))


def measure(quick: bool = False) -> list[Row]:
    return rows(2, CAPTURES // 4) if quick else rows(RUNS, CAPTURES)


def rows(runs: int, captures: int) -> list[Row]:
    print(f"{'run':>4}{'captured':>10}{'stored':>8}{'missing':>9}{'twice':>7}{'kills':>7}{'503s':>6}{'sent again':>12}")
    found = []
    for number in range(1, runs + 1):
        found.append(one := run(captures))
        print(f"{number:4}{one.captured:10}{one.stored:8}{one.missing:9}{one.twice:7}{len(VICTIMS):7}", end="")
        print(f"{one.stumbles:6}{one.again:12}", flush=True)
    what = f"{PROCESSES} x {captures}, {len(VICTIMS)} killed, {LOST:.0%} lost answers, {runs} runs"
    captured = f"of {sum(each.captured for each in found)}"
    return [
        Row(f"{what}: missing", sum(each.missing for each in found), 0, "exactly", note=captured),
        Row(f"{what}: stored twice", sum(each.twice for each in found), 0, "exactly", note=captured),
    ]


@dataclass(frozen=True, slots=True)
class Run:
    captured: int  # acknowledged
    stored: int  # by a kill one more, when the call had not returned
    missing: int
    twice: int
    stumbles: int
    again: int  # events that came to the service once more


def run(captures: int) -> Run:
    with (
        project() as (service_environ, key),
        ours(service_environ) as service,
        stumbling(f"http://127.0.0.1:{service.port}", LOST) as front,
        tempfile.TemporaryDirectory() as folder,
    ):
        environ = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")} | {
            "HEEDBACK_URL": front,
            "HEEDBACK_KEY": key,
            "HEEDBACK_SPOOL": f"{folder}/spool.db",
            "HEEDBACK_USER_KEY": "bench",
        }
        moments = [random.randrange(1, captures * 9 // 10) for _ in VICTIMS]
        with host(environ) as start:
            told = crash(start, Path(folder, "told"), captures, moments)
        stored = in_the_database(Path(service_environ["HEEDBACK_SERVER_DATA"], "heedback.db"))
        seen = ask(front)
    return Run(
        captured=len(told.said),
        stored=len(stored),
        missing=told.missing(stored),
        twice=told.twice(stored),
        stumbles=seen["stumbled"],
        again=seen["events"] - len(stored),
    )


def in_the_database(file: Path) -> Mapping[str, str]:
    """Ids and comments of all events that the service keeps."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT id, json_extract(body, '$.comment') FROM feedback_events").fetchall()
    return {str(UUID(bytes=each) if isinstance(each, bytes) else UUID(each)): comment for each, comment in rows}


if __name__ == "__main__":
    sys.exit(main())
