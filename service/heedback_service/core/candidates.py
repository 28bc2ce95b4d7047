"""Which earlier item this may be about as well, and the words that tie the two: for a person to decide."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from heedback_service.core.nearest import Near
from heedback_service.core.stopwords import SILENT
from heedback_service.core.vectors import Matrix, Numbers, Vectors

MOST: Final = 5
POOL: Final = 20  # earlier texts, the nearest ones, among which the candidates are
# Nearness is half that of themes, and half that of the rare words alone: two reports of one problem share what few say.
# A text that is near to all its neighbours is a neighbour of many, and tells little by being one (hubness: Radovanović,
# Nanopoulos, Ivanović 2010). Half of what either text has in common with its own neighbours is taken off; all of it
# would be the measure of Conneau, Lample, Ranzato, Denoyer and Jégou 2018, and leave nothing of a crowd that says the
# same. Both were chosen on the sets that `./dev bench triage` lists first, and looked at on the last.
CROWD: Final = 0.25  # of each of the two, so that together they are half of their mean
# What is not as near is noise, and not shown. Read off HWU64 where few texts have a fellow (64 intents, half of them
# with three texts, half with one): so half of all pairs go, and nine in ten of those that belong together stay.
FLOOR: Final = 0.1
LEAST: Final = 0.01  # a crowd takes a text down to this, and not out of the list: it may be the one all the same
_WORDS: Final = 5
_PAIRS: Final = 1 << 14  # that are compared at once


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
    scores = np.where((before.scores > 0) & (nearness >= FLOOR), np.clip(scores, LEAST, 1), 0)
    order = np.argsort(-scores, axis=1, kind="stable")[:, :MOST]
    best = np.take_along_axis(scores, order, axis=1)
    others = np.take_along_axis(before.others, order, axis=1)
    shown = np.nonzero(best)
    pairs = zip(others[shown].tolist(), best[shown].tolist(), _ties(shown[0], others[shown], said), strict=True)
    found: list[list[Candidate]] = [[] for _ in order]
    for at, (other, score, why) in zip(shown[0].tolist(), pairs, strict=True):
        found[at].append(Candidate(places[other], score, why))
    return found


def _cosines(rows: Matrix, near: Near) -> Numbers:
    """The cosine of each row with each of its neighbours."""
    ones = np.repeat(np.arange(len(near.others)), near.others.shape[1])
    products = [np.asarray(each.sum(axis=1)).ravel() for each in _products(rows, ones, near.others.ravel())]
    return np.concatenate(products).astype(np.float32).reshape(near.scores.shape)


def _ties(ones: Numbers, others: Numbers, said: Vectors) -> Iterator[tuple[str, ...]]:
    """The words that two texts share, those that add most to their cosine first, then by the alphabet."""
    for shared in _products(said.words, ones, others):
        shared.data = np.round(shared.data, 5)
        at = np.repeat(np.arange(shared.shape[0]), np.diff(shared.indptr))
        order = np.lexsort((shared.indices, -shared.data, at))
        words = said.vocabulary[shared.indices[order]].tolist()
        for start, end in pairwise(shared.indptr.tolist()):
            yield tuple(words[start : min(end, start + _WORDS)])


def _products(rows: Matrix, ones: Numbers, others: Numbers) -> Iterator[Matrix]:
    """For each pair of rows what each column adds to their cosine, some pairs at a time."""
    for start in range(0, len(ones), _PAIRS):
        held = slice(start, start + _PAIRS)
        yield rows[ones[held]].multiply(rows[others[held]]).tocsr()


def same(other: int, text: str) -> Candidate:
    """The candidate that says the very words of `text`, a normal form."""
    return Candidate(other, 1.0, tuple(word for word in dict.fromkeys(text.split()) if word not in SILENT)[:_WORDS])
