"""Files that are taken, replaced or cut under a spool that is open: what can be saved is, what cannot is said."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from heedback import upkeep
from heedback.lease import Load, Spool
from heedback.memory import MEMORY_EVENTS
from heedback.place import Ground, set_aside
from heedback.refuge import Refuge, open_spool
from heedback.spool import FileSpool

NOW = 1_000.0


class Told:
    """What was said and counted."""

    def __init__(self) -> None:
        self.said: set[str] = set()
        self.dropped: Counter[str] = Counter()

    def open(self, path: Path) -> Refuge:
        made = open_spool(
            str(path), lambda kind, message: self.said.add(message), lambda reason, n: self.dropped.update({reason: n})
        )
        assert isinstance(made, Refuge)
        return made


@pytest.fixture
def told() -> Told:
    return Told()


def capture(spool: Spool, numbers: range) -> None:
    for number in numbers:
        spool.put(json.dumps({"n": number, "comment": "x" * 300}), True, 1, NOW)


def drain(spool: Spool) -> tuple[set[int], Counter[str]]:
    """What is sent, and what is told of drops."""
    sent: set[int] = set()
    dropped: Counter[str] = Counter()
    for _ in range(50):
        lease = spool.lease(1000, NOW)
        if lease is not None:
            sent.update(json.loads(body)["n"] for body in lease.bodies)
            dropped.update(lease.dropped)
            spool.settle(lease, {}, NOW)
    return sent, dropped


def found(path: Path) -> set[int]:
    """What somebody finds who opens a copy of the file and its log as they are."""
    with tempfile.TemporaryDirectory() as folder:
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", folder)
        with contextlib.closing(sqlite3.connect(Path(folder) / path.name)) as db:
            return {json.loads(body)["n"] for (body,) in db.execute("SELECT body FROM event")}


def another(path: Path) -> Path:
    """A spool of nobody's, with a row, to take the place of ours."""
    made = FileSpool(f"{path}.other")
    capture(made, range(1000, 1001))
    made.close()
    return Path(made.path)


TAKEN: dict[str, Callable[[Path], object]] = {
    "the file": lambda path: path.unlink(),
    "the log": lambda path: Path(f"{path}-wal").unlink(),
    "the folder": lambda path: shutil.rmtree(path.parent),
    "replaced": lambda path: another(path).rename(path),
}


@pytest.mark.parametrize("what", TAKEN)
def test_files_that_are_taken_under_the_spool(told: Told, spool: Path, what: str) -> None:
    """The sender sees it at its next look, and what was captured before and after is saved to a new file."""
    made = told.open(spool)
    capture(made, range(50))
    TAKEN[what](spool)
    capture(made, range(50, 100))
    sent, dropped = drain(made)
    assert sent - {1000} == set(range(100))
    assert (dropped, told.dropped, made.facts()["spool"]) == ({}, {}, "file")
    assert [" is damaged: set aside" in message for message in told.said] == [True] * (what == "the log")
    capture(made, range(100, 101))
    made.close()
    with contextlib.closing(sqlite3.connect(spool)) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone() == (1,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.parametrize("what", TAKEN)
def test_files_that_are_taken_under_two_processes(told: Told, spool: Path, what: str) -> None:
    """Neither takes the new file, or the new log, of the other for its own."""
    one, two = told.open(spool), told.open(spool)
    capture(one, range(50))
    TAKEN[what](spool)
    capture(two, range(50, 100))
    assert one.lease(0, NOW) is None
    capture(one, range(100, 150))
    capture(two, range(150, 200))
    third = told.open(spool)
    capture(third, range(200, 250))
    sent = drain(two)[0] | drain(one)[0] | drain(third)[0]
    assert sent - {1000} == set(range(250))
    assert told.dropped == {}
    for each in (one, two, third):
        each.close()
    with contextlib.closing(sqlite3.connect(spool)) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_more_than_memory_holds_is_taken_along(told: Told, spool: Path) -> None:
    """From file to file: the bounds of the queue in memory are not in the way."""
    made = told.open(spool)
    assert made._file is not None
    row = json.dumps({"n": 0})
    made._file.take(Load([(row, True, 1, NOW)] * (MEMORY_EVENTS + 2345)))
    spool.unlink()
    assert made.lease(0, NOW) is None
    assert (made.facts()["spool"], made.facts()["pending"], told.dropped) == ("file", MEMORY_EVENTS + 2345, {})
    made.close()


def test_what_no_new_file_takes_waits_in_memory(told: Told, spool: Path) -> None:
    """The new file is full before all has moved: each event is in one of the two, and comes home later."""
    made = told.open(spool)
    capture(made, range(2500))
    spool.unlink()
    opened = made._open_file

    def small() -> FileSpool:
        new = opened()
        new._writer.execute("PRAGMA max_page_count = 200")
        return new

    made._open_file = small
    assert made.lease(0, NOW) is None
    assert (made.facts()["spool"], made.facts()["pending"]) == ("memory", 2500)
    assert made._file is not None
    made._file._writer.execute("PRAGMA max_page_count = 100000")
    assert made.rescue() == 0
    assert drain(made) == (set(range(2500)), {})
    assert told.dropped == {}
    made.close()


def test_a_capture_that_is_late_for_the_move(told: Told, spool: Path) -> None:
    """It was on its way into the old file while the rows of that were read: it goes to the new one, and quietly."""
    made = told.open(spool)
    capture(made, range(5))
    old = made._file
    assert old is not None
    put, drops = old.put, old.drops
    arrived, read = threading.Event(), threading.Event()

    def late(body: str, dear: bool, redactor: int | None, at: float) -> None:
        arrived.set()
        assert read.wait(5)
        put(body, dear, redactor, at)

    def after_the_rows() -> dict[str, int]:
        read.set()
        time.sleep(0.05)  # for the capture to get as far as it can
        return drops()

    old.put, old.drops = late, after_the_rows  # type: ignore[method-assign]
    thread = threading.Thread(target=capture, args=(made, range(5, 6)))
    thread.start()
    assert arrived.wait(5)
    spool.unlink()
    assert made.lease(0, NOW) is None
    thread.join(5)
    assert drain(made) == (set(range(6)), {})
    assert (told.said, told.dropped, made.facts()["spool"]) == (set(), {}, "file")
    made.close()
    assert drain(told.open(spool)) == (set(), {})


def test_a_capture_that_is_late_for_the_end(told: Told, spool: Path) -> None:
    """It found the client open, and the file closed when it came to that: it is counted, and nothing false is said."""
    made = told.open(spool)
    capture(made, range(2))
    made.close()
    capture(made, range(2, 5))
    assert (told.said, told.dropped) == (set(), {"lost": 3})
    assert drain(told.open(spool))[0] == {0, 1}


def test_what_was_dropped_is_told_from_the_new_file(told: Told, spool: Path) -> None:
    """Counts move with the rows, those too that a batch was to tell which never arrived; by one process only."""
    one, two = told.open(spool), told.open(spool)
    capture(one, range(2))
    one.drop("invalid", 3)
    lease = one.lease(1, NOW)
    assert lease is not None
    assert lease.dropped == {"invalid": 3}
    one.drop("invalid", 1)
    one.drop("internal", 2)
    spool.unlink()
    assert one.lease(0, NOW) is None
    assert two.lease(0, NOW) is None
    sent, dropped = drain(two)
    assert (sent, dropped) == ({0, 1}, {"invalid": 4, "internal": 2})
    assert told.dropped == {}
    one.close()
    two.close()


@pytest.mark.parametrize("first", ["text", "rating"])
@pytest.mark.parametrize("moves", [True, False], ids=["file", "memory"])
def test_texts_that_wait_for_a_rating_move_home(told: Told, spool: Path, first: str, moves: bool) -> None:
    """Captured while the file was locked: the other half may come to another process. At the end they are counted."""
    made = told.open(spool)
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        made.drop("invalid", 1)
        if first == "text":
            made.hold("o", json.dumps({"n": 1}), 1, NOW)
        else:
            made.want("o", NOW)
        assert made.facts()["spool"] == "memory"
        if not moves:
            assert made.rescue() == (first == "text")
            return
        blocker.execute("ROLLBACK")
    assert made.rescue() == 0
    assert made._memory.is_empty()
    made.close()
    other = told.open(spool)
    if first == "text":
        other.want("o", NOW)
    else:
        other.hold("o", json.dumps({"n": 1}), 1, NOW)
    assert drain(other) == ({1}, {"invalid": 1})
    other.close()


def test_what_is_captured_while_nobody_looks_is_saved_at_the_end(told: Told, spool: Path) -> None:
    """The service is away and the sender rests: the end of the process is the last time to see it."""
    made = told.open(spool)
    capture(made, range(50))
    spool.unlink()
    capture(made, range(50, 100))
    assert made.rescue() == 0
    made.close()
    assert drain(told.open(spool))[0] == set(range(100))


def test_a_database_of_others_in_its_place_is_not_mixed_with_our_log(told: Told, spool: Path) -> None:
    """SQLite would take the log that lies beside it for its own."""
    made = told.open(spool)
    capture(made, range(50))
    other = spool.with_name("other.db")
    with contextlib.closing(sqlite3.connect(other)) as db, db:
        db.execute("CREATE TABLE theirs (n)")
    before = other.read_bytes()
    other.rename(spool)
    sent, _ = drain(made)
    assert sent == set(range(50))
    assert made.facts()["spool"] == "memory"
    assert ["another application's database" in message for message in told.said] == [True]
    made.close()
    assert spool.read_bytes() == before
    assert list(spool.parent.iterdir()) == [spool]


@pytest.mark.parametrize("part", [0, 0.5])
@pytest.mark.parametrize("looks", [True, False], ids=["seen by the sender", "seen at the end"])
def test_a_log_that_is_cut(told: Told, spool: Path, part: float, looks: bool) -> None:
    """What is before the cut is saved, and what comes after it. What was lost nobody can count, so the file is: one
    warning, and a marked day."""
    made = told.open(spool)
    capture(made, range(100))
    assert made.lease(0, NOW) is None  # the sender has seen how long the log was
    log = Path(f"{spool}-wal")
    os.truncate(log, int(log.stat().st_size * part))
    left = found(spool) if part else set()
    assert (len(left) > 10) == bool(part)
    if looks:
        assert made.lease(0, NOW) is None
    capture(made, range(100, 200))
    if not looks and not part:
        assert made.rescue() == 0
        made.close()
        made = told.open(spool)
    sent, dropped = drain(made)
    assert sent >= left | set(range(120, 200))
    assert dropped == told.dropped == {"damaged": 1}
    assert [" is damaged: set aside as " in message for message in told.said] == [True]
    assert made.facts()["spool"] == "file"
    made.close()


def test_a_log_that_was_cut_is_seen_at_the_next_opening(told: Told, spool: Path) -> None:
    """The process was killed before it saw it: SQLite alone would begin where the log does, and say nothing."""
    made = told.open(spool)
    capture(made, range(10))
    os.truncate(f"{spool}-wal", 0)
    capture(made, range(10, 20))
    killed = spool.parent.with_name("killed")
    shutil.copytree(spool.parent, killed)
    made.rescue()
    made.close()
    told.said.clear()
    told.dropped.clear()
    again = told.open(killed / spool.name)
    assert again.facts()["spool"] == "file"
    assert ["its log was cut" in message for message in told.said] == [True]
    capture(again, range(20, 21))
    assert drain(again) == ({20}, {"damaged": 1})
    assert told.dropped == {"damaged": 1}
    again.close()


def test_two_files_that_are_set_aside_in_a_second(spool: Path) -> None:
    """The second does not take the place of the first."""
    spool.parent.mkdir()
    for text in ("one", "two", "three"):
        spool.write_text(text)
        set_aside(str(spool))
    assert sorted(path.read_text() for path in spool.parent.iterdir()) == ["one", "three", "two"]


def test_a_file_that_somebody_set_aside_is_left_at_once(told: Told, spool: Path) -> None:
    """The trouble that it gives is no reason to wait half a minute for it to heal."""
    made = told.open(spool)
    capture(made, range(100))
    assert made.lease(0, NOW) is None
    os.truncate(f"{spool}-wal", 0)
    set_aside(str(spool))
    file = made._file
    assert file is not None
    file._writer.execute("PRAGMA cache_size = 1")
    for number in range(100, 200):
        capture(made, range(number, number + 1))
    assert drain(made)[0] >= set(range(150, 200))
    assert made.facts()["spool"] == "file"
    made.close()


def test_a_log_that_somebody_folded_is_whole(told: Told, spool: Path) -> None:
    """`python -m heedback spool drop` empties it, and it grows again: nothing is lost, nothing said."""
    made = told.open(spool)
    capture(made, range(100))
    assert made.lease(0, NOW) is None
    upkeep.drop(str(spool), time.time())
    assert Path(f"{spool}-wal").stat().st_size == 0
    assert made.lease(0, NOW) is None
    capture(made, range(100, 105))
    assert drain(made)[0] == set(range(105))
    assert (told.said, told.dropped) == (set(), {})
    made.close()


def test_a_log_that_others_write_to_while_it_is_looked_at_is_whole(tmp_path: Path) -> None:
    """Folded by one process and grown again by another between two looks: that is no cut."""
    page, path = 4096, tmp_path / "spool.db"
    log = Path(f"{path}-wal")

    def write(frames: int) -> None:
        log.write_bytes(b"\x37\x7f\x06\x82" + bytes(28 + frames * (24 + page)))

    def grown() -> int:
        write(3)
        return 3

    path.touch()
    write(5)
    ground = Ground(str(path), page, grown)
    assert not ground.is_cut()
    log.write_bytes(b"")
    assert not ground.is_cut()
    cut = Ground(str(path), page, lambda: 3)
    assert not cut.is_cut()
    write(2)
    assert cut.is_cut()


def test_a_file_that_is_damaged_is_told_to_the_service(told: Told, spool: Path) -> None:
    """At opening too: how many events were in it nobody knows, so it counts as one."""
    spool.parent.mkdir()
    spool.write_bytes(b"this is no database" * 1000)
    made = told.open(spool)
    capture(made, range(1))
    assert drain(made) == ({0}, {"damaged": 1})
    assert told.dropped == {"damaged": 1}
    made.close()


def test_a_mark_holds_while_rows_move(told: Told, spool: Path) -> None:
    """A flush must not take for settled what only has another number in another place."""
    made = told.open(spool)
    capture(made, range(50))
    mark = made.last()
    spool.unlink()
    assert made.waiting(mark)
    assert made.lease(0, NOW) is None
    assert made.waiting(mark)
    assert drain(made)[0] == set(range(50))
    assert not made.waiting(mark)
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        capture(made, range(50, 51))
        mark = made.last()
        blocker.execute("ROLLBACK")
    made._rest_until = 0.0
    assert made.lease(0, NOW) is None
    assert made.facts()["spool"] == "file"
    assert made.waiting(mark)
    made.close()


def test_a_mark_holds_for_what_is_in_a_sick_file(told: Told, spool: Path) -> None:
    """What was captured before the disk was full waits there, and is not settled because memory is empty."""
    made = told.open(spool)
    capture(made, range(5))
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        capture(made, range(5, 6))
        assert made.facts()["spool"] == "memory"
        lease = made.lease(10, NOW)
        assert lease is not None
        mark = made.last()
        made.settle(lease, {}, NOW)
        assert made.waiting(mark)
        blocker.execute("ROLLBACK")
    made._rest_until = 0.0
    assert drain(made)[0] == set(range(5))
    assert not made.waiting(mark)
    made.close()
