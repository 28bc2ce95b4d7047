"""Ids that sort by time: UUIDv7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["derived_id", "new_id", "tamed"]

_AHEAD: Final = timedelta(hours=24)
_TIME_BITS: Final = 0xFFFF_FFFF_FFFF << 80


def new_id() -> UUID:
    """A fresh id, later than every one this process made before."""
    return UUID(int=uuid7().int)


def tamed(given: UUID, now: datetime) -> UUID:
    """A sender's id, with its time bits zeroed if they lie more than 24 hours ahead of `now`.

    Rows are partitioned by the time in their id; one from the far future would sit in a partition that no purge
    reaches. Other versions than 7 carry no time and stay as they are. What refers to the id is tamed alike, until our
    clock comes within 24 hours of that future: a day or more for a clock that is two days ahead, years for the usual
    wrong one.
    """
    if given.version != 7:
        return given
    milliseconds = given.int >> 80
    if milliseconds <= (now + _AHEAD).timestamp() * 1000:
        return given
    return UUID(int=given.int & ~_TIME_BITS)


def derived_id(*parts: str | None) -> UUID:
    """The id that belongs to this tuple: the first 122 bits of its SHA-256, as a UUIDv8 (RFC 9562, section 5.8).

    None and the empty string differ, and no two tuples run together.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"\0" if part is None else b"\1" + len(data := part.encode()).to_bytes(4) + data)
    value = int.from_bytes(digest.digest()[:16])
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48)
