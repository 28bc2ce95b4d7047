"""When something happened, by our clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_widgets.rules import corrected
from support import NOW

FIRST, END = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ON_THE_WIRE = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31, 23, 59, 59)).map(  # noqa: DTZ001
    lambda moment: moment.replace(tzinfo=UTC)
)


@pytest.mark.parametrize("seconds", [-60, -1, 0, 1, 60])
def test_a_clock_that_is_nearly_right_is_believed(seconds: int) -> None:
    said = NOW - timedelta(days=3)
    assert corrected(said, NOW + timedelta(seconds=seconds), NOW) == said


@pytest.mark.parametrize("off", [timedelta(minutes=2), timedelta(days=-400), timedelta(days=9000)])
def test_a_clock_that_is_off_is_put_right(off: timedelta) -> None:
    happened = NOW - timedelta(hours=1)
    assert corrected(happened + off, NOW + off, NOW) == happened


def test_nothing_lies_ahead_nor_before_what_the_wire_takes() -> None:
    assert corrected(NOW + timedelta(days=1), NOW, NOW) == NOW + timedelta(minutes=1)
    assert corrected(FIRST, datetime(2099, 12, 31, tzinfo=UTC), NOW) == FIRST


@given(occurred_at=ON_THE_WIRE, sent_at=ON_THE_WIRE)
def test_what_is_corrected_could_have_been_sent(occurred_at: datetime, sent_at: datetime) -> None:
    assert FIRST <= corrected(occurred_at, sent_at, NOW) < END
