"""A small real service on a real socket, and clients that keep their spool in the test's folder."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from heedback import Client

settings.register_profile("sdk", deadline=None)  # real files on a busy machine take their time
settings.load_profile("sdk")

KEY = "hb_sk_k1_notasecret"


class Service:
    """Keeps each event once by its id, counts repetitions, and can be told to answer something else first."""

    def __init__(self) -> None:
        self.stored: dict[str, dict[str, Any]] = {}
        self.duplicates = 0
        self.requests: list[dict[str, Any]] = []
        self.times: list[float] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.lost_answers = 0
        self.taken: Counter[str] = Counter()  # how often each id was committed or found committed
        self.stumbles_every = 0  # one request in so many, the first among them, is committed and answered 503
        self.stumbles = 0
        self.delay = 0.0
        self.reject: Callable[[dict[str, Any]], str | None] = lambda event: None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def wait_for_a_request(self, since: int | None = None) -> None:
        """Until one more request was taken than were before, or than the `since` that had been."""
        seen, deadline = len(self.times) if since is None else since, time.monotonic() + 30
        while len(self.times) == seen:
            assert time.monotonic() < deadline, "no request came"
            time.sleep(0.005)

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def take(self, envelope: dict[str, Any]) -> tuple[int, dict[str, str], Any]:
        with self._lock:
            self.times.append(time.monotonic())
            if self.answers:
                status, headers = self.answers.pop(0)
                if headers.get("Content-Type") == "text/html":
                    return status, headers, "<html><title>Blocked</title><p>By somebody in between.</html>"
                said = {"type": "about:blank", "title": "not now", "status": status, "detail": "It was told to."}
                return status, {"Content-Type": "application/problem+json"} | headers, said
            self.requests.append(envelope)
            answer = self._store(envelope["events"])
            if self.stumbles_every and len(self.requests) % self.stumbles_every == 1:
                self.stumbles += 1
                return 503, {}, {"title": "a proxy gave up"}
            return 200, {}, answer

    def _store(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        answer: dict[str, Any] = {"accepted": 0, "duplicates": 0, "rejected": []}
        for index, event in enumerate(events):
            self.taken[event["id"]] += 1
            problem = self.reject(event)
            if problem:
                answer["rejected"].append({"index": index, "id": event["id"], "errors": {"comment": [problem]}})
            elif event["id"] in self.stored:
                answer["duplicates"] += 1
            else:
                self.stored[event["id"]] = event
                answer["accepted"] += 1
        self.duplicates += answer["duplicates"]
        return answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        service = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = gzip.decompress(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.path == "/v1/events"
                assert self.headers["Authorization"] == f"Bearer {KEY}"
                status, headers, answer = service.take(json.loads(body))
                time.sleep(service.delay)
                if status == 200 and service.lost_answers:
                    service.lost_answers -= 1
                    self.close_connection = True
                    return
                text = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
                self.send_response(status)
                for name, value in ({"Content-Length": str(len(text))} | headers).items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def service() -> Iterator[Service]:
    running = Service()
    yield running
    running.close()


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "spool.db"


@pytest.fixture
def environ(service: Service, spool: Path) -> dict[str, str]:
    """The environment of an app's processes, all of them with one spool."""
    return os.environ | {
        "HEEDBACK_URL": service.url,
        "HEEDBACK_KEY": KEY,
        "HEEDBACK_SPOOL": str(spool),
        "HEEDBACK_USER_KEY": "salt",
        "PYTHONWARNINGS": "ignore::DeprecationWarning",  # 3.12 frowns at a fork with threads: that is what is tested
    }


@pytest.fixture
def make_client(service: Service, spool: Path) -> Iterator[Callable[..., Client]]:
    """Strict clients of the running service; closed when the test ends."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        given: dict[str, Any] = {"url": service.url, "key": KEY, "spool": spool, "user_key": "salt", "strict": True}
        given |= options
        made.append(Client(**given))
        return made[-1]

    yield make
    for client in made:
        client.close()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's own settings or writes to their state folder."""
    for name in ("HEEDBACK_URL", "HEEDBACK_KEY", "HEEDBACK_SPOOL", "HEEDBACK_USER_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Processes of the host; those still running when the test ends are killed."""
    running: list[subprocess.Popen[str]] = []

    def run(code: str, *args: str) -> subprocess.Popen[str]:
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", code, *args]
        running.append(subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.communicate()
