"""Numbers, spans and dates as a person says them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.wording import clipped, count, days, listed, people, percent, span


def plain(words: str) -> str:
    return words.replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("share", "said"),
    [(0, "0 %"), (0.004, "0.4 %"), (0.044, "4.4 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (0.17, "17 %"), (1, "100 %")],
)
def test_small_shares_have_a_decimal_and_large_ones_none(share: float, said: str) -> None:
    assert plain(percent(share)) == said


@pytest.mark.parametrize(
    ("hours", "said"),
    [
        (0, "1 min"),
        (0.5, "30 min"),
        (0.995, "1 h"),
        (1, "1 h"),
        (9.4, "9 h"),
        (47.9, "2 days"),
        (47.4, "47 h"),
        (48, "2 days"),
    ],
)
def test_spans_use_their_largest_handy_unit(hours: float, said: str) -> None:
    assert plain(span(hours)) == said


def test_one_is_singular_and_thousands_are_grouped() -> None:
    assert [plain(count(n, "item")) for n in (0, 1, 1940)] == ["0 items", "1 item", "1,940 items"]
    assert [plain(people(n)) for n in (1, 2)] == ["1 person", "2 people"]


@pytest.mark.parametrize(
    ("first", "last", "short", "said"),
    [
        (date(2026, 11, 16), date(2026, 11, 22), False, "16–22 November"),
        (date(2026, 11, 16), date(2026, 11, 22), True, "16–22 Nov"),
        (date(2026, 12, 28), date(2027, 1, 3), False, "28 December – 3 January"),
    ],
)
def test_a_week_names_its_month_once_if_it_has_one(first: date, last: date, short: bool, said: str) -> None:
    assert plain(days(first, last, short=short)) == said


def test_lists_end_in_and() -> None:
    assert [listed(words) for words in (["a"], ["a", "b"], ["a", "b", "c"])] == ["a", "a and b", "a, b and c"]


@given(st.text(), st.integers(2, 40))
def test_clipped_words_are_one_line_of_bounded_length_and_clipping_twice_is_clipping_once(text: str, n: int) -> None:
    once = clipped(text, n)
    assert len(once) <= n
    assert once == "" or once.isprintable()
    assert clipped(once, n) == once
