"""Pages with the element, and a small real server that serves them under the strict policy and plays the endpoint."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import time
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from heedback.tickets import MAY, Ticket, sign

# Without windows a page takes a third of the work, and what a page does is the same.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
STATIC = Path(__file__).parents[1] / "widgets" / "heedback_widgets" / "static"
# `connect-src` is what any page needs that posts to where it came from.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
ARGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--in-process-gpu", "--disable-software-rasterizer",
]  # fmt: skip
TYPES = {".js": "text/javascript", ".css": "text/css"}
PAGE = """<!doctype html><html lang="{lang}" dir="{dir}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Answers</title><link rel="stylesheet" href="/page.css">
<script type="module" src="/static/{script}"></script></head><body><main><h1>Answers</h1>{body}</main></body></html>"""
CSS = """:root{color-scheme:light dark}
body{font:15px/1.5 Georgia,serif;max-width:640px;margin:24px auto;padding:0 16px;
background:light-dark(#fff,#161714);color:light-dark(#222,#eee)}
h1{font-size:20px}.answer{border:1px solid light-dark(#e2dfd6,#30312c);border-radius:10px;padding:12px 16px;
margin-bottom:20px}
.answer p{margin:0 0 8px}
heedback-rating:not(:defined){display:block;min-height:32px}"""

# Leaves no room in `localStorage`.
FILL = """() => {
  let part = "x".repeat(2 ** 20);
  for (let n = 0; part; ) {
    try { localStorage[`hog${n++}`] = part; } catch { part = part.slice(0, part.length >> 1); }
  }
}"""


def browser_program() -> str | None:
    """Where the browser is that pages are looked at with."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


def ticket(n: int = 1, user: str | None = "u-7f3a", *, may: tuple[str, ...] = MAY, exp: int = 2_000_000_000) -> str:
    """A ticket for the n-th output, as `heedback.ticket` makes it."""
    held = Ticket("k1abcdef", f"019aa000-0000-7000-8000-{n:012x}", "invoice-summary", user, may, exp)
    return sign(held, b"the key of the tests, 32 bytes..")


def widget(n: int = 1, inside: str = "", **attributes: str | None) -> str:
    """An answer with its element; an attribute that is None is left out."""
    given: dict[str, str | None] = {"endpoint": "/heedback", "ticket": ticket(n)}
    given |= {name.replace("_", "-"): value for name, value in attributes.items()}
    told = "".join(f' {name}="{escape(value)}"' for name, value in given.items() if value is not None)
    text = "<p>Invoice 2291 from Nordlys AS is due on 30 November. The total is 1,200.00 EUR.</p>"
    return f'<div class="answer">{text}<heedback-rating{told}>{inside}</heedback-rating></div>'


def heard(page: Page, name: str) -> list[dict[str, Any]]:
    """The details of the events `heedback-name` so far."""
    found: list[list[Any]] = page.evaluate("heard")
    return [detail for told, detail in found if told == name]


def eventually(page: Page, true: Callable[[], Any], seconds: float = 10) -> Any:
    """What `true` says, once it says something; the page goes on meanwhile."""
    give_up = time.monotonic() + seconds
    while not (found := true()):
        assert time.monotonic() < give_up, "it did not come true"
        page.wait_for_timeout(20)
    return found


class Server(ThreadingHTTPServer):
    """Browsers close connections as they like."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Endpoint:
    """What the pages are served by, and what the element posts to. It keeps what it took, and answers as it is told."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.posts: list[dict[str, Any]] = []  # bodies for /events
        self.paths: list[str] = []  # of all posts
        self.headers: list[dict[str, str]] = []
        self.forms: list[str] = []
        self.asked: list[str] = []  # tickets that state was asked for
        self.states: dict[str, dict[str, Any]] = {}  # by ticket
        self.taken: dict[str, dict[str, Any]] = {}  # events that were accepted, by id
        self.status = 202
        self.answer: dict[str, Any] | None = None  # in place of the usual one
        self.raw: bytes | None = None  # in place of any JSON
        self.retry_after: str | None = None
        self.before: Callable[[], None] = lambda: None
        self.lock = threading.Lock()
        self.hanging = 0  # requests for /hang, which are answered when the test ends
        self._ended = threading.Event()
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def events(self) -> list[dict[str, Any]]:
        """The feedback that was accepted, in the order of its making."""
        return [event for _, event in sorted(self.taken.items()) if event["type"] == "feedback"]

    @property
    def signals(self) -> list[str]:
        return [event["name"] for _, event in sorted(self.taken.items()) if event["type"] == "signal"]

    def take(self, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.before()
        with self.lock:
            self.posts.append(body)
            if self.answer is None and self.status < 300:
                self.taken |= {event["id"]: event for event in body["events"]}
            usual = {"accepted": len(body["events"]), "duplicates": 0, "rejected": []}
            return self.status, usual if self.answer is None else self.answer

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                file = STATIC / path.removeprefix("/static/")
                if path.startswith("/static/") and file.is_file():
                    self.send(200, file.read_bytes(), TYPES[file.suffix])
                elif path == "/hang":
                    endpoint.hanging += 1
                    endpoint._ended.wait(30)
                    self.send(200, b"", "text/plain")
                elif path == "/page.css":
                    self.send(200, CSS.encode(), "text/css")
                elif path in endpoint.pages:
                    kind = "text/javascript" if path.endswith(".js") else "text/html; charset=utf-8"
                    self.send(200, endpoint.pages[path].encode(), kind)
                else:
                    self.send(404, b"", "text/plain")

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.paths.append(self.path)
                if self.path == "/heedback/form":
                    endpoint.forms.append(body)
                    self.send(200, b"Saved.", "text/plain")
                elif self.path == "/heedback/state":
                    asked = json.loads(body)["ticket"]
                    endpoint.asked.append(asked)
                    state = endpoint.states.get(asked, {"known": False})
                    # The keys in the order of the service's.
                    self.send(200, json.dumps(state, sort_keys=True).encode(), "application/json")
                else:
                    endpoint.headers.append({name.lower(): value for name, value in self.headers.items()})
                    status, answer = endpoint.take(json.loads(body))
                    self.send(status, endpoint.raw or json.dumps(answer).encode(), "application/json")

            def send(self, status: int, body: bytes, kind: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Content-Security-Policy", POLICY)
                if endpoint.retry_after is not None:
                    self.send_header("Retry-After", endpoint.retry_after)
                self.end_headers()
                try:
                    self.wfile.write(body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True  # the page has gone

            def log_message(self, *args: Any) -> None:
                pass

        return Handler
