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
            the rest that of `rows`; where one of two is 0, it is that of `rows` alone.
    """
    size = rows.shape[0]
    around, before = Near.none(size, most), Near.none(size, most_before)
    telling = _affordable(rows)
    columns = telling.T.tocsr()
    known = np.ones(size, bool) if meanings is None else meanings.any(axis=1)
    step = _BLOCK if meanings is None else max(1, min(_BLOCK, _CELLS // size))
    for start in range(0, size, step):
        block = (telling[start : start + step] @ columns).tocsr()
        if meanings is not None:
            meant = meanings[start : start + step] @ meanings.T
            share = MEANT * (known[start : start + step, None] & known)
            block = sparse.csr_matrix(share * meant + (1 - share) * block.toarray())
        likely = np.flatnonzero(block.data > _LIKELY)
        at = np.searchsorted(block.indptr, likely, side="right") - 1
        for near, its_ages in ((around, None), (before, ages)):
            found = _note(near, start + at, block.indices[likely], block.data[likely], its_ages)
            counted = np.bincount(found - start, minlength=block.shape[0])
            for few in np.flatnonzero(counted < near.others.shape[1]).tolist():
                held = slice(block.indptr[few], block.indptr[few + 1])
                rest = np.full(held.stop - held.start, start + few)
                _note(near, rest, block.indices[held], block.data[held], its_ages)
    return around, before


def _note(near: Near, ones: Numbers, others: Numbers, cosines: Numbers, ages: Numbers | None) -> Numbers:
    """Note the nearest of the pairs of `ones`, in order, and `others`; with `ages`, of the older. Returns whose."""
    scores: Numbers = np.round(cosines, _DIGITS)
    possible = (scores > 0) & (others != ones)
    if ages is not None:
        possible &= ages[others] < ages[ones]
    ones, others, scores = ones[possible], others[possible], scores[possible]
    most = near.others.shape[1]
    if len(ones) > most and ones[0] == ones[-1]:  # of a single row, what is not among the nearest need not be sorted
        nearer = scores >= np.partition(scores, -most)[-most]
        ones, others, scores = ones[nearer], others[nearer], scores[nearer]
    order = np.lexsort((others, -scores, ones))
    ones, others, scores = ones[order], others[order], scores[order]
    rank = np.arange(len(ones)) - np.searchsorted(ones, ones)
    first = rank < most
    ones, rank = ones[first], rank[first]
    near.others[ones, rank], near.scores[ones, rank] = others[first], scores[first]
    return ones


def _affordable(rows: Matrix) -> Matrix:
    """`rows` without the columns most rows share, as many of them as it takes for the work to stay within `WORK`."""
    held_by = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)
    rarest_first = np.sort(held_by)
    within = int(np.searchsorted(np.cumsum(rarest_first**2), WORK, side="right"))
    if within == len(held_by):
        return rows
    return (rows @ sparse.diags((held_by < rarest_first[within]).astype(np.float32))).tocsr()
