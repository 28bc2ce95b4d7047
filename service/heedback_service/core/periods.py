"""Calendar periods of a project, in its own time zone: days, and ISO 8601 weeks written `2026-W47`."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

_WEEK: Final = re.compile(r"([0-9]{4})-W([0-9]{2})")


def local_day(at: datetime, tz: str) -> date:
    """The calendar day of the instant `at` in zone `tz`.

    Raises:
        ZoneInfoNotFoundError: there is no such zone.
    """
    return at.astimezone(ZoneInfo(tz)).date()


def week_of(at: datetime, tz: str) -> str:
    """The ISO week of the instant `at` in zone `tz`. Around New Year its year is not the day's."""
    year, week, _ = local_day(at, tz).isocalendar()
    return f"{year:04}-W{week:02}"


def bounds(period: str, tz: str) -> tuple[datetime, datetime]:
    """The instants, in UTC, at which `period` starts (included) and ends (excluded).

    From local midnight on Monday to the next one: 167 or 169 hours when the clocks change.

    Raises:
        ValueError: `period` is no week such as `2026-W47`.
    """
    monday = _monday(period)
    return _midnight(monday, tz), _midnight(monday + timedelta(days=7), tz)


def days_of(period: str) -> tuple[date, ...]:
    """The seven days of `period`, Monday first. Raises ValueError like `bounds`."""
    monday = _monday(period)
    return tuple(monday + timedelta(days=n) for n in range(7))


def previous(period: str) -> str:
    """The week before. Raises ValueError like `bounds`."""
    year, week, _ = (_monday(period) - timedelta(days=7)).isocalendar()
    return f"{year:04}-W{week:02}"


def last_complete(now: datetime, tz: str) -> str:
    """The latest week that was over at `now`."""
    return previous(week_of(now, tz))


def _monday(period: str) -> date:
    matched = _WEEK.fullmatch(period)
    if matched is not None:
        with contextlib.suppress(ValueError):  # that year has no such week
            return date.fromisocalendar(int(matched[1]), int(matched[2]), 1)
    raise ValueError(f"{period!r} is no week; write it like 2026-W47")


def _midnight(day: date, tz: str) -> datetime:
    """The day's first instant. Where the clocks skip midnight, that is the instant of the jump: PEP 495 gives a time in
    the gap the offset before it."""
    return datetime.combine(day, time(), ZoneInfo(tz)).astimezone(UTC)
