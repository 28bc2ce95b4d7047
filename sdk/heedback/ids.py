"""Ids and times as they stand on the wire. Pure but for the random bits."""

from __future__ import annotations

import os
import random
import time
from datetime import datetime
from typing import Final

from heedback.errors import UsageError

_NS: Final = 1_000_000_000
_YEAR_2000: Final = 946_684_800  # what the service takes
_YEAR_2100: Final = 4_102_444_800
_VARIANT: Final = 0b10 << 62
# Seeded by the system. Ids have to differ, not to be secret, and asking the system each time costs as much as the rest.
_random: Final = random.Random()  # noqa: S311
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.seed)  # or a child would make its parent's ids


def uuid7(now_ns: int) -> str:
    """A UUIDv7 (RFC 9562, method 3) for `now_ns` nanoseconds since 1970.

    The 12 bits after the milliseconds hold the fraction of the millisecond (244 ns each), so that two clicks of one
    process sort in the order they were made: the later word on a field must win.
    """
    ms, rest = divmod(now_ns, 1_000_000)
    digits = "%012x7%03x%016x" % (ms, rest * 4096 // 1_000_000, _VARIANT | _random.getrandbits(62))  # noqa: UP031 quicker
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


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
        UsageError: `moment` is no datetime, has no time zone, or is not in the years 2000 to 2099.
    """
    if not isinstance(moment, datetime):
        raise UsageError("occurred_at", "takes a datetime with a time zone", moment)
    if moment.utcoffset() is None:
        raise UsageError("occurred_at", "takes a datetime with a time zone, not one without")
    whole = int(moment.timestamp() // 1)
    if not _YEAR_2000 <= whole < _YEAR_2100:
        raise UsageError("occurred_at", f"takes a time in the years 2000 to 2099, not in {moment.year}")
    return whole * _NS + moment.microsecond * 1000
