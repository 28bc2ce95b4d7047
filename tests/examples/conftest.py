"""The example app as people run it: a real process, and real servers for what it talks to."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "docs_assistant"
sys.path.insert(0, str(EXAMPLE))  # its modules import one another by their bare names, as scripts do

KEY = "hb_sk_k1_0123456789abcdefghijklmnopqrstuv"
Answer = Callable[[str, Any], tuple[int, Any]]


class Server:
    """A real HTTP server on a free port that keeps what it is sent and answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self.posts: list[tuple[str, dict[str, str], Any]] = []
        self.answer = answer
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                outer.posts.append((self.path, dict(self.headers), json.loads(body)))
                status, answer = outer.answer(self.path, json.loads(body))
                data = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                with suppress(ConnectionError):  # who asked may have given up
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(data)))
                    self.end_headers()
                    self.wfile.write(data)

            def log_message(self, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event received so far, in order."""
        return [event for _, _, body in list(self.posts) for event in body["events"]]


def accept(path: str, body: Any) -> tuple[int, Any]:
    return 200, {"accepted": len(body["events"]), "duplicates": 0, "rejected": []}


@pytest.fixture(scope="module")
def receiver() -> Iterator[Server]:
    with Server(accept) as server:
        yield server


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    """Starts real servers that answer as told, and stops them afterwards."""
    servers: list[Server] = []

    def start(answer: Answer) -> Server:
        servers.append(Server(answer).__enter__())
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__()


@pytest.fixture(scope="module")
def environment(receiver: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the example needs to reach the receiver, and no setting from outside the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HEEDBACK_", "OPENAI_"))}
    return kept | {
        "HEEDBACK_URL": receiver.url,
        "HEEDBACK_KEY": KEY,
        "HEEDBACK_USER_KEY": "user-key-of-the-tests",
        "HEEDBACK_SPOOL": str(tmp_path_factory.mktemp("spool") / "spool.sqlite3"),
    }


@pytest.fixture(scope="module")
def running() -> Callable[..., Any]:
    """Starts the app: `with running(environment) as (process, url)`."""
    return _running


@contextmanager
def _running(environment: dict[str, str], *args: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The app as a process on a free port, and its address."""
    command = [sys.executable, str(EXAMPLE / "app.py"), "--port", "0", *args]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            line = process.stdout.readline().strip()
            assert line.startswith("The docs assistant is listening on http://127.0.0.1:"), line
            yield process, line.rsplit(" ", 1)[1]
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(10)
