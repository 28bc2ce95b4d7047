"""The nearest rows, beside every pair compared one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from heedback_service.core import nearest as module
from heedback_service.core.nearest import MEANT, nearest
from heedback_service.core.vectors import Numbers

# Cosines above each of the levels, below all of them, and 0; and far more rows than are compared at once.
tables = st.lists(
    st.lists(st.sampled_from([0, 0, 0, 0, 0.002, 0.05, 1, 2]), min_size=5, max_size=5), min_size=1, max_size=12
)


def of_length_1(table: list[list[float]]) -> Numbers:
    rows = np.array(table, np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1)


def one_by_one(cosines: Numbers, ages: Numbers, most: int, before: bool) -> list[list[tuple[int, float]]]:
    found = []
    for one, its in enumerate(np.round(cosines, 5).tolist()):
        others = [at for at in range(len(its)) if at != one and its[at] > 0 and (ages[at] < ages[one] or not before)]
        found.append([(at, its[at]) for at in sorted(others, key=lambda at: (-its[at], at))[:most]])
    return found


def noted(near: module.Near) -> list[list[tuple[int, float]]]:
    return [
        [(other, score) for other, score in zip(others, scores, strict=True) if score > 0]
        for others, scores in zip(near.others.tolist(), near.scores.tolist(), strict=True)
    ]


@settings(max_examples=60, deadline=None)
@given(tables, st.integers(1, 4), st.booleans(), st.randoms(use_true_random=False))
def test_the_nearest_are_those_of_all_pairs(table, most: int, meant: bool, random) -> None:
    rows = of_length_1(table)
    ages = np.array(random.sample(range(len(table)), len(table)))
    meanings = np.roll(rows, 1, axis=0) if meant else None
    cosines = rows @ rows.T
    if meanings is not None:
        both = meanings.any(axis=1)[:, None] & meanings.any(axis=1)
        cosines = np.where(both, MEANT * (meanings @ meanings.T) + (1 - MEANT) * cosines, cosines)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BLOCK", 5)
        found = nearest(sparse.csr_matrix(rows), ages, most, most, meanings)
    for near, before in zip(found, (False, True), strict=True):
        for its, theirs in zip(noted(near), one_by_one(cosines, ages, most, before), strict=True):
            assert [score for _, score in its] == pytest.approx([score for _, score in theirs], abs=2e-5)
            assert {at for at, score in its if score > its[-1][1] + 2e-5} <= {at for at, _ in theirs}


def test_of_equals_those_that_come_first() -> None:
    rows = sparse.csr_matrix(np.ones((9, 1), np.float32))
    around, before = nearest(rows, np.arange(9)[::-1], 3, 2)
    assert around.others.tolist()[0] == [1, 2, 3]
    assert around.others.tolist()[8] == [0, 1, 2]
    assert before.others.tolist()[0] == [1, 2]
    assert noted(before)[8] == []
