"""What a project learns from its people's answers: carefully, never backwards, and no more than they said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core import calibration
from heedback_service.core.calibration import LOWEST, PRECISION, Answer
from heedback_service.core.grouping import JOIN_AT

ANSWERS = st.lists(st.builds(Answer, st.floats(0, 1), st.booleans()), max_size=60)


def test_with_no_answers_it_is_what_every_project_starts_with() -> None:
    assert calibration.threshold([]) == JOIN_AT
    known = calibration.precision([], JOIN_AT)
    assert (known.share, known.answers) == (PRECISION, 0)
    assert known.interval.low < 0.8


@pytest.mark.parametrize(
    ("answers", "at"),
    [
        ([Answer(0.86, True)] * 8, 0.88),
        ([Answer(0.86, True)] * 9, 0.86),
        ([Answer(0.91, False)], 0.92),
        ([Answer(0.3, True)] * 5, 0.88),
        ([Answer(1.0, False)] * 40, 1.0),
    ],
    ids=["too few", "nine merges", "one split", "far below", "nothing holds"],
)
def test_it_moves_by_what_the_docstring_says(answers: list[Answer], at: float) -> None:
    assert calibration.threshold(answers) == at


def test_however_many_say_so_nothing_joins_where_keys_find_hardly_anything() -> None:
    assert calibration.threshold([Answer(score / 50, True) for score in range(51)] * 1000) == LOWEST


def test_a_light_prior_gives_way_to_few_answers() -> None:
    assert calibration.reaching([], 0.5, 1.0) == calibration.reaching([], 0.5) == 0.48
    answers = [Answer(0.3, True)] * 3
    light, heavy = calibration.reaching(answers, 0.5, 1.0), calibration.reaching(answers, 0.5)
    assert light == 0.3
    assert heavy is not None
    assert heavy > 0.4


@given(ANSWERS)
def test_the_nearer_the_likelier(answers: list[Answer]) -> None:
    fitted = calibration.curve(answers)
    assert fitted == sorted(fitted)
    assert all(0 <= share <= 1 for share in fitted)


@given(ANSWERS)
def test_it_never_joins_below_what_the_promised_precision_supports(answers: list[Answer]) -> None:
    at = calibration.threshold(answers)
    assert LOWEST <= at <= 1
    assert at == 1 or calibration.curve(answers)[round(at * calibration.STEPS)] >= PRECISION - 1e-6


@given(ANSWERS, st.floats(0, 1))
def test_a_yes_never_raises_the_threshold_and_a_no_never_lowers_it(answers: list[Answer], score: float) -> None:
    before = calibration.threshold(answers)
    assert calibration.threshold([*answers, Answer(score, False)]) >= before
    assert calibration.threshold([*answers, Answer(score, True)]) <= before


@given(ANSWERS, st.randoms())
def test_the_order_of_answers_does_not_matter(answers: list[Answer], rng: object) -> None:
    shuffled = list(answers)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert calibration.curve(shuffled) == calibration.curve(answers)


@given(ANSWERS)
def test_precision_counts_the_answers_at_or_above_the_threshold(answers: list[Answer]) -> None:
    known = calibration.precision(answers, JOIN_AT)
    assert known.answers == sum(answer.score >= JOIN_AT for answer in answers)
    assert 0 <= known.interval.low <= known.share <= known.interval.high <= 1


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0.1, 9)), min_size=1, max_size=12))
def test_pooling_keeps_the_weighted_mean(pairs: list[tuple[float, float]]) -> None:
    values, weights = [value for value, _ in pairs], [weight for _, weight in pairs]
    fitted = calibration.isotonic(values, weights)
    assert all(a <= b + 1e-12 for a, b in pairwise(fitted))
    total = sum(weights)
    means = [sum(v * w for v, w in zip(each, weights, strict=True)) / total for each in (fitted, values)]
    assert means[0] == pytest.approx(means[1])
