"""How fast a burst leaves: captured and sent to a quick server, beside the floor measured in the same run.

The floor posts the very same JSON bodies, compressed alike, by a plain `requests.Session` in batches of the same size:
no spool, no lease, no thread. `burst` counts from the first capture to the last answer, so capturing is part of it;
`backlog` sends what an earlier process left in the file. Best of the rounds: other work on the machine only ever adds.
Prints a table and a last line of JSON; exits 1 when the target is missed (both 5,000 events/s) or an event is.
"""

from __future__ import annotations

import argparse
import gzip
import logging
import sqlite3
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import _sink
import requests
from _figures import Row, report

import heedback
from heedback.limits import BATCH_EVENTS
from heedback.transport import Batch

EVENTS: Final = 50_000
ROUNDS: Final = 2
TARGET: Final = 5_000.0
NOBODY: Final = "http://127.0.0.1:9"
KEY: Final = "hb_sk_bench_secret"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="of floor, backlog and burst in turns")
    options = parser.parse_args()
    return report(rows(options.events, options.rounds))


def measure(quick: bool = False) -> list[Row]:
    return rows(EVENTS // 5, 1) if quick else rows(EVENTS, ROUNDS)


def rows(events: int, rounds: int) -> list[Row]:
    logging.disable(logging.WARNING)
    rates: dict[str, list[float]] = {"floor": [], "backlog": [], "burst": [], "capturing": []}
    arrived = []
    with _sink.running() as server:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory() as folder:
                arrived += one_round(server, Path(folder), events, rates)
    best = {name: max(each) for name, each in rates.items()}
    floor, note = best["floor"], f"captured at {best['capturing']:.0f}/s"
    return [
        Row(
            f"burst of {events}, quick server: arrive once", min(arrived, key=lambda n: n == events), events, "exactly"
        ),
        Row("sending while captured, events/s", best["burst"], TARGET, "at_least", floor, note),
        Row("sending what waits in the file, events/s", best["backlog"], TARGET, "at_least", floor),
    ]


def one_round(server: _sink.Sink, folder: Path, events: int, rates: dict[str, list[float]]) -> list[int]:
    """How many events arrived once each, of backlog and burst."""
    left = folder / "left.db"
    capture(NOBODY, left, events).close()
    rates["floor"].append(events / floor(server.url, bodies(left)))
    assert arrived_once(server) == events

    began = time.perf_counter()
    client = heedback.Client(server.url, KEY, spool=left, user_key="bench")
    client.start()
    assert client.flush(120), client.stats()
    rates["backlog"].append(events / (time.perf_counter() - began))
    client.close()
    of_backlog = arrived_once(server)

    began = time.perf_counter()
    client = capture(server.url, folder / "burst.db", events)
    rates["capturing"].append(events / (time.perf_counter() - began))
    assert client.flush(120), client.stats()
    rates["burst"].append(events / (time.perf_counter() - began))
    client.close()
    return [of_backlog, arrived_once(server)]


def capture(url: str, spool: Path, events: int) -> heedback.Client:
    client = heedback.Client(url, KEY, spool=spool, user_key="bench")
    out = client.output("bench", user="alice", output="An answer.")
    for number in range(events - 1):
        client.rate(out, "down", reasons=["incorrect"], comment=_sink.said(number))
    return client


def bodies(spool: Path) -> list[str]:
    db = sqlite3.connect(spool)
    try:
        return [body.decode() for (body,) in db.execute("SELECT body FROM event ORDER BY seq")]
    finally:
        db.close()


def floor(url: str, said: list[str]) -> float:
    """Seconds for all, one batch after the other."""
    began = time.perf_counter()
    with requests.Session() as session:
        session.headers.update({"Content-Type": "application/json", "Content-Encoding": "gzip"})
        for first in range(0, len(said), BATCH_EVENTS):
            batch = Batch("2026-11-18T12:00:00.000Z", tuple(said[first : first + BATCH_EVENTS]), 1)
            session.post(f"{url}/v1/events", data=gzip.compress(batch.encode(), 5), timeout=30).raise_for_status()
    return time.perf_counter() - began


def arrived_once(server: _sink.Sink) -> int:
    """How many events came, less those that came again; the server forgets them."""
    seen = server.seen()
    server.forget()
    once: int = seen["different"] - (seen["events"] - seen["different"])
    return once


if __name__ == "__main__":
    sys.exit(main())
