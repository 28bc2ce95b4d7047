"""Groups in a graph that are tied more closely within than by chance: Louvain's method, with refinement.

Blondel, Guillaume, Lambiotte and Lefebvre 2008; the resolution of Reichardt and Bornholdt 2006; that single nodes move
again once groups have been found is of Rotta and Noack 2011, and does here what Leiden does elsewhere.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from scipy import sparse

from heedback_service.core.vectors import Matrix, Numbers

_ROUNDS: Final = 3  # the second brings a tenth of what the first did, a fourth nothing that can be measured
_GAIN: Final = 1e-9  # what is less is the rounding of a sum
# Where the nodes are visited in another order, they settle otherwise, better or worse by chance. The best of eight is
# kept where trying costs little, as among a few thousand texts.
_ORDERS: Final = 8
_TIES: Final = 1_000_000  # to visit, over all orders


def communities(ties: Matrix, resolution: float) -> Numbers:
    """The group of each node, numbered by the first node in it; a node without ties is a group of its own.

    Maximises modularity, the sum over groups of `inner / all - resolution x (degree / all)²`: the higher the
    resolution, the smaller the groups. Always the same for the same matrix: the orders in which nodes are visited are
    given by its size, and nothing is random.

    Args:
        ties: symmetric, no weight negative, the diagonal empty.
    """
    size = ties.shape[0]
    if not ties.nnz:
        return np.arange(size)
    best = _found(ties, resolution)
    most = _modularity(ties, best, resolution)
    for seed in range(1, min(_ORDERS, _TIES // ties.nnz)):
        order = np.random.default_rng(seed).permutation(size)
        found = np.empty_like(best)
        found[order] = _found(ties[order][:, order].tocsr(), resolution)
        if (reached := _modularity(ties, found, resolution)) > most + _GAIN:
            best, most = found, reached
    return _numbered(best)


def _found(ties: Matrix, resolution: float) -> Numbers:
    """The groups that its nodes settle in, visited in their order."""
    found = np.arange(ties.shape[0])
    for _ in range(_ROUNDS):
        before = found
        found = _settle(ties, found, resolution)
        while True:
            folded = _fold(ties, found)
            homes = _settle(folded, np.arange(folded.shape[0]), resolution)
            if len(np.unique(homes)) == folded.shape[0]:
                break
            found = homes[found]
        if np.array_equal(before, found):
            break
    return found


def _modularity(ties: Matrix, homes: Numbers, resolution: float) -> float:
    folded = _fold(ties, homes)
    total = folded.sum()
    return float(folded.diagonal().sum() / total - resolution * ((folded.sum(axis=1) / total).A1 ** 2).sum())


def _settle(ties: Matrix, homes: Numbers, resolution: float) -> Numbers:
    """Let nodes move to the neighbouring group that gains most until none wants to."""
    starts, ends, others, weights = ties.indptr[:-1].tolist(), ties.indptr[1:].tolist(), ties.indices, ties.data
    others, weights = others.tolist(), weights.tolist()
    degrees = np.asarray(ties.sum(axis=1)).ravel()
    share = resolution / float(degrees.sum())
    home: list[int] = homes.tolist()
    sizes = np.bincount(homes, weights=degrees, minlength=len(home)).tolist()
    degree: list[float] = degrees.tolist()
    waiting = deque(range(len(home)))
    queued = bytearray(b"\1") * len(home)
    while waiting:
        node = waiting.popleft()
        queued[node] = 0
        mine = slice(starts[node], ends[node])
        pulls: dict[int, float] = {}
        for other, weight in zip(others[mine], weights[mine], strict=True):
            if other != node:
                pulls[home[other]] = pulls.get(home[other], 0.0) + weight
        own = best = home[node]
        sizes[own] -= degree[node]
        push = share * degree[node]
        most = pulls.get(own, 0.0) - push * sizes[own]
        for group, pull in pulls.items():
            if pull - push * sizes[group] > most + _GAIN:
                best, most = group, pull - push * sizes[group]
        sizes[best] += degree[node]
        if best != own:
            home[node] = best
            for other in others[mine]:
                if home[other] != best and not queued[other]:
                    queued[other] = 1
                    waiting.append(other)
    return np.unique(home, return_inverse=True)[1]


def _fold(ties: Matrix, homes: Numbers) -> Matrix:
    """The graph whose nodes are the groups, with what is inside of each on the diagonal."""
    belongs = sparse.csr_matrix((np.ones(len(homes)), (np.arange(len(homes)), homes)))
    return (belongs.T @ ties @ belongs).tocsr()


def _numbered(groups: Numbers) -> Numbers:
    _, first, inverse = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse]
