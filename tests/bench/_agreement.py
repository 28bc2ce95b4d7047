"""How well a grouping agrees with a known one. Standard library only."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Agreement:
    """B-cubed precision, recall and F1 (Amigó et al. 2009), V-measure (Rosenberg and Hirschberg 2007), adjusted Rand
    index (Hubert and Arabie 1985). All are 1 when both groupings are one; the index is 0 for what chance would do."""

    precision: float
    recall: float
    f1: float
    v: float
    ari: float


def agreement(gold: Sequence[Hashable], found: Sequence[Hashable]) -> Agreement:
    """`found` against `gold`, text by text; a None in `found` stands for a group of one."""
    alone = [("alone", at) if group is None else ("group", group) for at, group in enumerate(found)]
    both, right, ours, texts = Counter(zip(gold, alone, strict=True)), Counter(gold), Counter(alone), len(gold)
    precision = sum(n * n / ours[group] for (_, group), n in both.items()) / texts
    recall = sum(n * n / right[group] for (group, _), n in both.items()) / texts
    return Agreement(
        precision, recall, 2 * precision * recall / (precision + recall), _v(both, right, ours), _ari(both, right, ours)
    )


def _v(both: Counter, right: Counter, ours: Counter) -> float:
    shared = _entropy(right) + _entropy(ours) - _entropy(both)
    whole = _entropy(right) + _entropy(ours)
    return 2 * shared / whole if whole else 1.0


def _entropy(sizes: Counter) -> float:
    texts = sizes.total()
    return -sum(n / texts * math.log(n / texts) for n in sizes.values())


def _ari(both: Counter, right: Counter, ours: Counter) -> float:
    together, a, b = (sum(math.comb(n, 2) for n in sizes.values()) for sizes in (both, right, ours))
    by_chance = a * b / max(1, math.comb(right.total(), 2))
    most = (a + b) / 2
    return 1.0 if most == by_chance else (together - by_chance) / (most - by_chance)
