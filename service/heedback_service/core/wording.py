"""Numbers, spans and dates as a person says them. A figure and its unit are held together by a no-break space."""

from __future__ import annotations

from datetime import date
from typing import Final

_NBSP: Final = "\u00a0"
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def count(n: int, one: str, many: str | None = None) -> str:
    """`1 person`, `1,940 people`; `many` is `one` with an s unless given."""
    return f"{n:,}{_NBSP}{one if n == 1 else many or one + 's'}"


def people(n: int) -> str:
    return count(n, "person", "people")


def percent(share: float) -> str:
    """`4.4 %` below ten, `17 %` from there on. `share` is between 0 and 1."""
    hundredths = share * 100
    whole = hundredths >= 9.95 or hundredths == 0
    return f"{hundredths:.0f}{_NBSP}%" if whole else f"{hundredths:.1f}{_NBSP}%"


def span(hours: float) -> str:
    """`40 min`, `9 h`, `3 days`."""
    minutes = max(1, round(hours * 60))
    if minutes < 60:
        return f"{minutes}{_NBSP}min"
    if round(hours) < 48:
        return f"{hours:.0f}{_NBSP}h"
    return f"{hours / 24:.0f}{_NBSP}days"


def days(first: date, last: date, *, short: bool = False) -> str:
    """`16–22 November`, `30 November – 6 December`; with `short`, three letters a month."""
    start, end = (f"{_NBSP}{_MONTHS[day.month - 1][: 3 if short else None]}" for day in (first, last))
    if first.month == last.month:
        return f"{first.day}–{last.day}{end}"
    return f"{first.day}{start} – {last.day}{end}"


def weekday(day: date) -> str:
    return _DAYS[day.weekday()]


def listed(words: list[str]) -> str:
    """`Monday`, `Monday and Tuesday`, `Monday, Tuesday and Friday`."""
    *most, last = words
    return f"{', '.join(most)} and {last}" if most else last


def clipped(text: str, characters: int) -> str:
    """`text` on one line, cut at a word with an ellipsis when it is longer than `characters`."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(line) <= characters:
        return line
    return line[: characters - 1].rsplit(" ", 1)[0].rstrip(",.;: ") + "…"
