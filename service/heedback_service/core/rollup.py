"""The one arithmetic of counts: what a row adds, and the difference that a change makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, partial
from typing import Final, NamedTuple
from uuid import UUID

from heedback.limits import SIGNALS

DayKey = tuple[date, UUID]  # project-local day, slice
PersonKey = tuple[date, UUID, str]
Counts = Mapping[str, int]
Sums = defaultdict[str, int]

DAY_COUNTS: Final = (
    "outputs",
    "errors",
    "timed",
    "latency_us",
    "input_tokens",
    "output_tokens",
    "cost_nano",
    *SIGNALS,
    "rated",
    "up",
    "neutral",
    "down",
    "flagged",
    "corrected",
    "unlinked",
)
_POLES: Final = {1: "up", 0: "neutral", -1: "down"}
_UNLINKED: Final[Counts] = {"unlinked": 1}
PERSON_COUNTS: Final = ("outputs", "rated", "down", "flagged")


class Row(NamedTuple):
    """What one stored row counts for, in its day and slice; `person` is None for the anonymous."""

    day: date
    slice_id: UUID
    person: str | None
    counts: Counts


_sums: Final = partial(Sums, int)


@dataclass(slots=True)
class Delta:
    """Differences summed by key, for one upsert a key."""

    days: dict[DayKey, Sums] = field(default_factory=lambda: defaultdict(_sums))
    people: dict[PersonKey, Sums] = field(default_factory=lambda: defaultdict(_sums))

    def apply(self, before: Row | None, after: Row | None) -> None:
        """Take away what `before` counted and add what `after` counts; None counts nothing."""
        if before == after:
            return
        if before is not None:
            self._add(before, -1)
        if after is not None:
            self._add(after, 1)

    def _add(self, row: Row, sign: int) -> None:
        day, slice_id, person, counts = row
        in_day = self.days[day, slice_id]
        for name, n in counts.items():
            in_day[name] += sign * n
        if person is not None:
            of_person = self.people[day, slice_id, person]
            for name, n in counts.items():
                if name in PERSON_COUNTS:
                    of_person[name] += sign * n


def output_row(
    day: date,
    slice_id: UUID,
    person: str | None,
    *,
    error: bool,
    latency_us: int | None,
    input_tokens: int | None,
    output_tokens: int | None,
    cost_nano: int | None,
) -> Row:
    """An output counts once, with its error, time, tokens and cost."""
    counts = {
        "outputs": 1,
        "errors": int(error),
        "timed": int(latency_us is not None),
        "latency_us": latency_us or 0,
        "input_tokens": input_tokens or 0,
        "output_tokens": output_tokens or 0,
        "cost_nano": cost_nano or 0,
    }
    return Row(day, slice_id, person, {name: n for name, n in counts.items() if n})


def feedback_row(
    day: date,
    slice_id: UUID,
    person: str | None,
    *,
    counts: bool,
    linked: bool,
    polarity: int | None,
    flag: bool,
    correction: bool,
) -> Row | None:
    """Feedback counts unless it is retracted, spam, or not an end user's. Without its output it has no denominator."""
    if not counts:
        return None
    if not linked:
        return Row(day, slice_id, None, _UNLINKED)
    return Row(day, slice_id, person, _said(polarity, flag, correction))


@cache  # of the sixteen there are
def _said(polarity: int | None, flag: bool, correction: bool) -> Counts:
    counted: dict[str, int] = {}
    if polarity is not None:
        counted |= {"rated": 1, _POLES[polarity]: 1}
    if flag:
        counted["flagged"] = 1
    if correction:
        counted["corrected"] = 1
    return counted


def signal_row(day: date, slice_id: UUID, name: str) -> Row:
    """A signal counts once an output, however often it is sent."""
    return Row(day, slice_id, None, {name: 1})


def total(rows: Iterable[Row]) -> Delta:
    """What the roll-ups must say about these rows and no others."""
    delta = Delta()
    for row in rows:
        delta.apply(None, row)
    return delta
