"""Themes keep their names: which of the former ones each of the new ones goes on from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import TypeVar

Item = TypeVar("Item", bound=Hashable)
Theme = TypeVar("Theme", bound=Hashable)


def carried_over(before: Mapping[Item, Theme], now: Mapping[Item, int]) -> dict[int, Theme]:
    """The former theme that each of `now` goes on from: the one it shares most items with, none taken twice.

    Larger overlaps choose first; of equals the smaller number, then the theme that comes first by its text. What is in
    nothing former is not in the answer.
    """
    overlaps = Counter((theme, before[item]) for item, theme in now.items() if item in before)
    kept: dict[int, Theme] = {}
    taken: set[Theme] = set()
    for (theme, former), _ in sorted(overlaps.items(), key=lambda pair: (-pair[1], pair[0][0], str(pair[0][1]))):
        if theme not in kept and former not in taken:
            kept[theme] = former
            taken.add(former)
    return kept
