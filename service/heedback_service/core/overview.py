"""A feature's texts at a glance: what belongs together, and what each may repeat."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from heedback_service.core import themes
from heedback_service.core.candidates import MOST, Candidate, candidates, same
from heedback_service.core.nearest import Near, Numbers, nearest
from heedback_service.core.text import normalise
from heedback_service.core.vectors import vectors


@dataclass(frozen=True, slots=True)
class Overview:
    """For each text its theme, a number (None without words), and its candidates, best first."""

    themes: list[int | None]
    candidates: list[list[Candidate]]


def overview(texts: Sequence[str], meanings: Numbers | None = None) -> Overview:
    """Themes and candidates of `texts`, the oldest first.

    Texts with the same words share a theme. Which texts share one depends on the texts alone, neither on their order
    nor on anything random; candidates are earlier texts. Time and memory are bounded: fifty thousand different
    texts of fifteen words take about a minute and 500 MB.

    Args:
        meanings: a row of any length and scale for each text, such as an embedding.
    """
    said = [normalise(text) for text in texts]
    first: dict[str, int] = {}
    for at, text in enumerate(said):
        first.setdefault(text, at)
    first.pop("", None)
    if not first:
        return Overview([None] * len(texts), [[] for _ in texts])
    different = sorted(first)
    ages = np.array([first[text] for text in different])
    neighbours = themes.NEIGHBOURS
    if meanings is not None:
        neighbours = themes.NEIGHBOURS_IN_MEANING
        meanings = themes.centred(np.asarray(meanings, np.float32)[ages])
    said_by = vectors(different)
    near: list[Near] = []
    earlier_than: dict[str, list[Candidate]] = {}
    for at, (around, earlier) in enumerate(nearest(said_by.rows, ages, neighbours, MOST, meanings)):
        near.append(around)
        found = candidates(at, earlier, said_by.spoken)
        earlier_than[different[at]] = [replace(each, other=int(ages[each.other])) for each in found]
    by_text = dict(zip(different, map(int, themes.grouped(near)), strict=True))
    return Overview([by_text.get(text) for text in said], _of_each(said, earlier_than))


def _of_each(said: Sequence[str], earlier_than: Mapping[str, list[Candidate]]) -> list[list[Candidate]]:
    """A text that was said before has that one for its first candidate."""
    first: dict[str, int] = {}
    given = []
    for at, text in enumerate(said):
        its = earlier_than.get(text, [])
        if text in first:
            its = [same(first[text], text), *its][:MOST]
        elif text:
            first[text] = at
        given.append(its)
    return given
