"""The nearest of many rows to each of them, and the nearest of those that were there before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from heedback_service.core.vectors import Matrix

Numbers = Any  # a numpy array

# Comparing all with all costs a multiplication for every two rows that share a word or piece. Up to some twelve
# thousand texts that is less than this; beyond, what most have in common is left out, and the result is rougher.
WORK: Final = 2_000_000_000
# The share of meanings in a cosine, where there are any; measured on HWU64, flat from .5 to .7.
MEANT: Final = 0.6
_BLOCK: Final = 512  # rows compared at once
_DIGITS: Final = 5  # of a cosine that count, so that the order of a sum does not decide who is nearer


@dataclass(frozen=True, slots=True)
class Near:
    """Neighbours of one row, nearest first, and how near each is: above 0, and 1 for its like."""

    others: Numbers
    scores: Numbers


def nearest(
    rows: Matrix, ages: Numbers, most: int, most_before: int, meanings: Numbers | None = None
) -> Iterator[tuple[Near, Near]]:
    """For each row the `most` others with the highest cosine, and the `most_before` with a smaller age than its own.

    Of equals, those that come first. What shares nothing is no neighbour.

    Args:
        rows: of length 1, or 0.
        meanings: a dense row of length 1 for each, such as an embedding. Where given, a cosine is `MEANT` of theirs and
            the rest that of `rows`.
    """
    telling = _affordable(rows)
    columns = telling.T.tocsr()
    everybody = np.arange(rows.shape[0])
    for start in range(0, rows.shape[0], _BLOCK):
        block = (telling[start : start + _BLOCK] @ columns).tocsr()
        block.data = np.round(block.data, _DIGITS)
        dense = None
        if meanings is not None:
            meant = meanings[start : start + _BLOCK] @ meanings.T
            dense = np.round(MEANT * meant + (1 - MEANT) * block.toarray(), _DIGITS)
        for at in range(block.shape[0]):
            held = slice(block.indptr[at], block.indptr[at + 1])
            others, scores = (block.indices[held], block.data[held]) if dense is None else (everybody, dense[at])
            kept = (scores > 0) & (others != start + at)
            others, scores = others[kept], scores[kept]
            before = ages[others] < ages[start + at]
            yield _best(others, scores, most), _best(others[before], scores[before], most_before)


def _best(others: Numbers, scores: Numbers, most: int) -> Near:
    if len(others) > most > 0:
        last = np.partition(scores, len(scores) - most)[len(scores) - most]
        others, scores = others[scores >= last], scores[scores >= last]
    order = np.lexsort((others, -scores))[:most]
    return Near(others[order], scores[order])


def _affordable(rows: Matrix) -> Matrix:
    """`rows` without the columns most rows share, as many of them as it takes for the work to stay within `WORK`."""
    held_by = np.bincount(rows.indices, minlength=rows.shape[1]).astype(np.int64)
    rarest_first = np.sort(held_by)
    within = int(np.searchsorted(np.cumsum(rarest_first**2), WORK, side="right"))
    if within == len(held_by):
        return rows
    return (rows @ sparse.diags((held_by < rarest_first[within]).astype(np.float32))).tocsr()
