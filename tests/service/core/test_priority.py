"""Priority is arithmetic a person can read."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import exp, factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.priority import (
    PAST_WEEKS,
    WEEK,
    Factors,
    Trend,
    Weights,
    ago,
    emphases,
    phrases,
    score,
    trend,
)

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
STEADY = Trend(recent=2, usual=2.0, chance=0.6, factor=1.0)
ITEM = Factors(14, 21, 2, "because people say it is incorrect", STEADY, NOW - timedelta(days=40), NOW)
FACTORS = st.builds(
    Factors,
    people=st.integers(0, 10_000),
    reports=st.integers(1, 10_000),
    severity=st.integers(0, 3),
    severity_why=st.just("because"),
    trend=st.builds(Trend, st.integers(0, 50), st.none(), st.just(1.0), st.floats(0.5, 2)),
    first_at=st.just(NOW - timedelta(days=400)),
    last_at=st.integers(0, 400).map(lambda days: NOW - timedelta(days=days)),
    weights=st.builds(Weights, *[st.floats(0, 3)] * 4),
)


def days_ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=each) for each in days]


def told_by(times: list[datetime], first_at: datetime, now: datetime) -> Trend:
    recent = sum(at > now - WEEK for at in times)
    earlier = sum(now - WEEK * (PAST_WEEKS + 1) < at <= now - WEEK for at in times)
    return trend(recent, earlier, first_at, now)


def test_a_score_can_be_worked_out_by_hand() -> None:
    """14 people: log2(15) = 3.91; severity 2: × 2; steady: × 1; just now: × 1. 100 × 7.81 / 11.81 = 66."""
    assert score(ITEM, NOW) == 66


@given(FACTORS)
def test_more_people_a_worse_severity_a_rise_and_a_fresh_report_never_lower_a_score(item: Factors) -> None:
    higher = [
        replace(item, people=item.people * 2 + 1),
        replace(item, severity=min(3, item.severity + 1)),
        replace(item, trend=replace(item.trend, factor=min(2.0, item.trend.factor * 1.5))),
        replace(item, last_at=NOW),
    ]
    assert all(score(other, NOW) >= score(item, NOW) for other in higher)
    assert 0 <= score(item, NOW) <= 100


@given(FACTORS, FACTORS)
def test_severity_3_comes_before_everything_else(one: Factors, other: Factors) -> None:
    harm, dislike = replace(one, severity=3), replace(other, severity=2)
    assert score(harm, NOW) > score(dislike, NOW)


def test_an_item_without_reports_has_no_priority() -> None:
    assert score(replace(ITEM, people=0, reports=0, severity=0), NOW) == 0


@given(FACTORS)
def test_factors_survive_json(item: Factors) -> None:
    assert Factors.from_json(item.as_json()) == item


def test_what_was_stored_before_there_were_weights_is_read() -> None:
    stored = ITEM.as_json()
    del stored["weights"]
    assert Factors.from_json(stored) == ITEM


def test_a_weight_is_the_exponent_of_its_factor() -> None:
    """Severity 2 weighed double: log2(15) × 2², 100 × 15.63 / 19.63 = 80."""
    assert score(replace(ITEM, weights=Weights(severity=2)), NOW) == 80


@given(FACTORS, FACTORS)
def test_a_factor_of_weight_0_counts_nothing(one: Factors, other: Factors) -> None:
    nothing = Weights(0, 0, 0, 0)
    one, other = replace(one, weights=nothing, severity=1), replace(other, weights=nothing, severity=2)
    assert score(one, NOW) == score(other, NOW) == 20


def test_weights_are_told_behind_what_they_weigh() -> None:
    assert emphases(Weights()) == ("", "", "", "")
    assert emphases(Weights(people=0.5, trend=0)) == ("weight 0.5", "", "weight 0: not counted", "")


def test_a_rise_needs_more_than_chance() -> None:
    past = days_ago(10, 16, 25, 30)
    first = min(past)
    assert told_by(past + days_ago(1, 2), first, NOW).factor == 1
    risen = told_by(past + days_ago(*[n / 2 for n in range(10)]), first, NOW)
    assert risen.recent == 10
    assert risen.chance < 0.05
    assert risen.factor == 2


@pytest.mark.parametrize("weeks", [1, 3, 8])
@pytest.mark.parametrize("usual", [0.2, 1, 4])
def test_where_nothing_changes_a_trend_is_claimed_in_fewer_than_5_of_100_weeks(usual: float, weeks: int) -> None:
    """Exact: all pairs of Poisson counts that are not next to impossible, by their probabilities."""
    first_at = NOW - WEEK * (weeks + 1)
    likely = [(n, poisson(n, usual)) for n in range(25)]
    past = [(n, poisson(n, usual * weeks)) for n in range(80)]
    claimed = [
        p * q for recent, p in likely for earlier, q in past if trend(recent, earlier, first_at, NOW).factor != 1
    ]
    assert sum(p for _, p in likely) * sum(q for _, q in past) > 0.999
    assert sum(claimed) < 0.05


def poisson(n: int, mean: float) -> float:
    return exp(-mean) * mean**n / factorial(n)


@pytest.mark.parametrize(("recent", "voices", "factor"), [(3, 2, 2), (2, 2, 1), (3, 1, 1), (40, 1, 1), (3, None, 2)])
def test_a_rise_takes_three_reports_of_two_people(recent: int, voices: int | None, factor: float) -> None:
    found = trend(recent, 0, NOW - timedelta(weeks=9), NOW, voices=voices)
    assert (found.chance < 0.05, found.factor) == (True, factor)


def test_a_fall_lowers_but_never_below_half() -> None:
    past = days_ago(*[7.5 + n for n in range(40)])
    assert told_by(past, min(past), NOW).factor == 0.5


def test_a_new_item_has_no_past_to_rise_from() -> None:
    assert told_by(days_ago(0, 1, 2), NOW - timedelta(days=2), NOW) == Trend(3, None, 1.0, 1.0)


@given(st.integers(0, 5000), st.integers(0, 5000), st.floats(0, 1000))
def test_a_trend_stays_within_its_limits(recent: int, earlier: int, days: float) -> None:
    found = trend(recent, earlier, NOW - timedelta(days=days), NOW)
    assert 0.5 <= found.factor <= 2
    assert 0 <= found.chance <= 1


def test_the_factors_speak() -> None:
    item = replace(ITEM, trend=Trend(16, 5.0, 0.001, 1.79), last_at=NOW - timedelta(hours=1))
    assert phrases(item, NOW) == (
        "14 people",
        "severity 2 because people say it is incorrect",
        "3.2× its usual week",
        "last report 1 h ago",
    )


@pytest.mark.parametrize(
    ("people", "reports", "said"), [(1, 3, "1 person"), (0, 1, "1 anonymous report"), (0, 5, "5 anonymous reports")]
)
def test_people_are_counted_in_words(people: int, reports: int, said: str) -> None:
    assert phrases(replace(ITEM, people=people, reports=reports), NOW)[0] == said


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (Trend(3, None, 1.0, 1.0), "new: 3 reports so far"),
        (Trend(3, 2.0, 0.3, 1.0), "no surprise: 3 in 7 days, usually 2.0 a week"),
        (Trend(0, 2.0, 0.3, 1.0), "no surprise: none in 7 days, usually 2.0 a week"),
        (Trend(1, 0.0, 0.3, 1.0), "no surprise: 1 in 7 days, none in the 8 weeks before"),
        (Trend(9, 0.5, 0.01, 1.0), "too few reports or people to be a rise: 9 in 7 days, usually 0.5 a week"),
        (Trend(0, 6.0, 0.01, 0.5), "quiet: none in 7 days, usually 6.0 a week"),
        (Trend(4, 0.0, 0.01, 2.0), "back: 4 reports in 7 days, none in the 8 weeks before"),
    ],
)
def test_a_trend_is_told_as_it_is(seen: Trend, said: str) -> None:
    assert phrases(replace(ITEM, trend=seen), NOW)[2] == said


@pytest.mark.parametrize(
    ("minutes", "said"),
    [
        (-5, "just now"),
        (0.5, "just now"),
        (59, "59 min ago"),
        (61, "1 h ago"),
        (47 * 60, "47 h ago"),
        (49 * 60, "2 d ago"),
    ],
)
def test_times_are_relative_to_now(minutes: float, said: str) -> None:
    assert ago(NOW - timedelta(minutes=minutes), NOW) == said


def test_an_item_that_grows_from_its_first_day_is_new_and_not_usual() -> None:
    young = trend(recent=12, earlier=2, first_at=NOW - timedelta(days=10), now=NOW)
    assert (young.recent, young.usual, young.factor) == (14, None, 1.0)
