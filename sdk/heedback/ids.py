"""Ids and times as they stand on the wire. Pure but for the random bits."""

from __future__ import annotations

import os
import time
from datetime import datetime
from typing import Final

from heedback.errors import UsageError

_NS: Final = 1_000_000_000
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))


def uuid7(now_ns: int) -> str:
    """A UUIDv7 (RFC 9562, method 3) for `now_ns` nanoseconds since 1970.

    The 12 bits after the milliseconds hold the fraction of the millisecond (244 ns each), so that two clicks of one
    process sort in the order they were made: the later word on a field must win.
    """
    ms, rest = divmod(now_ns, 1_000_000)
    front = f"{ms << 16 | 0x7000 | rest * 4096 // 1_000_000:016x}"
    random = os.urandom(8).hex()
    return f"{front[:8]}-{front[8:12]}-{front[12:]}-{_VARIANT[random[0]]}{random[1:4]}-{random[4:]}"


class Stamps:
    """Nanoseconds since 1970 to RFC 3339 with milliseconds. Calls come in flocks: the latest second is remembered."""

    def __init__(self) -> None:
        self._last: tuple[int, str] = (-1, "")

    def of(self, now_ns: int) -> str:
        second, rest = divmod(now_ns, _NS)
        last = self._last
        if last[0] != second:
            last = self._last = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        return f"{last[1]}.{rest // 1_000_000:03d}Z"


def nanoseconds(moment: datetime) -> int:
    """A host's `occurred_at` as nanoseconds since 1970.

    Raises:
        UsageError: `moment` is no datetime, or has no time zone.
    """
    if not isinstance(moment, datetime) or moment.utcoffset() is None:
        raise UsageError("occurred_at", "give a datetime with a time zone")
    whole = int(moment.timestamp() // 1)
    return whole * _NS + moment.microsecond * 1000
