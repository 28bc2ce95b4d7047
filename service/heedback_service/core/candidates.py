"""Which earlier item this may be about as well, and the words that tie the two: for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from heedback_service.core.nearest import Near
from heedback_service.core.stopwords import SILENT
from heedback_service.core.vectors import Matrix, Numbers, Spoken, Vectors

MOST: Final = 5
POOL: Final = 20  # earlier texts, the nearest ones, among which the candidates are
# Nearness is half that of themes, and half that of the rare words alone: two reports of one problem share what few say.
# A text that is near to all its neighbours is a neighbour of many, and tells little by being one (hubness: Radovanović,
# Nanopoulos, Ivanović 2010). Half of what either text has in common with its own neighbours is taken off; all of it
# would be the measure of Conneau, Lample, Ranzato, Denoyer and Jégou 2018, and leave nothing of a crowd that says the
# same. Both were chosen on the sets that `./dev bench triage` lists first, and looked at on the last.
CROWD: Final = 0.25  # of each of the two, so that together they are half of their mean
# What is not as near is noise, and not shown. Read off HWU64 where few texts have a fellow (64 intents, half of them
# with three texts, half with one): so a third of all pairs go, and nine in ten of those that belong together stay.
FLOOR: Final = 0.12
_TOLD: Final = 0.01  # the least score that is not 0 in two digits
_WORDS: Final = 5
_BLOCK: Final = 1024  # rows that are compared with their neighbours at once


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another text that may be about the same.

    Attributes:
        other: its place among those that were asked about.
        score: above 0 to 1, which equal words are: its nearness, less what either has in common with everybody near.
        why: words of both, telling ones first; none where only parts of words are shared.
    """

    other: int
    score: float
    why: tuple[str, ...]


def candidates(around: Near, before: Near, said: Vectors, places: Sequence[int]) -> list[list[Candidate]]:
    """For each row its candidates among the rows of `before`, best first, at most `MOST`; none where all is noise.

    Args:
        around: the nearest of all, by which it is known how near others are to a row anyway.
        before: those that may be candidates.
        places: what each row is called in `Candidate.other`.
    """
    usual = around.scores.mean(axis=1)  # who has few neighbours is in no crowd
    nearness = (before.scores + _cosines(said.rare, before)) / 2
    scores = np.round(nearness - CROWD * (usual[:, None] + usual[before.others]), 3)
    scores = np.where((before.scores > 0) & (nearness >= FLOOR), np.minimum(scores, 1), 0)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :MOST]
    best = np.take_along_axis(scores, order, axis=1)
    others = np.take_along_axis(before.others, order, axis=1)
    found: list[list[Candidate]] = []
    for at, (its, near) in enumerate(zip(others.tolist(), best.tolist(), strict=True)):
        shown = [(other, score) for other, score in zip(its, near, strict=True) if score >= _TOLD]
        mine = dict(said.spoken.of(at)) if shown else {}
        found.append([Candidate(places[other], score, _ties(mine, other, said.spoken)) for other, score in shown])
    return found


def _cosines(rows: Matrix, near: Near) -> Numbers:
    """The cosine of each row with each of its neighbours."""
    found = np.zeros(near.scores.shape, np.float32)
    for start in range(0, len(found), _BLOCK):
        others = near.others[start : start + _BLOCK]
        here = np.repeat(np.arange(start, start + len(others)), others.shape[1])
        products = rows[here].multiply(rows[others.ravel()]).sum(axis=1)
        found[start : start + _BLOCK] = np.asarray(products).reshape(others.shape)
    return found


def same(other: int, text: str) -> Candidate:
    """The candidate that says the very words of `text`, a normal form."""
    return Candidate(other, 1.0, tuple(word for word in dict.fromkeys(text.split()) if word not in SILENT)[:_WORDS])


def _ties(mine: Mapping[int, float], other: int, spoken: Spoken) -> tuple[str, ...]:
    """The words of both, those that add most to their cosine first; without words like "the"."""
    shared = [(-mine[word] * weight, spoken.vocabulary[word]) for word, weight in spoken.of(other) if word in mine]
    return tuple(word for _, word in sorted(shared) if word not in SILENT)[:_WORDS]
