"""Reads the sample file: who asked what when, and what they said about the answer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).with_name("sample_feedback.jsonl")
FIRST_DAY: Final = -34  # Monday of the first of five weeks; day 0 is the Sunday that ends the fifth
SAID: Final = ("rating", "reasons", "comment", "correction", "flag_reasons", "asked", "retracted")
OPENS: Final = 8 * 60  # people browse from 8:00
DAY_MINUTES: Final = 10 * 60  # for ten hours
WORK_MINUTES: Final = 5 * DAY_MINUTES  # on weekdays


@dataclass(frozen=True, slots=True)
class Visit:
    """One person looks at one answer. `said` holds what is feedback in the line; empty: nothing was said."""

    at: datetime
    person: str
    feature: str
    asked: str
    release: dict[str, str]
    said: dict[str, Any]


class Sample:
    """The file, read. Day 0 falls on `anchor`; times are local to `zone`."""

    def __init__(self, file: Path, anchor: date, zone: tzinfo) -> None:
        with file.open(encoding="utf-8") as lines:
            self.header, *self.lines = (json.loads(line) for line in lines)
        self.people: dict[str, dict[str, str]] = self.header["people"]
        self._anchor = anchor
        self._zone = zone

    def visits(self, until: datetime) -> list[Visit]:
        """Everything that happened before `until`, in order of time."""
        visits = (visit for number, line in enumerate(self.lines) for visit in self._visits(number, line))
        return sorted((visit for visit in visits if visit.at < until), key=lambda visit: visit.at)

    def _visits(self, number: int, line: dict[str, Any]) -> Iterator[Visit]:
        if "times_a_week" in line:
            for person, day, clock in self._browsing(number, line["times_a_week"]):
                yield self._visit(line, person, day, clock)
        else:
            yield self._visit(line, line["person"], line["day"], time.fromisoformat(line["time"]))

    def _browsing(self, number: int, times_a_week: list[int]) -> Iterator[tuple[str, int, time]]:
        """Person, day and time of the visits that are only counted in the file: spread, always the same."""
        people = list(self.people)
        for week, times in enumerate(times_a_week):
            for nth in range(times):
                # Strides that share no factor with what they run over, so that nothing falls into step.
                day, minute = divmod((number * 37 + nth * 1009 + week * 131) % WORK_MINUTES, DAY_MINUTES)
                person = people[(number * 7 + nth * 11 + week) % len(people)]
                yield person, FIRST_DAY + 7 * week + day, time(*divmod(OPENS + minute, 60))

    def _visit(self, line: dict[str, Any], person: str, day: int, clock: time) -> Visit:
        at = datetime.combine(self._anchor + timedelta(days=day), clock, self._zone)
        said: dict[str, Any] = {key: line[key] for key in SAID if key in line}
        return Visit(at, person, line["feature"], line.get("question") or line["page"], self._release(day), said)

    def _release(self, day: int) -> dict[str, str]:
        current: dict[str, str] = {}
        for release in self.header["releases"]:
            if release["from_day"] <= day:
                current |= {key: release[key] for key in ("prompt", "model") if key in release}
        return current


def last_sunday(today: date) -> date:
    """The Sunday that ends the last complete ISO week before `today`."""
    return today - timedelta(days=today.isoweekday())
