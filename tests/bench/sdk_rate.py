"""What `rate()` costs the calling thread, beside the floor measured in the same run: a bare committed WAL insert.

Tight loop and paced 1 ms apart, redaction on, the sender at work against a real, quick server in a process of its own.
The floor's row is as long as the event that rate() keeps.
Prints a table and a last line of JSON; exits 1 when the targets are missed (p50 2.5 x, p99 5 x the floor).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import _sink
from _figures import Row, least, quantiles, timed

import heedback

COMMENT = "The total leaves out the VAT; please check line 3."
ROUNDS = {"tight": (20_000, 0.0), "paced": (2_000, 0.001)}
REPEATS = 3
TARGETS = {"p50": 2.5, "p99": 5.0}


def main() -> int:
    return report(found())


def measure(quick: bool = False) -> list[Row]:
    """The same as rows of the table of `./dev bench sdk`."""
    return [
        Row(f"rate(), {loop}, {q}, µs", sides["rate"][q], target, "times", sides["floor"][q])
        for loop, sides in found(1 if quick else REPEATS).items()
        for q, target in TARGETS.items()
    ]


def found(repeats: int = REPEATS) -> dict[str, dict[str, dict[str, float]]]:
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory() as folder, _sink.running() as server:
        heedback.init(server.url, "hb_sk_bench_secret", spool=Path(folder, "spool.db"), user_key="bench")
        found = {name: compare(Path(folder), *how, repeats) for name, how in ROUNDS.items()}
        heedback.close()
        return found


def compare(folder: Path, calls: int, pause: float, repeats: int) -> dict[str, dict[str, float]]:
    """Floor and rate() in turns, so that a noisy neighbour meets both; the best of each quantile is kept."""
    out = heedback.output("bench", user="alice", output="An answer.")
    floor = bare_insert(folder / f"floor-{calls}.db", event_chars(folder / "spool.db", out))
    found: dict[str, list[dict[str, float]]] = {"floor": [], "rate": []}
    for _ in range(repeats):
        found["floor"].append(quantiles(timed(floor, calls, pause)))
        rate = timed(lambda: heedback.rate(out, "down", reasons=["incorrect"], comment=COMMENT), calls, pause)
        found["rate"].append(quantiles(rate))
        assert heedback.flush(60.0), heedback.stats()
    return {name: least(runs) for name, runs in found.items()}


def event_chars(spool: Path, out: heedback.Output) -> int:
    """How long the event is that is captured below."""
    heedback.rate(out, "down", reasons=["incorrect"], comment=COMMENT)
    with closing(sqlite3.connect(spool)) as db:
        return int(db.execute("SELECT length(body) FROM event ORDER BY seq DESC LIMIT 1").fetchone()[0])


def bare_insert(path: Path, chars: int) -> Callable[[], object]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    body = "x" * chars
    return lambda: db.execute("INSERT INTO event (body) VALUES (?)", (body,))


def report(found: dict[str, dict[str, dict[str, float]]]) -> int:
    held = True
    print(f"{'':6} {'':4} {'floor µs':>9} {'rate µs':>9} {'ratio':>6} {'target':>7}")
    for loop, sides in found.items():
        for q, target in TARGETS.items():
            ratio = sides["rate"][q] / sides["floor"][q]
            held &= ratio <= target
            print(f"{loop:6} {q:4} {sides['floor'][q]:9.1f} {sides['rate'][q]:9.1f} {ratio:6.2f} {target:7.1f}")
    print(json.dumps({"held": held, "found": found}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
