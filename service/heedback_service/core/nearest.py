"""The nearest of many rows to each of them, and the nearest of those that were there before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy import sparse

from heedback_service.core.vectors import Matrix, Numbers

# Comparing all with all costs a multiplication for every two rows that share a word or piece. Up to some twelve
# thousand texts that is less than this; beyond, what most have in common is left out, and the result is rougher.
WORK: Final = 2_000_000_000
# The share of meanings in a cosine, where there are any; measured on HWU64, flat from .5 to .7.
MEANT: Final = 0.6
_BLOCK: Final = 256  # rows compared at once, at most: some 50 MB
_CELLS: Final = 1 << 24  # where all are compared with all: 64 MB
_DIGITS: Final = 5  # of a cosine that count, so that the order of a sum does not decide who is nearer
_LIKELY: Final = 0.1  # most rows have neighbours enough that are nearer; only for the others all are looked at


@dataclass(frozen=True, slots=True)
class Near:
    """For each row its neighbours, nearest first, and how near each is: above 0 to 1; 0 where there is no other."""

    others: Numbers
    scores: Numbers

    @classmethod
    def none(cls, rows: int, most: int) -> Near:
        return cls(np.zeros((rows, most), np.int32), np.zeros((rows, most), np.float32))

    def without(self, pairs: Numbers) -> Near:
        """The same, where the rows of each of `pairs` (two columns) are no neighbours of each other."""
        scores = self.scores.copy()
        for one, other in np.concatenate([pairs, pairs[:, ::-1]]):
            scores[one, self.others[one] == other] = 0
        return Near(self.others, scores)


def nearest(
    rows: Matrix, ages: Numbers, most: int, most_before: int, meanings: Numbers | None = None
) -> tuple[Near, Near]:
    """For each row the `most` others with the highest cosine, and the `most_before` with a smaller age than its own.

    Of equals, those that come first. What shares nothing is no neighbour.

    Args:
        rows: of length 1, or 0.
        meanings: a dense row of length 1 for each, such as an embedding. Where given, a cosine is `MEANT` of theirs and
            the rest that of `rows`.
    """
    size = rows.shape[0]
    around, before = Near.none(size, most), Near.none(size, most_before)
    telling = _affordable(rows)
    columns = telling.T.tocsr()
    everybody = np.arange(size)
    step = _BLOCK if meanings is None else max(1, min(_BLOCK, _CELLS // size))
    for start in range(0, size, step):
        block = (telling[start : start + step] @ columns).tocsr()
        block.data = np.round(block.data, _DIGITS)
        dense = None
        if meanings is not None:
            meant = meanings[start : start + step] @ meanings.T
            dense = np.round(MEANT * meant + (1 - MEANT) * block.toarray(), _DIGITS)
        for at in range(block.shape[0]):
            row, held = start + at, slice(block.indptr[at], block.indptr[at + 1])
            others, scores = (block.indices[held], block.data[held]) if dense is None else (everybody, dense[at])
            likely = np.flatnonzero(scores > _LIKELY)
            for near, its_ages in ((around, None), (before, ages)):
                if not _note(near, row, others[likely], scores[likely], its_ages):
                    _note(near, row, others, scores, its_ages)
    return around, before


def _note(near: Near, row: int, others: Numbers, scores: Numbers, ages: Numbers | None) -> bool:
    """Note the nearest of `others`, with `ages` of those older than `row`; says whether there were enough."""
    possible = (scores > 0) & (others != row)
    if ages is not None:
        possible &= ages[others] < ages[row]
    others, scores = others[possible], scores[possible]
    most = near.others.shape[1]
    if len(others) > most > 0:
        last = np.partition(scores, -most)[-most]
        others, scores = others[scores >= last], scores[scores >= last]
    order: Numbers = np.lexsort((others, -scores))[:most]
    near.others[row, : len(order)], near.scores[row, : len(order)] = others[order], scores[order]
    return bool(len(order) == most)


def _affordable(rows: Matrix) -> Matrix:
    """`rows` without the columns most rows share, as many of them as it takes for the work to stay within `WORK`."""
    held_by = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)
    rarest_first = np.sort(held_by)
    within = int(np.searchsorted(np.cumsum(rarest_first**2), WORK, side="right"))
    if within == len(held_by):
        return rows
    return (rows @ sparse.diags((held_by < rarest_first[within]).astype(np.float32))).tocsr()
