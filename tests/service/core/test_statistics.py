"""Small-sample statistics."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.statistics import Interval, lull, surprise, wilson


def test_wilson_agrees_with_published_numbers() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857-872, table I: 81/263 and 1/29, score method."""
    for hits, of, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ]:
        found = wilson(hits, of)
        assert (found.low, found.high) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_share_lies_inside_its_interval_and_the_interval_inside_0_to_1(counts: tuple[int, int]) -> None:
    hits, of = counts
    found = wilson(hits, of)
    assert 0 <= found.low <= hits / of <= found.high <= 1


def test_of_nothing_everything_is_possible() -> None:
    assert wilson(0, 0) == Interval(0.0, 1.0)


@pytest.mark.parametrize(("hits", "of"), [(-1, 3), (4, 3)])
def test_what_is_no_share_is_refused(hits: int, of: int) -> None:
    with pytest.raises(ValueError, match="no share"):
        wilson(hits, of)


def test_surprise_is_the_binomial_tail() -> None:
    """4 of 4 events in one week of 1 + 3 weeks: (1/4)**4."""
    assert surprise(4, 0, 3) == pytest.approx(0.25**4)
    assert lull(0, 4, 3) == pytest.approx(0.75**4)


@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(0.1, 52))
def test_the_two_tails_overlap_in_the_count_itself(recent: int, earlier: int, weeks: float) -> None:
    up, down = surprise(recent, earlier, weeks), lull(recent, earlier, weeks)
    assert 0 <= up <= 1
    assert 0 <= down <= 1
    assert up + down >= 1 - 1e-9


def test_small_samples_are_no_news() -> None:
    """Three reports where one a week is usual happen by chance; thirty where ten are usual do not."""
    assert surprise(3, 4, 4) > 0.05
    assert surprise(30, 40, 4) < 0.001


def test_without_a_past_nothing_is_surprising() -> None:
    assert surprise(50, 0, 0) == 1
