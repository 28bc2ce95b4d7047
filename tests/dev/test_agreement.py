"""What the benchmark of themes is scored by, against what can be worked out by hand."""

import pytest

from bench._agreement import Agreement, agreement


def close(found: Agreement, **figures: float) -> bool:
    return all(getattr(found, name) == pytest.approx(figure) for name, figure in figures.items())


def test_the_same_grouping_under_other_names_is_perfect() -> None:
    assert close(agreement("aabbcc", [7, 7, 8, 8, 9, 9]), precision=1, recall=1, f1=1, v=1, ari=1)


def test_everything_alone_and_everything_together() -> None:
    assert close(agreement("aabbcc", [None] * 6), precision=1, recall=1 / 2, ari=0)
    assert close(agreement("aabbcc", [1] * 6), precision=1 / 3, recall=1, v=0, ari=0)


def test_a_grouping_worked_out_by_hand() -> None:
    assert close(agreement("aaabb", "xxyyy"), precision=11 / 15, recall=11 / 15, ari=0.4 / 2.4, v=0.43253806776631243)
