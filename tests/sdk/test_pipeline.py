"""The way out of a client: what its end does with what still waits."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path

import pytest

from heedback.pipeline import Pipeline, Plan
from heedback.spool import MAX_BYTES, MAX_EVENTS, FileSpool
from heedback.tally import Tally
from heedback.transport import Batch, Delivered, Outcome, RetryAfter
from processes import until

NOW = 1_000.0


class Service:
    def __init__(self, up: bool) -> None:
        self.up = up

    def send(self, batch: Batch) -> Outcome:
        return Delivered(len(batch.bodies)) if self.up else RetryAfter(60.0)


def pipeline(path: str | Path, tally: Tally, *, up: bool) -> Pipeline:
    bounds = {"max_events": MAX_EVENTS, "max_bytes": MAX_BYTES}
    return Pipeline(Plan(str(path), bounds, lambda: Service(up), lambda: int(NOW * 1e9), lambda top: top), tally)


@pytest.mark.parametrize("up", [True, False], ids=["sent", "not sent"])
@pytest.mark.parametrize("in_file", [True, False], ids=["file", "memory"])
def test_a_flush_after_the_end_says_whether_all_was_sent(spool: Path, in_file: bool, up: bool) -> None:
    """It can send nothing any more, and does not claim that it did."""
    made = pipeline(spool if in_file else ":memory:", Tally(), up=up)
    assert made.put("{}", True, 1, NOW)
    made.close(5)
    assert made.flush(0) is up
    made.close(5)
    assert made.flush(0) is up


def test_troubles_of_the_spool_are_told_each_and_the_one_that_ends_is_forgotten(
    spool: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A file that was locked for a moment does not hide that one is damaged later, and is no problem any more."""
    tally = Tally()
    made = pipeline(spool, tally, up=True)
    made.start()
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        assert made.put("{}", True, 1, NOW)
        assert "cannot be written" in tally.facts()["problem"]
        blocker.execute("ROLLBACK")
    time.sleep(1.0)  # its rest
    assert made.put("{}", True, 1, NOW)
    assert made.flush(10)
    until(lambda: made.facts()["spool"] == "file", 10)
    assert tally.facts()["problem"] is None
    Path(f"{spool}-wal").unlink()
    assert made.put("{}", True, 1, NOW)
    assert made.flush(10)
    assert "is damaged" in tally.facts()["problem"]
    made.close(5)
    assert ["damaged" in record.message for record in caplog.records] == [False, True]


def test_a_file_that_is_locked_is_waited_for_at_the_end(spool: Path) -> None:
    """Another process writes longer than one try takes: the time that `close` has is used, and nothing is lost."""
    tally = Tally()
    made = pipeline(spool, tally, up=False)
    made.start()
    locked = sqlite3.connect(spool, isolation_level=None, check_same_thread=False)
    with contextlib.closing(locked) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        assert made.put("{}", True, 1, NOW)
        assert made.facts()["spool"] == "memory"
        timer = threading.Timer(1.0, blocker.execute, ["ROLLBACK"])
        timer.start()
        began = time.monotonic()
        made.close(30)
        assert time.monotonic() - began < 20
        timer.join()
    assert tally.facts()["dropped"] == {}
    left = FileSpool(str(spool))
    assert left.facts()["pending"] == 1
    left.close()
