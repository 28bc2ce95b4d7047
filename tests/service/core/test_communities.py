"""Groups in a graph."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from heedback_service.core.communities import communities

edges = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11), st.floats(0.01, 1)), max_size=40)


def graph(size: int, tied: list[tuple[int, int, float]]):
    dense = np.zeros((size, size))
    for one, other, weight in tied:
        if one != other:
            dense[one, other] = dense[other, one] = weight
    return sparse.csr_matrix(dense)


def modularity(ties, groups, resolution: float) -> float:
    """By the definition, pair by pair."""
    dense = ties.toarray()
    total, degree = dense.sum(), dense.sum(axis=1)
    together = groups[:, None] == groups[None, :]
    return float(((dense / total - resolution * np.outer(degree, degree) / total**2) * together).sum())


def cliques(count: int, size: int):
    tied = [(size * c + a, size * c + b, 1.0) for c in range(count) for a in range(size) for b in range(a)] + [
        (size * c, (size * c + size) % (count * size), 0.1) for c in range(count)
    ]
    return graph(count * size, tied)


def test_cliques_in_a_ring_are_found() -> None:
    assert communities(cliques(4, 5), 1.0).tolist() == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5


def test_a_node_without_ties_stays_alone() -> None:
    assert communities(graph(4, [(0, 1, 1.0)]), 1.0).tolist() == [0, 0, 1, 2]


@pytest.mark.parametrize("size", [0, 1, 3])
def test_no_ties_no_groups(size: int) -> None:
    assert communities(graph(size, []), 1.0).tolist() == list(range(size))


def test_a_higher_resolution_makes_more_groups() -> None:
    found = [len(set(communities(cliques(6, 6), at).tolist())) for at in (0.1, 1.0, 20.0)]
    assert found == sorted(found)
    assert found[0] < found[-1]


@settings(max_examples=100, deadline=None)
@given(edges, st.sampled_from([0.5, 1.0, 3.0]))
def test_no_single_move_into_a_neighbouring_group_would_gain(tied, resolution: float) -> None:
    ties = graph(12, tied)
    if not ties.nnz:
        return
    found = communities(ties, resolution)
    best = modularity(ties, found, resolution)
    for node in range(12):
        for other in ties[node].indices:
            moved = found.copy()
            moved[node] = found[other]
            assert modularity(ties, moved, resolution) <= best + 1e-6


def test_of_several_orders_the_one_that_gains_most_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ties at random: what one order settles in is rarely the best."""
    rng = np.random.default_rng(5)
    tied = [(int(a), int(b), 1.0) for a, b in rng.integers(0, 60, (200, 2))]
    ties = graph(60, tied)
    many = modularity(ties, communities(ties, 1.0), 1.0)
    monkeypatch.setattr("heedback_service.core.communities._ORDERS", 1)
    assert many > modularity(ties, communities(ties, 1.0), 1.0)


def test_a_large_graph_is_visited_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ties = cliques(4, 5)
    monkeypatch.setattr("heedback_service.core.communities._TIES", ties.nnz)
    monkeypatch.setattr(np.random, "default_rng", None)
    assert communities(ties, 1.0).tolist() == [0] * 5 + [1] * 5 + [2] * 5 + [3] * 5
