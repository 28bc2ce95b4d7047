"""`./dev check` runs every step and tells the truth about each."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import check
from tools.environment import Environment

HERE = Environment(Path(), Path(sys.prefix))


def step(name: str, code: str) -> check.Step:
    return check.Step(name, None, ("-c", code))


def test_all_steps_run_and_one_failure_fails_all(capsys: pytest.CaptureFixture[str]) -> None:
    """The output of a failing step is shown, that of a good one is not."""
    steps = (step("first", "print('why'); raise SystemExit(7)"), step("second", "print('chatter')"))
    assert check.run(HERE, steps) == 1
    shown = capsys.readouterr().out
    assert "FAIL  first" in shown
    assert "why" in shown
    assert "ok    second" in shown
    assert "chatter" not in shown
    assert "Failed: first" in shown


def test_good_steps_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing failed: exit status 0."""
    assert check.run(HERE, (step("only", "pass"),)) == 0
    assert "All checks passed" in capsys.readouterr().out
