"""The ranking of candidates: how near they are, less what either has in common with everybody near."""

from __future__ import annotations

import numpy as np
import pytest

from heedback_service.core.candidates import CROWD, LEAST, candidates
from heedback_service.core.nearest import Near
from heedback_service.core.vectors import vectors


def test_of_two_that_are_as_near_the_one_that_is_near_to_everybody_comes_behind() -> None:
    said = vectors(["aaaa", "bbbb", "cccc"])  # nothing in common: the cosine of rare words is 0
    usual = np.array([[0.8], [0.1], [0.2]], np.float32)
    before = Near(np.array([[0, 1]] * 3, np.int32), np.array([[0, 0], [0, 0], [0.6, 0.6]], np.float32))
    *_, found = candidates(Near(np.zeros((3, 1), np.int32), usual), before, said, [10, 11, 12])
    assert [each.other for each in found] == [11, 10]
    assert [each.score for each in found] == pytest.approx([0.3 - CROWD * (0.2 + 0.1), 0.3 - CROWD * (0.2 + 0.8)])


def test_a_crowd_takes_a_near_text_down_and_not_out_of_the_list() -> None:
    said = vectors(["aaaa", "bbbb"])
    near = Near(np.array([[1], [0]], np.int32), np.array([[0.9], [0.9]], np.float32))
    before = Near(np.array([[0], [0]], np.int32), np.array([[0], [0.3]], np.float32))
    *_, found = candidates(near, before, said, [10, 11])
    assert [(each.other, each.score) for each in found] == [(10, pytest.approx(LEAST))]
