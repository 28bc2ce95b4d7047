"""Ids that sort by time: UUIDv7 (RFC 9562, section 5.7)."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["TIME_DIGITS", "derived_id", "horizon", "is_ahead", "milliseconds", "new_id", "tamed", "untimed"]

TIME_DIGITS: Final = 12  # of the 32 hexadecimal ones; the first, and zeros in an id without its time
_LEEWAY: Final = 24 * 3600 * 1000  # milliseconds
_CLOCKS: Final = 5 * 60 * 1000
_TIME_BITS: Final = 0xFFFF_FFFF_FFFF << 80


def new_id() -> UUID:
    """A fresh id, later than every one this process made before."""
    return uuid7()


def milliseconds(now: datetime) -> int:
    """Since 1970: how ids tell the time."""
    return int(now.timestamp() * 1000)


def horizon(now: int) -> int:
    """What no id is that is not `tamed`, as a number."""
    return now + _LEEWAY + 1 << 80


def tamed(given: UUID, now: int) -> UUID:
    """A sender's id, with its time bits zeroed if they lie more than 24 hours ahead of `now`, in milliseconds.

    Rows are partitioned by the time in their id; one from the far future would sit in a partition that no purge
    reaches. Other versions than 7 carry no time and stay as they are. From when our clock comes within 24 hours of such
    an id, it may be stored as `untimed` already: whoever is given it has to look.
    """
    return untimed(given) if _ahead(given, now) > _LEEWAY else given


def is_ahead(given: UUID, now: int) -> bool:
    """Whether the id's time lies in the future, by more than clocks differ, yet not far enough to be tamed."""
    return _CLOCKS < _ahead(given, now) <= _LEEWAY


def untimed(given: UUID) -> UUID:
    """The id without its time; the 74 random bits keep it unique."""
    return UUID(int=given.int & ~_TIME_BITS)


def _ahead(given: UUID, now: int) -> int:
    """Milliseconds by which the time in the id lies ahead of `now`; not above 0 for an id without a time."""
    ahead = (given.int >> 80) - now
    return ahead if ahead <= 0 or given.version == 7 else 0


def derived_id(*parts: str | None) -> UUID:
    """The id that belongs to this tuple: the first 122 bits of its SHA-256, as a UUIDv8 (RFC 9562, section 5.8).

    None and the empty string differ, and no two tuples run together.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"\0" if part is None else b"\1" + len(data := part.encode()).to_bytes(4) + data)
    value = int.from_bytes(digest.digest()[:16])
    return UUID(int=value & ~(0xF000 << 64) & ~(0xC000 << 48) | 0x8000 << 64 | 0x8000 << 48)
