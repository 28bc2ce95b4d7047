"""What simulated answers of a maintainer teach, on texts whose groups are known.

    learned = answer(pairs, gold)                      # 50 answers, each on the pair that is shown first
    measured = compare(texts, gold, learned, grouping) # F1 with the learnt threshold, and with the best there is

A grouping is a function of (texts, threshold) that returns a group for each text, so that whatever is to be measured
can be: items as they join, or themes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from heedback_service.core.calibration import STEPS, Answer, reaching

ANSWERS: Final = 50
# F1 is best where a pair is called the same from half the F1 on that can be reached (Z. C. Lipton, C. Elkan,
# B. Naryanaswamy, Optimal thresholding of classifiers to maximize F1 measure, ECML PKDD 2014): themes reach about 0.4.
WORTH: Final = 0.2
LIGHT: Final = 1.0  # imaginary answers a step: a text in the wrong theme costs a glance, one in the wrong item trust
CLOSE: Final = 0.9  # of the best F1

Grouping = Callable[[Sequence[str], float], Sequence[Hashable]]


class Pair(NamedTuple):
    """Two texts, by their places, and the score by which the product ranks them."""

    score: float
    a: int
    b: int


@dataclass(frozen=True, slots=True)
class Taught:
    """`threshold`: learnt from the answers, `yes` of which said "the same"."""

    threshold: float
    answers: int
    yes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """B-cubed F1 with the learnt threshold, with the best one of all steps, and with that one's own threshold."""

    learned: float
    best: float
    best_at: float

    @property
    def is_close(self) -> bool:
        return self.learned >= CLOSE * self.best


def answer(pairs: Iterable[Pair], gold: Sequence[Hashable], count: int = ANSWERS) -> Taught:
    """Answer, one after the other, the pair about which the product knows least, as it would be shown first.

    That is the open pair nearest to the threshold as it stands after the answers before, where each answer in a step of
    the scores makes the next one there worth a step less: a hundred pairs of one score tell no more than a few.
    """
    waiting = sorted(pairs, reverse=True)
    given: list[Answer] = []
    asked: Counter[int] = Counter()
    at = _learnt(given)
    while waiting and len(given) < count:
        away = [abs(pair.score - at) * STEPS + asked[int(pair.score * STEPS)] for pair in waiting]
        shown = waiting.pop(min(range(len(waiting)), key=away.__getitem__))
        asked[int(shown.score * STEPS)] += 1
        given.append(Answer(shown.score, gold[shown.a] == gold[shown.b]))
        at = _learnt(given)
    return Taught(at, len(given), sum(each.same for each in given))


def compare(texts: Sequence[str], gold: Sequence[Hashable], taught: Taught, grouping: Grouping) -> Measured:
    """How good the learnt threshold is beside the best one, which nobody can know without the gold."""
    found = {step / STEPS: b_cubed(grouping(texts, step / STEPS), gold) for step in range(1, STEPS + 1)}
    best_at = max(found, key=lambda at: (found[at], at))
    return Measured(b_cubed(grouping(texts, taught.threshold), gold), found[best_at], best_at)


def b_cubed(groups: Sequence[Hashable], gold: Sequence[Hashable]) -> float:
    """The harmonic mean of B-cubed precision and recall (A. Bagga, B. Baldwin, LREC 1998)."""
    shared = Counter(zip(groups, gold, strict=True))
    sizes, true_sizes = Counter(groups), Counter(gold)
    precision = sum(n * n / sizes[group] for (group, _), n in shared.items()) / len(gold)
    recall = sum(n * n / true_sizes[truth] for (_, truth), n in shared.items()) / len(gold)
    return 2 * precision * recall / (precision + recall)


def _learnt(given: Sequence[Answer]) -> float:
    found = reaching(given, WORTH, LIGHT)
    return 1.0 if found is None else found
