"""The service as real processes, and events to send to it."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any, Self

import pytest

import warm

Run = Callable[..., subprocess.CompletedProcess[str]]

on_both_databases = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


class Service:
    """`heedback serve` on a free port; killed at the end of the block, if it is there still."""

    def __init__(self, environment: dict[str, str], port: str = "0") -> None:
        self.process = warm.Process(warm.COMMAND, ["serve", "--port", port], environment, stdout=subprocess.PIPE)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().rsplit(" ", 1)[-1].strip()
        assert self.url.startswith("http://127.0.0.1:"), self.url

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self.process:
            self.process.kill()

    @property
    def address(self) -> tuple[str, int]:
        host, port = self.url.removeprefix("http://").split(":")
        return host, int(port)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


def an_event(n: int) -> dict[str, Any]:
    return {
        "type": "output",
        "id": f"019aa000-0000-7000-8000-{n:012x}",
        "occurred_at": "2026-11-16T09:12:00Z",
        "feature": "summary",
    }


def envelope(*events: dict[str, Any]) -> dict[str, Any]:
    return {"sent_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "events": list(events)}


def until(done: Callable[[], bool], seconds: float = 60, pause: float = 0.05) -> None:
    """Wait for something that other processes do."""
    give_up = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < give_up
        time.sleep(pause)
