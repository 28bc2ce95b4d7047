"""The simulated maintainer of the benchmarks: asks what is open, stops in time, and learns where groups part."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

FILE = Path(__file__).parents[1] / "bench" / "_answers.py"


@pytest.fixture(scope="module")
def answers() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bench_answers", FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def test_fifty_answers_find_the_score_at_which_groups_part(answers: ModuleType) -> None:
    """Texts are numbers, a pair is as near as they are close; groups are the tens."""
    gold = [n // 10 for n in range(100)]
    pairs = [answers.Pair(1 - (b - a) / 20, a, b) for a in range(100) for b in range(a + 1, min(a + 20, 100))]

    def grouping(texts: Sequence[str], at: float) -> list[int]:
        """In runs as long as the threshold allows."""
        width = max(1, round((1 - at) * 20))
        return [n // width for n in range(len(texts))]

    taught = answers.answer(pairs, gold)
    measured = answers.compare([str(n) for n in gold], gold, taught, grouping)
    assert taught.answers == 50
    assert 0 < taught.yes < 50
    assert (measured.best, measured.best_at) == (1.0, 0.52)
    assert 0.5 <= taught.threshold <= 0.8
    assert measured.learned <= measured.best
    assert measured.is_close is (measured.learned >= 0.9)


def test_no_more_is_asked_than_there_is(answers: ModuleType) -> None:
    assert answers.answer([answers.Pair(0.5, 0, 1)], "aa").answers == 1
    assert answers.answer([], "a").answers == 0


def test_b_cubed_is_one_for_the_truth_and_less_for_lumping_and_splitting(answers: ModuleType) -> None:
    assert answers.b_cubed("xxyy", "aabb") == 1
    assert answers.b_cubed("xxxx", "aabb") == pytest.approx(2 * 0.5 / 1.5)
    assert answers.b_cubed("wxyz", "aabb") == pytest.approx(2 * 0.5 / 1.5)
