"""From people's answers about pairs to the nearness at which a project's reports join by themselves.

An answer is how near two reports are (`nearness.near`, 0 to 1), and whether a person said they are about one problem.
The share of pairs of nearness s that are one problem is fitted by isotonic regression, which only assumes that it
never falls as s grows: the pool adjacent violators algorithm (M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid,
E. Silverman, An empirical distribution function for sampling with incomplete information, Annals of Mathematical
Statistics 26 (1955) 641-647); for calibrating a classifier, B. Zadrozny, C. Elkan, KDD 2002, 694-699.

Nearness is cut into steps of 0.02. Before any answer, each step holds `PRIOR` imaginary ones, of which

    p0(s) = 0.95 · s / 0.88 below 0.88,    0.95 + 0.05 · (s - 0.88) / 0.12 from there on

are "the same": 0.95 at `JOIN_AT`, and nothing known of any project. With n answers in a step, k of them "the same", it
holds (PRIOR · p0(s) + k) / (PRIOR + n), with the weight PRIOR + n; then steps that fall are pooled. So nine merges and
no split at 0.86 bring joining down to 0.86, and one split at 0.90 takes it up to 0.92.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from heedback_service.core.grouping import JOIN_AT
from heedback_service.core.statistics import Interval, wilson_of_share

PRECISION: Final = 0.95  # what a join promises: the share of pairs at the threshold that are one problem
PRIOR: Final = 20  # imaginary answers in each step
STEPS: Final = 50  # of nearness, from 0 to 1
LOWEST: Final = 0.70  # no project joins below, whatever people say: keys find hardly any pair there
_HAIR: Final = 1e-9  # what floating point may miss


class Answer(NamedTuple):
    """How near a pair is, and whether it is one problem."""

    score: float
    same: bool


@dataclass(frozen=True, slots=True)
class Precision:
    """What is known of the pairs that join: the share that is one problem, with a 95 % interval.

    Attributes:
        answers: about pairs at or above the threshold, `same` of which said that they are one problem.
    """

    share: float
    interval: Interval
    answers: int
    same: int


def curve(answers: Iterable[Answer], prior: float = PRIOR) -> list[float]:
    """For each step from 0 to 1, the share of pairs of this nearness that are one problem. It never falls.

    `prior`: imaginary answers in each step, more than 0; few where a mistake costs little.
    """
    asked: Counter[int] = Counter()
    agreed: Counter[int] = Counter()
    for answer in answers:
        asked[_step(answer.score)] += 1
        agreed[_step(answer.score)] += answer.same
    weights = [prior + asked[step] for step in range(STEPS + 1)]
    shares = [(prior * _prior(step / STEPS) + agreed[step]) / weight for step, weight in enumerate(weights)]
    return isotonic(shares, weights)


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """The never-falling sequence nearest to `values` by weighted squares: adjacent violators are pooled."""
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight in zip(values, weights, strict=True):
        pool = (value, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, heavy, count = pools.pop()
            total = heavy + pool[1]
            pool = ((mean * heavy + pool[0] * pool[1]) / total, total, count + pool[2])
        pools.append(pool)
    return [mean for mean, _, count in pools for _ in range(count)]


def reaching(answers: Iterable[Answer], share: float, prior: float = PRIOR) -> float | None:
    """The least nearness, in steps, from which on pairs are one problem with this probability; None if none is."""
    for step, fitted in enumerate(curve(answers, prior)):
        if fitted >= share - _HAIR:
            return step / STEPS
    return None


def threshold(answers: Iterable[Answer]) -> float:
    """The nearness at which reports of this project join: `JOIN_AT` as long as nobody has answered.

    Never below `LOWEST`. Where nothing reaches `PRECISION`, 1: only texts of the same words join.
    """
    found = reaching(answers, PRECISION)
    return 1.0 if found is None else max(LOWEST, found)


def precision(answers: Sequence[Answer], at: float) -> Precision:
    """How often joins at this threshold are right, by the answers at or above it and one step's worth of prior.

    (PRIOR · 0.95 + k) / (PRIOR + n) for k "the same" of n answers, with Wilson's interval (see `statistics.wilson`) of
    that share of PRIOR + n. People seldom confirm what joined rightly and do split what joined wrongly: so this is
    rather too low than too high.
    """
    above = [answer for answer in answers if answer.score >= at - _HAIR]
    same = sum(answer.same for answer in above)
    of = PRIOR + len(above)
    share = (PRIOR * PRECISION + same) / of
    return Precision(share, wilson_of_share(share, of), len(above), same)


def _step(score: float) -> int:
    """Downwards: what is said of a nearness is said of no lower one."""
    return min(STEPS, max(0, int(score * STEPS + _HAIR)))


def _prior(score: float) -> float:
    if score < JOIN_AT:
        return PRECISION * score / JOIN_AT
    return PRECISION + (1 - PRECISION) * (score - JOIN_AT) / (1 - JOIN_AT)
