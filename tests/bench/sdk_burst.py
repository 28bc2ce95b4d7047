"""How fast a burst leaves: captured and sent to a quick server, beside the floor measured in the same run.

The floor posts the very same JSON bodies, compressed alike, by a plain `requests.Session` in batches of the same size:
no spool, no lease, no thread. `burst` counts from the first capture to the last answer, so capturing is part of it;
`backlog` sends what an earlier process left in the file. Best of the rounds: other work on the machine only ever adds.
Prints a table and a last line of JSON; exits 1 when the target is missed (both 5,000 events/s) or an event is.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import requests
from sdk_rate import COMMENT

import heedback
from heedback.limits import BATCH_EVENTS
from heedback.transport import Batch

EVENTS: Final = 50_000
TARGET: Final = 5_000.0
NOBODY: Final = "http://127.0.0.1:9"
KEY: Final = "hb_sk_bench_secret"

# Answers as the service does, and tells on GET which events it has seen: how often, and how many different ones.
SERVER = """
import gzip, http.server, json
seen = {}
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each answer, written in two parts, waits 40 ms for an acknowledgement
    def do_POST(self):
        events = json.loads(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))["events"]
        for event in events:
            seen[event["id"]] = seen.get(event["id"], 0) + 1
        self.answer({"accepted": len(events), "duplicates": 0, "rejected": []})
    def do_GET(self):
        self.answer({"different": len(seen), "all": sum(seen.values())})
        seen.clear()
    def answer(self, what):
        body = json.dumps(what).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
server = Server(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--rounds", type=int, default=3, help="of floor, backlog and burst in turns")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    rates: dict[str, list[float]] = {"floor": [], "backlog": [], "burst": [], "capturing": []}
    with a_server() as url:
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory() as folder:
                one_round(url, Path(folder), options.events, rates)
    return report({name: max(each) for name, each in rates.items()}, options.events)


def one_round(url: str, folder: Path, events: int, rates: dict[str, list[float]]) -> None:
    left = folder / "left.db"
    capture(NOBODY, left, events).close()
    rates["floor"].append(events / floor(url, bodies(left)))
    all_arrived(url, events)

    began = time.perf_counter()
    client = heedback.Client(url, KEY, spool=left, user_key="bench")
    client.start()
    assert client.flush(120), client.stats()
    rates["backlog"].append(events / (time.perf_counter() - began))
    client.close()
    all_arrived(url, events)

    began = time.perf_counter()
    client = capture(url, folder / "burst.db", events)
    rates["capturing"].append(events / (time.perf_counter() - began))
    assert client.flush(120), client.stats()
    rates["burst"].append(events / (time.perf_counter() - began))
    client.close()
    all_arrived(url, events)


def capture(url: str, spool: Path, events: int) -> heedback.Client:
    client = heedback.Client(url, KEY, spool=spool, user_key="bench")
    out = client.output("bench", user="alice", output="An answer.")
    for _ in range(events - 1):
        client.rate(out, "down", reasons=["incorrect"], comment=COMMENT)
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


def all_arrived(url: str, events: int) -> None:
    assert requests.get(url, timeout=30).json() == {"different": events, "all": events}


@contextmanager
def a_server() -> Iterator[str]:
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def report(best: dict[str, float], events: int) -> int:
    held = min(best["backlog"], best["burst"]) >= TARGET
    print(f"{events} events, batches of {BATCH_EVENTS}{'events/s':>12}{'x floor':>9}{'target':>9}")
    for name, rate in best.items():
        target = f"{TARGET:9.0f}" if name in ("backlog", "burst") else ""
        print(f"{name:32}{rate:12.0f}{rate / best['floor']:9.2f}{target}")
    print(json.dumps({"load": os.getloadavg()[0], "held": held, "events_per_second": best}))
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
