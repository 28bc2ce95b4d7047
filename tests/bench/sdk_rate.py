"""What `rate()` costs the calling thread, beside the floor measured in the same run: a bare committed WAL insert.

Tight loop and paced 1 ms apart, redaction on, the sender at work against a real server in a process of its own.
Prints a table and a last line of JSON; exits 1 when the targets are missed (p50 2.5 x, p99 5 x the floor).
"""

from __future__ import annotations

import json
import logging
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import heedback

COMMENT = "The total leaves out the VAT; please check line 3."
ROUNDS = {"tight": (20_000, 0.0), "paced": (2_000, 0.001)}
REPEATS = 3
TARGETS = {"p50": 2.5, "p99": 5.0}

SERVER = """
import gzip, http.server, json, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        n = len(json.loads(gzip.decompress(self.rfile.read(int(self.headers["Content-Length"]))))["events"])
        body = json.dumps({"accepted": n, "duplicates": 0, "rejected": []}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
"""


def main() -> int:
    logging.disable(logging.WARNING)
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout
        try:
            heedback.init(f"http://127.0.0.1:{int(server.stdout.readline())}", "hb_sk_bench_secret",
                          spool=Path(folder, "spool.db"), user_key="bench")  # fmt: skip
            return report({name: compare(Path(folder), *how) for name, how in ROUNDS.items()})
        finally:
            server.terminate()


def compare(folder: Path, calls: int, pause: float) -> dict[str, dict[str, float]]:
    """Floor and rate() in turns, so that a noisy neighbour meets both; the best of each quantile is kept."""
    out = heedback.output("bench", user="alice", output="An answer.")
    floor = bare_insert(folder / f"floor-{calls}.db")
    found: dict[str, list[dict[str, float]]] = {"floor": [], "rate": []}
    for _ in range(REPEATS):
        found["floor"].append(quantiles(timed(floor, calls, pause)))
        rate = timed(lambda: heedback.rate(out, "down", reasons=["incorrect"], comment=COMMENT), calls, pause)
        found["rate"].append(quantiles(rate))
        assert heedback.flush(60.0), heedback.stats()
    return {name: {q: min(each[q] for each in runs) for q in TARGETS} for name, runs in found.items()}


def bare_insert(path: Path) -> Callable[[], object]:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("CREATE TABLE event (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)")
    body = json.dumps({"comment": COMMENT, "padding": "x" * 280})
    return lambda: db.execute("INSERT INTO event (body) VALUES (?)", (body,))


def timed(call: Callable[[], object], calls: int, pause: float) -> list[float]:
    taken = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        call()
        taken.append((time.perf_counter_ns() - began) / 1000)
        if pause:
            time.sleep(pause)
    return taken


def quantiles(taken: list[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


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
