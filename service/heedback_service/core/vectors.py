"""Texts as rows of numbers, so that how alike two of them are is one product: no model, no download.

A row holds the words of a text and the pieces its words are made of, three and four letters long. Pieces see past
endings and slips ("charged", "charges", "chargd"), in any language; whole words keep "refund" apart from "fund".

This module and those beside it that need numpy and SciPy are imported where themes are made, and nowhere in the process
that answers requests.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from scipy import sparse

from heedback_service.core.stopwords import SILENT

Matrix = Any  # a SciPy sparse matrix in rows (CSR); SciPy ships no types
Numbers = Any  # a numpy array

READ: Final = 300  # words of a text that are looked at: the opening of a long log says as much as all of it
_LONGEST_WORD: Final = 40  # letters; what is longer was not typed
_PIECES: Final = (3, 4)
_OF_WORDS: Final = 0.3  # the weight of words beside that of their pieces, 1; measured on HWU64, flat from .2 to .5
# Imaginary texts beside the real ones. Among a handful, a word is not common for being in most of them, and "the" not
# rare for being in two: words that tell nothing are in all of the imaginary ones, others in none.
_OTHERS: Final = 40  # measured on HWU64, flat from 5


@dataclass(frozen=True, slots=True)
class Vectors:
    """Texts as rows of length 1 (0 for a text without words), so that a product of two rows is their cosine.

    Attributes:
        rows: a row a text, a column a word or piece.
        rare: the same, in which what every text has weighs nothing: what is said, less how it is said.
        words: the same of whole words alone, without those that tell nothing ("the").
        vocabulary: the words, in the order of the alphabet; one is a column of `words`.
    """

    rows: Matrix
    rare: Matrix
    words: Matrix
    vocabulary: Numbers


def vectors(texts: Sequence[str]) -> Vectors:
    """Rows for `texts`, weighed by how few of these very texts share a word or piece (TF-IDF, Salton and Buckley 1988).

    Linear in the length of the texts, of which the first `READ` words are read.

    Args:
        texts: normal forms (`text.normalise`).
    """
    said = [[word[:_LONGEST_WORD] for word in text.split()[:READ]] for text in texts]
    counts, vocabulary = _counted(said)
    order = np.argsort(vocabulary)
    counts, vocabulary = counts[:, order], vocabulary[order]
    pieces, _ = _counted([_pieces(word) for word in vocabulary])
    own = sparse.identity(pieces.shape[0], np.float32, "csr")
    made_of = sparse.hstack([own, pieces]).tocsr()
    both = (counts @ made_of).tocsr()
    both.sort_indices()  # pairs of rows are compared in half the time
    silent = np.array([word in SILENT for word in vocabulary])
    elsewhere = np.zeros(both.shape[1])
    elsewhere[made_of[silent].indices] = _OTHERS
    is_word = np.arange(both.shape[1]) < pieces.shape[0]
    by_word = _of_length_1(_weighed(counts, 1, np.zeros(counts.shape[1])), {1.0: np.ones(counts.shape[1])})
    halves = {_OF_WORDS / (1 + _OF_WORDS): is_word, 1 / (1 + _OF_WORDS): ~is_word}
    rows, rare = (_of_length_1(_weighed(both, least, elsewhere), halves) for least in (1, 0))
    return Vectors(rows, rare, (by_word @ sparse.diags((~silent).astype(np.float32))).tocsr(), vocabulary)


def _counted(lists: Sequence[Iterable[str]]) -> tuple[Matrix, Numbers]:
    """How often each string is in each list, and the strings in the order of the columns."""
    columns: dict[str, int] = {}
    indices: list[int] = []
    starts = [0]
    for strings in lists:
        indices += [columns.setdefault(string, len(columns)) for string in strings]
        starts.append(len(indices))
    ones = np.ones(len(indices), np.float32)
    columns = columns or {"": 0}
    table = sparse.csr_matrix((ones, indices, starts), shape=(len(lists), len(columns)))
    table.sum_duplicates()
    return table, np.array(list(columns), object)


def _pieces(word: str) -> Iterable[str]:
    padded = f" {word} "
    for size in _PIECES:
        for start in range(max(1, len(padded) - size + 1)):
            yield padded[start : start + size]


def _weighed(counts: Matrix, least: int, elsewhere: Numbers) -> Matrix:
    """1 + ln of the count, times `least` - ln of the share of texts that have it; of imaginary ones, `elsewhere`."""
    texts = counts.shape[0]
    having = np.bincount(counts.indices, minlength=counts.shape[1]) + elsewhere
    rarity = (np.log((1 + texts + _OTHERS) / (1 + having)) + least).astype(np.float32)
    return _like(counts, (1 + np.log(counts.data)) * rarity[counts.indices])


def _of_length_1(rows: Matrix, halves: Mapping[float, Numbers]) -> Matrix:
    """`rows` where the columns of each half make up that share of the square of the length; a row of 0 stays."""
    squares = _like(rows, rows.data**2)
    width = np.diff(rows.indptr)
    scaled = rows.data
    for share, columns in halves.items():
        lengths = np.sqrt(squares @ columns.astype(np.float32))
        factors = (share**0.5 / np.where(lengths > 0, lengths, 1)).astype(np.float32)
        scaled = np.where(columns[rows.indices], rows.data * np.repeat(factors, width), scaled)
    return _like(rows, scaled)


def _like(rows: Matrix, values: Numbers) -> Matrix:
    """`rows` with other values in the same cells, which are shared and not copied."""
    return sparse.csr_matrix((values, rows.indices, rows.indptr), shape=rows.shape)
