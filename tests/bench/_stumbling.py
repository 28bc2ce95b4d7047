"""Stands before the service and passes on what comes; of so many answers, it says 503 though the service has committed.

    _stumbling.py URL SHARE

Prints its port. `GET /` tells in how many `requests` how many `events` came through, and how often it `stumbled`.
"""

# ruff: noqa: N802  (http.server names its methods so)
from __future__ import annotations

import gzip
import json
import random
import socket
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import ClassVar

from _web import Handler, listening, serve

LATE = 0.1  # seconds at most
_PASSED = ("Authorization", "Content-Type", "Content-Encoding", "User-Agent")


@contextmanager
def stumbling(url: str, share: float) -> Iterator[str]:
    """One in a process of its own; gives its URL."""
    with listening([sys.executable, __file__, url, str(share)]) as (_, port):
        yield f"http://127.0.0.1:{port}"


class _Handler(Handler):
    url, share = "", 0.0
    seen: ClassVar[Counter[str]] = Counter()
    lock = threading.Lock()
    straight = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def do_POST(self) -> None:
        """Late on the way there and back, so that a kill finds requests, and answers, on their way. What comes from
        somebody who is gone is not passed on, as many proxies do."""
        body = self.body()
        time.sleep(random.uniform(0, LATE))
        if self.gone():
            self.close_connection = True
            return
        headers = {name: self.headers[name] for name in _PASSED if name in self.headers}
        with self.straight.open(urllib.request.Request(self.url + self.path, body, headers), timeout=30) as answer:
            committed = json.load(answer)
        stumbles = random.random() < self.share
        with self.lock:
            self.seen["events"] += len(json.loads(gzip.decompress(body))["events"])
            self.seen["stumbled"] += stumbles
            self.seen["requests"] += 1
        time.sleep(random.uniform(0, LATE))
        self.answer(*(503, {"title": "a proxy gave up"}) if stumbles else (200, committed))

    def gone(self) -> bool:
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def do_GET(self) -> None:
        self.answer(200, self.seen)


if __name__ == "__main__":
    _Handler.url, _Handler.share = sys.argv[1], float(sys.argv[2])
    serve(_Handler)
