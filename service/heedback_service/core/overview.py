"""A feature's texts at a glance: what belongs together, and what each may repeat."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from heedback_service.core import themes
from heedback_service.core.candidates import MOST, POOL, Candidate, candidates, same
from heedback_service.core.nearest import nearest
from heedback_service.core.text import normalise
from heedback_service.core.vectors import Numbers, vectors


@dataclass(frozen=True, slots=True)
class Overview:
    """For each text its theme, a number (None without words), and its candidates, best first."""

    themes: list[int | None]
    candidates: list[list[Candidate]]


def overview(
    texts: Sequence[str], meanings: Numbers | None = None, apart: Collection[tuple[int, int]] = ()
) -> Overview:
    """Themes and candidates of `texts`, the oldest first.

    Texts with the same words share a theme. Which texts share one depends on the texts alone, neither on their order
    nor on anything random; candidates are earlier texts. Time and memory are bounded: a hundred thousand different
    texts of fourteen words take fifty seconds of a core of its own and less than 800 MB.

    Args:
        meanings: a row of any length and scale for each text, such as an embedding.
        apart: the places of two texts that people said are not about the same: neither is a candidate of the other,
            and nothing ties the two directly. Others may still bring them into one theme, which promises less.
    """
    said = [normalise(text) for text in texts]
    first: dict[str, int] = {}
    for at, text in enumerate(said):
        first.setdefault(text, at)
    first.pop("", None)
    if not first:
        return Overview([None] * len(texts), [[] for _ in texts])
    different = sorted(first)
    place = {text: row for row, text in enumerate(different)}
    ages = np.array([first[text] for text in different])
    neighbours = themes.NEIGHBOURS
    if meanings is not None:
        neighbours = themes.NEIGHBOURS_IN_MEANING
        meanings = themes.centred(np.asarray(meanings, np.float32)[ages])
    said_by = vectors(different)
    untied = {(place[said[a]], place[said[b]]) for a, b in apart if said[a] and said[b]}
    around, before = nearest(said_by.rows, ages, neighbours, POOL, meanings)
    if untied:
        around, before = (each.without(np.array(sorted(untied))) for each in (around, before))
    earlier = candidates(around, before, said_by, ages.tolist())
    del said_by  # a third of all memory, and the graph takes as much
    by_text = dict(zip(different, map(int, themes.grouped(around)), strict=True))
    found = _of_each(said, dict(zip(different, earlier, strict=True)))
    return Overview([by_text.get(text) for text in said], found)


def _of_each(said: Sequence[str], earlier: Mapping[str, list[Candidate]]) -> list[list[Candidate]]:
    """A text that was said before has that one for its first candidate."""
    first: dict[str, int] = {}
    given = []
    for at, text in enumerate(said):
        its = earlier.get(text, [])
        if text in first:
            its = [same(first[text], text), *its][:MOST]
        elif text:
            first[text] = at
        given.append(its)
    return given
