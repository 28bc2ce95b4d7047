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
_BLOCK: Final = 256  # rows compared at once, at most
_CELLS: Final = 1 << 20  # that are filled at once: 4 MB, of which a processor's cache holds most
_CELLS_OF_MEANINGS: Final = 1 << 24  # 64 MB; all meanings are read for each block
_DIGITS: Final = 5  # of a cosine that count, so that the order of a sum does not decide who is nearer
# Most rows have neighbours enough above the first; only for the others, those above the next are looked at as well.
_LEVELS: Final = (0.1, 0.03, 0.5 * 10**-_DIGITS)
# A pair is one whole number, which sorts quickly: the row, how far its cosine is from 1, the other row.
_ONE, _OTHER = 48, 31  # the bits that the first two start at


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
    cells = _CELLS if meanings is None else _CELLS_OF_MEANINGS
    step = max(1, min(_BLOCK, cells // size))
    room = np.empty((step, size), np.float32)
    for start in range(0, size, step):
        some = telling[start : start + step]
        block = _product(some, columns, room[: some.shape[0]])
        if meanings is not None:
            meant = meanings[start : start + step] @ meanings.T
            share = MEANT * (known[start : start + step, None] & known)
            block = share * meant + (1 - share) * block
        its = np.arange(len(block))
        block[its, start + its] = 0
        likely = _above(_LEVELS[0], block, its)
        for near, its_ages in ((around, None), (before, ages)):
            few = _note(near, start, likely, its, its_ages)
            for level in _LEVELS[1:]:
                if len(few):
                    few = _note(near, start, _above(level, block, few), few, its_ages)
    return around, before


def _product(some: Matrix, columns: Matrix, room: Numbers) -> Numbers:
    """`some @ columns` in the cells of `room`, much faster than SciPy lists the cells of a sparse product."""
    added = columns[some.indices]
    added.data *= np.repeat(some.data, np.diff(added.indptr))
    starts = added.indptr[some.indptr]
    return sparse.csr_matrix((added.data, added.indices, starts), shape=room.shape).toarray(out=room)


def _above(level: float, block: Numbers, rows: Numbers) -> Numbers:
    """The pairs of `rows` of `block` and their neighbours above `level`, as numbers in the order they are noted in."""
    chosen = block if len(rows) == len(block) else block[rows]
    at, others = np.divmod(np.flatnonzero(chosen > level), block.shape[1])
    units = np.rint(chosen[at, others] * 10**_DIGITS).astype(np.int64)
    return np.sort(rows[at] << _ONE | 10**_DIGITS - units << _OTHER | others)


def _note(near: Near, start: int, pairs: Numbers, rows: Numbers, ages: Numbers | None) -> Numbers:
    """Note the nearest of the sorted `pairs`; with `ages`, of the older. Returns which of `rows` have too few."""
    ones, others = pairs >> _ONE, pairs & (1 << _OTHER) - 1
    if ages is not None:
        older = ages[others] < ages[start + ones]
        pairs, ones, others = pairs[older], ones[older], others[older]
    most = near.others.shape[1]
    counts = np.bincount(ones, minlength=rows[-1] + 1)
    rank = np.arange(len(ones)) - (np.cumsum(counts) - counts)[ones]
    first = rank < most
    at = start + ones[first], rank[first]
    units = 10**_DIGITS - (pairs[first] >> _OTHER & (1 << _ONE - _OTHER) - 1)
    near.others[at], near.scores[at] = others[first], units.astype(np.float32) / 10**_DIGITS
    return rows[counts[rows] < most]


def _affordable(rows: Matrix) -> Matrix:
    """`rows` without the columns most rows share, as many of them as it takes for the work to stay within `WORK`."""
    held_by = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)
    rarest_first = np.sort(held_by)
    within = int(np.searchsorted(np.cumsum(rarest_first**2), WORK, side="right"))
    if within == len(held_by):
        return rows
    return (rows @ sparse.diags((held_by < rarest_first[within]).astype(np.float32))).tocsr()
