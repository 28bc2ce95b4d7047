"""What themes and candidates have to be better than: plain TF-IDF, used in the plainest ways."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import sparse

from heedback_service.core import themes
from heedback_service.core.nearest import nearest

_WORD = re.compile(r"\w\w+")


def tf_idf(texts: Sequence[str]) -> Any:
    """Rows of length 1: counts of words of two letters and more, times 1 + ln of the share of texts that have them."""
    columns: dict[str, int] = {}
    cells = [
        (row, columns.setdefault(word, len(columns)), n)
        for row, text in enumerate(texts)
        for word, n in Counter(_WORD.findall(text.lower())).items()
    ]
    at, to, counts = (np.array(values) for values in zip(*cells, strict=True))
    rarity = np.log((1 + len(texts)) / (1 + np.bincount(to))) + 1
    rows = sparse.csr_matrix((counts * rarity[to], (at, to)), shape=(len(texts), len(columns)))
    lengths = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
    return (sparse.diags(1 / np.where(lengths > 0, lengths, 1)) @ rows).tocsr()


def single_pass(rows: Any, threshold: float) -> list[int]:
    """Each text joins the group whose mean is nearest if their cosine reaches `threshold`, else opens one."""
    sums, squares = np.zeros(rows.shape), np.zeros(rows.shape[0])
    groups: list[int] = []
    opened = 0
    for at in range(rows.shape[0]):
        held = slice(rows.indptr[at], rows.indptr[at + 1])
        columns, values = rows.indices[held], rows.data[held]
        products = sums[:opened, columns] @ values
        scores = products / np.sqrt(np.maximum(squares[:opened], 1e-12))
        home = int(scores.argmax()) if opened and scores.max() >= threshold else opened
        if home == opened:
            opened += 1
        squares[home] += values @ values + 2 * (sums[home, columns] @ values)
        sums[home, columns] += values
        groups.append(home)
    return groups


def neighbour_graph(rows: Any, most: int = 10) -> list[int]:
    """TF-IDF's ten nearest, cut by Louvain at the resolution that themes use."""
    near, _ = nearest(rows, np.zeros(rows.shape[0]), most, 0)
    at, place = np.nonzero(near.scores)
    ties = sparse.csr_matrix((near.scores[at, place], (at, near.others[at, place])), shape=(rows.shape[0],) * 2)
    return themes.communities(ties.maximum(ties.T).tocsr(), themes.resolution(rows.shape[0])).tolist()


def nearest_before(rows: Any, most: int) -> list[list[int]]:
    """For each text the earlier ones with the highest cosine."""
    _, before = nearest(rows, np.arange(rows.shape[0]), 0, most)
    return [
        [other for other, score in zip(others, scores, strict=True) if score > 0]
        for others, scores in zip(before.others.tolist(), before.scores.tolist(), strict=True)
    ]
