"""The simulated maintainer of the benchmarks: works through the queue, and is believed."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

BENCH = Path(__file__).parents[1] / "bench"
SAID = {
    "vat": ["The total leaves out the VAT", "VAT missing in the total", "No VAT in the invoice total"],
    "slow": ["Answers take forever", "so slow, answers take a minute", "Waiting for answers takes ages"],
    "tone": ["The tone of the answer is rude", "rude tone in an answer", "Far too rude a tone in the total"],
}


@pytest.fixture(scope="module")
def answers() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCH))
        spec = importlib.util.spec_from_file_location("bench_answers", BENCH / "_answers.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, spec.name, module)  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def test_all_pairs_are_answered_as_the_groups_are_and_no_more_than_there_are(answers: ModuleType) -> None:
    gold = [group for group, said in SAID.items() for _ in said]
    texts = [text for said in SAID.values() for text in said]
    with answers.Desk(texts, gold) as desk:
        assert len(desk.shown) == len(texts)
        before = desk.f1()
        given, merged = desk.answer(50)
        assert 0 < merged < given < 50  # "in the total" ties a tone to the VAT, which is answered with no
        assert len(desk.shown) == len(texts) - merged
        # What was merged is one text, and of fewer texts others are near: until no pair is left that was not answered.
        more = [desk.answer(50)[0] for _ in range(3)]
        assert more[-1] == 0
        assert given + sum(more) <= len(texts) * (len(texts) - 1) // 2
        best, _ = desk.best()
        assert 0 < desk.f1() <= 1
        assert before <= best <= 1


def test_what_was_taught_stands_beside_the_best_there_is(answers: ModuleType) -> None:
    made = answers.Taught(texts=9, items=9, answers=3, merged=2, before=0.5, after=0.8, best=0.9, best_at=1.0)
    assert not made.is_close
    assert answers.Taught(9, 9, 3, 2, 0.5, 0.81, 0.9, 1.0).is_close
