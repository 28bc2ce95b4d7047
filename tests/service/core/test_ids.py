"""An id that lies more than a day ahead loses its time; how far that is, is known as a number too."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.ids import horizon, milliseconds, tamed, untimed
from support import NOW, make_id

DAY = timedelta(days=1)
AT = milliseconds(NOW)


@pytest.mark.parametrize(
    ("ahead", "keeps"),
    [(-DAY, True), (DAY, True), (DAY + timedelta(milliseconds=1), False), (365 * DAY, False)],
    ids=["past", "a day", "a millisecond more", "a year"],
)
def test_a_day_is_the_limit(ahead: timedelta, keeps: bool) -> None:
    given = make_id(1, at=NOW + ahead)
    assert tamed(given, AT) == (given if keeps else untimed(given))
    assert (given.int < horizon(AT)) == keeps


@given(st.integers(-3 * 86_400_000, 3 * 86_400_000))
def test_nothing_below_the_horizon_is_tamed(ahead: int) -> None:
    each = make_id(1, at=NOW + timedelta(milliseconds=ahead))
    assert (tamed(each, AT) != each) == (each.int >= horizon(AT))


def test_an_id_without_a_time_stays_as_it_is() -> None:
    for each in (uuid4() for _ in range(100)):
        assert tamed(each, AT) == each
