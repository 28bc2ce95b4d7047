"""Servers to load, the floor beside ours, and what loads them. CPU is the server's own, user and system."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path

from _figures import quantiles
from _web import listening
from uuid_utils.compat import uuid7

# A bare Flask route that commits what comes in as SQLite rows, in one transaction a request.
FLOOR = """
import json, logging, os, sqlite3, threading
from flask import Flask, request
app, here = Flask("floor"), threading.local()
logging.getLogger("waitress.queue").setLevel(logging.ERROR)
def connection():
    if not hasattr(here, "it"):
        here.it = sqlite3.connect(os.environ["FLOOR"], isolation_level=None, timeout=30)
        here.it.execute("PRAGMA journal_mode = WAL"), here.it.execute("PRAGMA synchronous = NORMAL")
        here.it.execute("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, body TEXT)")
    return here.it
@app.post("/v1/events")
def take():
    rows = [(event["id"], json.dumps(event)) for event in request.get_json()["events"]]
    if len(rows) == 1:
        connection().execute("INSERT INTO rows VALUES (?, ?)", rows[0])
    else:
        connection().execute("BEGIN IMMEDIATE")
        connection().executemany("INSERT INTO rows VALUES (?, ?)", rows)
        connection().execute("COMMIT")
    return {"accepted": len(rows), "duplicates": 0, "rejected": []}
"""
ON_WAITRESS = """
from floor import app
from waitress.server import create_server
server = create_server(app, host="127.0.0.1", port=0, threads=8)
print(f"listening on http://127.0.0.1:{server.effective_port}", flush=True)
server.run()
"""
OUTPUTS = [str(uuid7()) for _ in range(1000)]  # what feedback is about
_ABOUT = cycle(OUTPUTS)  # one after the other, as they were shown
PEOPLE = 5000


@dataclass(frozen=True, slots=True)
class Measured:
    cpu_ms: float  # an event
    per_second: float  # requests
    p50_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Server:
    pids: tuple[int, ...]
    port: int
    start_s: float

    def cpu(self) -> float:
        """Seconds so far, user and system."""
        ticks = 0
        for pid in self.pids:
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """The most memory its largest process has had."""
        return max(
            int(line.split()[1]) / 1024
            for pid in self.pids
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith("VmHWM")
        )


@contextmanager
def project() -> Iterator[tuple[dict[str, str], str]]:
    """The environment of a service with one project, and its key."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")},
            "HEEDBACK_SERVER_DATA": f"{folder}/data",
            "HEEDBACK_SERVER_SETTLE_SECONDS": "3600",
            "FLOOR": f"{folder}/floor.db",
            "PYTHONPATH": folder,
        }
        Path(folder, "floor.py").write_text(FLOOR)
        command = [sys.executable, "-m", "heedback_service.cli", "project", "create", "bench", "--json"]
        made = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        yield environment, json.loads(made.stdout)["key"]


@contextmanager
def ours(environment: dict[str, str]) -> Iterator[Server]:
    command = [str(Path(sys.executable).with_name("heedback")), "serve", "--port", "0"]
    with _on_a_free_port(command, environment) as server:
        yield server


@contextmanager
def floor(environment: dict[str, str]) -> Iterator[Server]:
    with _on_a_free_port([sys.executable, "-c", ON_WAITRESS], environment) as server:
        yield server


@contextmanager
def gunicorn(app: str, environment: dict[str, str]) -> Iterator[Server]:
    """Two workers of eight threads."""
    port = _free_port()
    command = ["gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "2", "--threads", "8"]
    with _master([*command, "--log-level", "error", "--no-control-socket", app], environment, port, 2) as server:
        yield server


@contextmanager
def granian(app: str, environment: dict[str, str]) -> Iterator[Server]:
    """One worker of sixteen threads. `app` makes the application if it ends in `()`."""
    port = _free_port()
    command = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--blocking-threads", "16"]
    made = ["--factory", app[:-2]] if app.endswith("()") else [app]
    with _master([*command, "--log-level", "error", *made], environment, port, 1) as server:
        yield server


@contextmanager
def _master(command: list[str], environment: dict[str, str], port: int, workers: int) -> Iterator[Server]:
    begun = time.monotonic()
    with subprocess.Popen([sys.executable, "-m", *command], env=environment) as process:
        try:
            while len(pids := _children(process.pid)) < workers or not _answers(port):
                assert time.monotonic() - begun < 30
                time.sleep(0.05)
            yield Server(pids, port, time.monotonic() - begun)
        finally:
            process.terminate()


def _free_port() -> int:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        return int(chosen.getsockname()[1])


def _children(pid: int) -> tuple[int, ...]:
    return tuple(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def _answers(port: int) -> bool:
    with socket.socket() as knocking:
        return knocking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def _on_a_free_port(command: list[str], environment: dict[str, str]) -> Iterator[Server]:
    begun = time.monotonic()
    with listening(command, environment) as (pid, port):
        yield Server((pid,), port, time.monotonic() - begun)


def show_outputs(server: Server, key: str) -> None:
    """The outputs that feedback is about, and everything imported that a first request imports."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        for outputs in shown(100):
            _ask(connection, _request(outputs, key))
    load(server, key, 200, connections=16)


def shown(batch: int) -> Iterator[list[dict[str, object]]]:
    """The events of the outputs that feedback is about, so many at a time."""
    events: list[dict[str, object]] = [
        {"type": "output", "id": each, "occurred_at": moment(), "feature": "bench", "prompt_version": f"v{n % 5}"}
        for n, each in enumerate(OUTPUTS)
    ]
    for first in range(0, len(events), batch):
        yield events[first : first + batch]


def load(
    server: Server, key: str, requests: int, *, connections: int = 16, batch: int = 1, size: int = 500
) -> Measured:
    """Send feedback, `batch` events of `size` bytes a request, from so many threads over connections kept open."""
    each = range(requests // connections)
    sent = [[_request([feedback(size) for _ in range(batch)], key) for _ in each] for _ in range(connections)]
    took: list[float] = []
    threads = [threading.Thread(target=_drive, args=(server.port, mine, took)) for mine in sent]
    cpu, wall = server.cpu(), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wall, cpu = time.perf_counter() - wall, server.cpu() - cpu
    of_ms = {name: seconds * 1000 for name, seconds in quantiles(took).items()}
    return Measured(cpu / (len(took) * batch) * 1000, len(took) / wall, of_ms["p50"], of_ms["p99"])


def feedback(size: int) -> dict[str, object]:
    """What one of a few thousand people says about an output, `size` bytes of JSON. Not redacted by its sender."""
    said: dict[str, object] = {
        "type": "feedback",
        "id": str(uuid7()),
        "occurred_at": moment(),
        "feature": "bench",
        "output_id": next(_ABOUT),
        "user": f"u-{random.randrange(PEOPLE):032x}",
        "rating": {"value": random.randrange(2), "scale": "thumbs"},
        "comment": "",
    }
    return said | {"comment": ("The total leaves out the VAT. " * 99)[: max(0, size - len(json.dumps(said)))]}


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _drive(port: int, requests: list[bytes], took: list[float]) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        for each in requests:
            start = time.perf_counter()
            _ask(connection, each)
            took.append(time.perf_counter() - start)


def _ask(connection: socket.socket, what: bytes) -> None:
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


def _request(events: list[dict[str, object]], key: str) -> bytes:
    body = json.dumps({"sent_at": moment(), "sdk": "bench", "events": events}).encode()
    head = (
        "POST /v1/events HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"
        f"Authorization: Bearer {key}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
