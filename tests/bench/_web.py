"""Small servers in processes of their own. Standard library only, so that any Python runs them."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Handler(BaseHTTPRequestHandler):
    """Keeps connections open and answers in JSON."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1  # an answer leaves in one piece: in two, the second waits 40 ms for an acknowledgement

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def answer(self, status: int, what: Any) -> None:
        text = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *request: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that was killed is no news here
            super().handle_error(*request)


def serve(handler: type[Handler], port: int = 0) -> None:
    """For ever, on `port` or a free one, which is printed first."""
    server = Server(("127.0.0.1", port), handler)
    print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


@contextmanager
def listening(command: Sequence[str], environ: Mapping[str, str] | None = None) -> Iterator[tuple[int, int]]:
    """A server's process id and the port that its first line tells; it is ended with the block."""
    with subprocess.Popen(
        command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        assert process.stdout
        try:
            yield process.pid, int(process.stdout.readline().rsplit(":", 1)[1])
        finally:
            process.terminate()


def ask(url: str, method: str = "GET") -> Any:
    """The JSON that a server on this machine answers; no proxy comes between."""
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with straight.open(urllib.request.Request(url, method=method), timeout=30) as answer:
        return json.load(answer)
