"""An endpoint that speaks as OpenAI's chat completions do, for tests: a real server that says what it is told to."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Answer = tuple[int, bytes]
Says = Callable[[dict[str, Any]], Any]  # from the request's body to what the model writes, or a whole `Answer`


@dataclass
class ModelServer:
    """Listens on 127.0.0.1 while it is entered.

    What `says` returns is put into a completion, as JSON unless it is text; a pair is a status and a body as it is.
    With `drips`, a body comes byte by byte, each so many seconds after the one before.
    """

    says: Says = lambda _: {}
    drips: float | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    sent: bytes = b""  # all bodies that reached it, as they came over the wire
    _gone: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        server = self

        class Endpoint(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server._serve(self)

            def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
                """Silent."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self._server.daemon_threads = False
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def _serve(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        self.sent += body
        self.asked.append(json.loads(body))
        self.keys.append(request.headers["Authorization"])
        known = request.path == "/v1/chat/completions"
        status, said = completed(self.says(self.asked[-1])) if known else (404, b"")
        request.send_response(status)
        if status == 307:
            request.send_header("Location", "/v1/elsewhere")
        request.send_header("Content-Length", str(len(said)))
        request.end_headers()
        try:
            for byte in said if self.drips is not None else ():
                if self._gone.wait(self.drips):
                    return
                request.wfile.write(bytes([byte]))
            if self.drips is None:
                request.wfile.write(said)
        except OSError:
            pass  # who asked has had enough


def completed(said: Any) -> Answer:
    """A completion with what the model writes, around which endpoints put more than anybody reads."""
    if isinstance(said, tuple):
        status, body = said
        return status, body
    content = said if isinstance(said, str) else json.dumps(said)
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return 200, json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": {}}).encode()
