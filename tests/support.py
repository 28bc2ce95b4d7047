"""What tests of several folders share: a fixed clock, ids one can read, and events as the wire schema loads them."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import event

NOW = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)  # a Wednesday


@contextmanager
def listening(to: Any, name: str, listener: Callable[..., Any]) -> Iterator[None]:
    """SQLAlchemy's event `name`, until the end of the block."""
    event.listen(to, name, listener)
    try:
        yield
    finally:
        event.remove(to, name, listener)


def heard(terminal: int, end: bytes) -> bytes:
    """What was written to a pseudo-terminal, up to `end`: the system passes it on in pieces, when it comes to it."""
    told = b""
    while not told.endswith(end):
        assert select.select([terminal], [], [], 10)[0], told
        told += os.read(terminal, 65536)
    return told


def numbered_ids(start: int = 1) -> Callable[[], UUID]:
    """UUIDv7s that count up from the fixed now."""
    numbers: Iterator[int] = count(start)
    return lambda: make_id(next(numbers), variant=0x8000)


def make_id(n: int, at: datetime = NOW, variant: int = 0x9000) -> UUID:
    """The n-th id of a moment."""
    return UUID(int=int(at.timestamp() * 1000) << 80 | 7 << 76 | variant << 48 | n)


def an_output(n: int, *, minutes: float = 0, feature: str = "summary", **fields: Any) -> dict[str, Any]:
    """An `output` event, `minutes` before now."""
    return {"type": "output", **_common(n, minutes, feature), **fields}


def some_feedback(n: int, *, minutes: float = 0, feature: str = "summary", **fields: Any) -> dict[str, Any]:
    """A `feedback` event, `minutes` before now. `up` or `down` may stand for a thumb."""
    for name, value in (("up", 1), ("down", 0)):
        if fields.pop(name, False):
            fields["rating"] = {"value": value, "scale": "thumbs"}
    return {"type": "feedback", "source": "end_user", **_common(n, minutes, feature), **fields}


def a_signal(n: int, name: str, output: int, *, minutes: float = 0, feature: str = "summary", **fields: Any) -> Any:
    """A `signal` event about the output with number `output`."""
    return {"type": "signal", "name": name, "output_id": make_id(output), **_common(n, minutes, feature), **fields}


def _common(n: int, minutes: float, feature: str) -> dict[str, Any]:
    return {"id": make_id(n), "occurred_at": NOW - timedelta(minutes=minutes), "feature": feature}
