"""Texts that are probably about one thing. An item promises precision; a theme shows what belongs together.

Each text is tied to its nearest, and the graph of these ties is cut where it is thin. What counts as near is different
in every collection of texts, who is nearest is not: so there is no threshold but one against noise.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from scipy import sparse

from heedback_service.core.communities import communities
from heedback_service.core.nearest import Near
from heedback_service.core.vectors import Numbers

NEIGHBOURS: Final = 20
NEIGHBOURS_IN_MEANING: Final = 15  # of better neighbours, fewer are needed
_RANK: Final = 10  # the eleventh neighbour's tie weighs half of what the first one's would at the same cosine


def grouped(near: Near, finely: float | None = None) -> Numbers:
    """The theme of each row, a number from 0, from its neighbours; a row that has none is a theme of its own.

    Args:
        finely: the resolution, if it is not to be that of so many texts.
    """
    size, most = near.scores.shape
    held = near.scores > noise(size)
    weights = near.scores / (1 + np.arange(most) / _RANK)
    starts = np.concatenate([[0], np.cumsum(held.sum(axis=1))])
    chosen = sparse.csr_matrix((weights[held].astype(np.float64), near.others[held], starts), shape=(size, size))
    # Who is chosen back is tied twice.
    return communities((chosen + chosen.T).tocsr(), resolution(size) if finely is None else finely)


def noise(texts: int) -> float:
    """The nearness that ties nothing, among `texts` texts: 0.2, and beyond a hundred 0.2 √(100 / texts).

    Among few texts most have no fellow, and what is nearest to one is a stranger: tied to it all the same, fourteen
    reports of ten problems were three heaps. Among many, who is nearest is rarely a stranger. Read off draws of 14 to
    500 texts of HWU64, and of IS-22, whose few broad subjects are tied loosely: 0.25 tears them apart.
    """
    return 0.2 * min(1.0, math.sqrt(100 / max(1, texts)))


def resolution(texts: int) -> float:
    """How finely `texts` texts are cut: max(1, 1.2 ln(texts / 60)).

    More texts speak of more things, though less than in proportion. Read off HWU64, where subsets of 150 to 11 000
    texts are grouped best at 1.2 to 5, and little is lost 30 % to either side.
    """
    return max(1.0, 1.2 * math.log(max(1, texts) / 60))


def centred(meanings: Numbers) -> Numbers:
    """Rows of length 1 without what all of them share: embeddings of one subject all point in much the same way."""
    known = np.nan_to_num(meanings, posinf=0, neginf=0)
    moved = known - known.mean(axis=0)
    lengths = np.linalg.norm(moved, axis=1, keepdims=True)
    return moved / np.where(lengths > 0, lengths, 1)
