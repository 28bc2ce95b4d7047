"""Weeks and days in a project's own time zone."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.periods import bounds, days_of, last_complete, local_day, previous, week_of

ZONES = st.sampled_from(["UTC", "Europe/Oslo", "America/New_York", "Asia/Kolkata", "Pacific/Apia", "America/Sao_Paulo"])
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(INSTANTS, ZONES)
def test_an_instant_lies_within_its_week(at: datetime, tz: str) -> None:
    start, end = bounds(week_of(at, tz), tz)
    assert start <= at < end
    assert local_day(at, tz) in days_of(week_of(at, tz))


@given(INSTANTS, ZONES)
def test_weeks_follow_each_other_without_a_gap(at: datetime, tz: str) -> None:
    period = week_of(at, tz)
    start, _ = bounds(period, tz)
    assert bounds(previous(period), tz)[1] == start
    assert last_complete(at, tz) == previous(period)
    assert week_of(start - timedelta(microseconds=1), tz) == previous(period)


@pytest.mark.parametrize(
    ("at", "tz", "week"),
    [
        (datetime(2026, 12, 31, 12, tzinfo=UTC), "UTC", "2026-W53"),
        (datetime(2027, 1, 3, 12, tzinfo=UTC), "UTC", "2026-W53"),
        (datetime(2024, 12, 30, 12, tzinfo=UTC), "UTC", "2025-W01"),
        (datetime(2026, 11, 15, 23, 30, tzinfo=UTC), "UTC", "2026-W46"),
        (datetime(2026, 11, 15, 23, 30, tzinfo=UTC), "Europe/Oslo", "2026-W47"),
    ],
)
def test_the_week_is_the_iso_week_of_the_local_day(at: datetime, tz: str, week: str) -> None:
    assert week_of(at, tz) == week


@pytest.mark.parametrize(("period", "hours"), [("2026-W13", 167), ("2026-W43", 169), ("2026-W47", 168)])
def test_a_week_is_longer_or_shorter_when_the_clocks_change(period: str, hours: int) -> None:
    start, end = bounds(period, "Europe/Oslo")
    assert end - start == timedelta(hours=hours)


def test_a_day_whose_midnight_is_skipped_starts_at_the_jump() -> None:
    """In Beirut the clocks went from 00:00 to 01:00 on 27 March 2022."""
    assert local_day(datetime(2022, 3, 26, 21, 59, tzinfo=UTC), "Asia/Beirut") == date(2022, 3, 26)
    assert local_day(datetime(2022, 3, 26, 22, 0, tzinfo=UTC), "Asia/Beirut") == date(2022, 3, 27)


@pytest.mark.parametrize("text", ["2026-47", "2026-W54", "2025-W53", "2026-W00", "x", "2026-W47\n", "٢٠٢٦-W47"])
def test_what_is_no_week_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"week|Invalid"):
        bounds(text, "UTC")
