"""A server that answers as the far side of an SDK does, and remembers what came: Heedback's, or a peer's.

    _sink.py [--port N] [--delay SECONDS]

Prints its port. `GET /seen` tells what came, `DELETE /seen` forgets it. Standard library only, so that any Python runs
it; a peer that compresses with zstd has `zstandard` in its own environment.
"""

# ruff: noqa: N802  (http.server names its methods so)
from __future__ import annotations

import argparse
import gzip
import io
import json
import re
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from _web import Handler, ask, listening, serve

SAID = "The total leaves out the VAT; please check {}."
_SAID = re.compile(SAID.format("([a-j]{6})").encode())

# What the services of the peers answer, by the end of the path.
PEERS = {
    "/api/public/scores": (202, {"message": "Accepted"}),  # Langfuse
    "/batch/": (200, {"status": "Ok"}),  # PostHog
    "/i/v0/ai/batch/": (200, {"status": "Ok"}),
    "/runs/multipart": (202, {"message": "Runs batch ingested"}),  # LangSmith
    "/envelope/": (200, {"id": "0" * 32}),  # Sentry
}
LANGSMITH = {
    "version": "0.15.0",
    "instance_flags": {"zstd_compression_enabled": True},
    "batch_ingest_config": {
        "use_multipart_endpoint": True,
        "scale_up_qsize_trigger": 1000,
        "scale_up_nthreads_limit": 16,
        "scale_down_nempty_trigger": 4,
        "size_limit": 100,
        "size_limit_bytes": 20_971_520,
    },
}


def said(number: int) -> str:
    """Fifty characters with `number` in them, in letters: digits might be taken for somebody's."""
    return SAID.format(f"{number:06d}".translate(str.maketrans("0123456789", "abcdefghij")))


@dataclass(frozen=True, slots=True)
class Sink:
    """A running one, as the process that started it sees it."""

    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def seen(self) -> dict[str, Any]:
        """`events` and how many `different` ones by id, `requests`, events in the `largest`; what was `said`, once
        each; the paths that nobody here answers, under `unknown`."""
        found: dict[str, Any] = ask(f"{self.url}/seen")
        return found

    def forget(self) -> None:
        ask(f"{self.url}/seen", "DELETE")


@contextmanager
def running(*, port: int = 0, delay: float = 0.0, python: str = sys.executable) -> Iterator[Sink]:
    """A sink in a process of its own, on `port` or a free one, that takes `delay` seconds for each answer."""
    with listening([python, __file__, "--port", str(port), "--delay", str(delay)]) as (_, listens_on):
        yield Sink(listens_on)


class _Seen:
    def __init__(self) -> None:
        self.ids: Counter[str] = Counter()
        self.said: set[str] = set()
        self.unknown: set[str] = set()
        self.requests = self.largest = 0
        self.lock = threading.Lock()

    def facts(self) -> dict[str, Any]:
        return {
            "events": self.ids.total(),
            "different": len(self.ids),
            "requests": self.requests,
            "largest": self.largest,
            "said": sorted(self.said),
            "unknown": sorted(self.unknown),
        }


class _Handler(Handler):
    seen = _Seen()
    delay = 0.0

    def do_POST(self) -> None:
        body = self._read()
        path = self.path.partition("?")[0]
        with self.seen.lock:
            self.seen.requests += 1
            self.seen.said.update(each.decode() for each in _SAID.findall(body))
            if path == "/v1/events":
                status, answer = 200, self._take(json.loads(body)["events"])
            else:
                status, answer = self._as_a_peer(path)
        time.sleep(self.delay)
        self.answer(status, answer)

    def _take(self, events: list[dict[str, Any]]) -> dict[str, Any]:
        """As Heedback does."""
        self.seen.largest = max(self.seen.largest, len(events))
        new = sum(event["id"] not in self.seen.ids for event in events)
        self.seen.ids.update(event["id"] for event in events)
        return {"accepted": new, "duplicates": len(events) - new, "rejected": []}

    def _as_a_peer(self, path: str) -> tuple[int, dict[str, Any]]:
        for end, answer in PEERS.items():
            if path.endswith(end):
                return answer
        self.seen.unknown.add(path)
        return 404, {}

    def do_GET(self) -> None:
        self.answer(200, LANGSMITH if self.path == "/info" else self.seen.facts())

    def do_DELETE(self) -> None:
        type(self).seen = _Seen()
        self.answer(200, {})

    def _read(self) -> bytes:
        raw = self.body()
        match self.headers.get("Content-Encoding"):
            case "gzip":
                return gzip.decompress(raw)
            case "zstd":
                import zstandard

                return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(raw), read_across_frames=True).read()
            case None:
                return raw
            case other:
                raise ValueError(f"nobody here reads {other}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that each answer takes")
    options = parser.parse_args()
    _Handler.delay = options.delay
    serve(_Handler, options.port)


if __name__ == "__main__":
    main()
