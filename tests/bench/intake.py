"""What taking feedback in costs the server, beside the floor measured in the same run.

The floor is a bare Flask route that commits one SQLite row for each request, on waitress as ours. Both are processes of
their own, loaded over keep-alive connections; CPU is the server process's own, user and system. Prints a table and a
last line of JSON; exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

FLOOR = """
import json, sqlite3, sys, threading
from flask import Flask, request
from waitress.server import create_server
app, here = Flask("floor"), threading.local()
def connection():
    if not hasattr(here, "it"):
        here.it = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=30)
        here.it.execute("PRAGMA journal_mode = WAL"), here.it.execute("PRAGMA synchronous = NORMAL")
    return here.it
connection().execute("CREATE TABLE rows (id TEXT PRIMARY KEY, body TEXT)")
@app.post("/v1/events")
def take():
    event = request.get_json()["events"][0]
    connection().execute("INSERT INTO rows VALUES (?, ?)", (event["id"], json.dumps(event)))
    return {"accepted": 1, "duplicates": 0, "rejected": []}
server = create_server(app, host="127.0.0.1", port=0, threads=int(sys.argv[2]))
print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
server.run()
"""
OUTPUT = UUID("019aa000-0000-7000-8000-000000000000")
TARGETS = {"one by one, CPU": 1.5, "batches of 100, ms an event": 0.10, "requests/s": 900, "p99 ms": 150}


@dataclass(frozen=True, slots=True)
class Measured:
    cpu_ms: float  # an event
    per_second: float  # requests
    p50_ms: float
    p99_ms: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=4000, help="one by one, over 16 connections")
    parser.add_argument("--bytes", type=int, default=500, help="size of an event")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, heedback(Path(folder)) as (ours, key):
        warm(ours, key)
        with floor(Path(folder)) as bare:
            single = load(bare, key, options.requests, 16, 1, options.bytes)
        rows = {
            "floor, one by one": single,
            "ours, one by one": load(ours, key, options.requests, 16, 1, options.bytes),
            "ours, one by one, one connection": load(ours, key, options.requests // 4, 1, 1, options.bytes),
            "ours, batches of 100": load(ours, key, 60, 2, 100, options.bytes),
        }
        memory = peak(ours.process.pid)
    return report(rows, memory)


@dataclass(frozen=True, slots=True)
class Server:
    process: subprocess.Popen[str]
    port: int


@contextmanager
def heedback(folder: Path) -> Iterator[tuple[Server, str]]:
    environment = {**os.environ, "HEEDBACK_SERVER_DATA": str(folder / "data"), "HEEDBACK_SERVER_SETTLE_SECONDS": "3600"}
    command = [sys.executable, "-m", "heedback_service.cli"]
    made = subprocess.run(
        [*command, "project", "create", "bench", "--json"], env=environment, stdout=subprocess.PIPE, check=True
    )
    with started([*command, "serve", "--port", "0"], environment) as server:
        yield server, json.loads(made.stdout)["key"]


@contextmanager
def floor(folder: Path) -> Iterator[Server]:
    with started([sys.executable, "-c", FLOOR, str(folder / "floor.db"), "8"], dict(os.environ)) as server:
        yield server


@contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield Server(process, int(process.stdout.readline().rsplit(":", 1)[1]))
        finally:
            process.terminate()


def warm(server: Server, key: str) -> None:
    """The output that feedback is about, and everything imported that a first request imports."""
    shown = {"type": "output", "id": str(OUTPUT), "occurred_at": moment(), "feature": "bench"}
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for _ in range(3):
            ask(connection, request([shown], key))
    load(server, key, 200, 16, 1, 500)


def load(server: Server, key: str, requests: int, connections: int, batch: int, size: int) -> Measured:
    """Send feedback, `batch` events a request, from `connections` threads."""
    sent = [[request([event(size) for _ in range(batch)], key) for _ in range(requests // connections)]
            for _ in range(connections)]  # fmt: skip
    took: list[float] = []
    threads = [threading.Thread(target=drive, args=(server.port, mine, took)) for mine in sent]
    cpu, wall = seconds(server.process.pid), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - wall, seconds(server.process.pid) - cpu
    took.sort()
    return Measured(
        cpu / (len(took) * batch) * 1000,
        len(took) / wall,
        statistics.median(took) * 1000,
        took[int(len(took) * 0.99)] * 1000,
    )


def drive(port: int, requests: list[bytes], took: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for each in requests:
            start = time.perf_counter()
            ask(connection, each)
            took.append(time.perf_counter() - start)


def ask(connection: socket.socket, what: bytes) -> None:
    connection.sendall(what)
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, body = answer.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    if b" 200 " not in head.split(b"\r\n")[0] or b'"rejected": []' not in body.replace(b":[", b": ["):
        raise SystemExit(f"refused: {head[:80]!r} {body[:300]!r}")


def request(events: list[dict[str, object]], key: str) -> bytes:
    body = json.dumps({"sent_at": moment(), "sdk": "bench", "redactor": 1, "events": events}).encode()
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def event(size: int) -> dict[str, object]:
    """Feedback of `size` bytes of JSON, from one of 500 people."""
    n = int.from_bytes(os.urandom(9))
    said: dict[str, object] = {
        "type": "feedback",
        "id": str(UUID(int=OUTPUT.int | n)),
        "occurred_at": moment(),
        "feature": "bench",
        "output_id": str(OUTPUT),
        "user": f"u-{n % (1 << 48):x}",
        "rating": {"value": n % 2, "scale": "thumbs"},
        "comment": "",
    }
    return said | {"comment": "x" * max(0, size - len(json.dumps(said)))}


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def seconds(pid: int) -> float:
    """CPU of a process so far, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak(pid: int) -> float:
    """The most memory a process has had, in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def report(rows: dict[str, Measured], memory: float) -> int:
    print(f"{'':34}{'CPU ms/event':>14}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}")
    for name, row in rows.items():
        print(f"{name:34}{row.cpu_ms:14.3f}{row.per_second:12.0f}{row.p50_ms:9.1f}{row.p99_ms:9.1f}")
    bare, ours = rows["floor, one by one"], rows["ours, one by one"]
    reached = {
        "one by one, CPU": ours.cpu_ms / bare.cpu_ms,
        "batches of 100, ms an event": rows["ours, batches of 100"].cpu_ms,
        "requests/s": ours.per_second,
        "p99 ms": ours.p99_ms,
    }
    missed = [name for name, got in reached.items() if (got < TARGETS[name]) == (name == "requests/s")]
    for name, got in reached.items():
        print(f"{name}: {got:.2f} (to reach {TARGETS[name]:g}){'  MISSED' if name in missed else ''}")
    print(json.dumps({"memory_mb": round(memory), "load": os.getloadavg()[0], **reached}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
