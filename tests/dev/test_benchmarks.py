"""What the benchmarks share, and that each is told of."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench._figures import Row, report

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("row", "held"),
    [
        (Row("as dear as allowed", 25.0, 2.5, "times", floor=10.0), True),
        (Row("dearer", 25.1, 2.5, "times", floor=10.0), False),
        (Row("nothing to compare with", 1.0, 2.5, "times"), False),
        (Row("as many as wanted", 5000.0, 5000, "at_least", floor=20_000.0), True),
        (Row("fewer", 4999.0, 5000, "at_least"), False),
        (Row("all", 1000, 1000, "exactly"), True),
        (Row("one more than there are", 1001, 1000, "exactly"), False),
    ],
    ids=lambda value: value.what if isinstance(value, Row) else "",
)
def test_one_missed_row_is_the_exit_status(row: Row, held: bool, capsys: pytest.CaptureFixture[str]) -> None:
    """And stands in the table, and in the line of JSON."""
    assert row.held is held
    assert report([Row("kept", 0, 0, "exactly"), row]) == (0 if held else 1)
    *_, line, last = capsys.readouterr().out.splitlines()
    assert ("MISSED" in line) is not held
    assert [each["held"] for each in json.loads(last)["rows"]] == [True, held]


def test_every_benchmark_is_told_of() -> None:
    """In the table of the commands."""
    told = (ROOT / "docs" / "commands.md").read_text()
    benchmarks = [file.stem for file in (ROOT / "tests" / "bench").glob("[!_]*.py")]
    assert len(benchmarks) > 5
    assert [name for name in benchmarks if f"\n| `{name}" not in told] == []
