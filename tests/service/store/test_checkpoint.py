"""SQLite's log is moved into the file beside the writing, by a short thread that stands in nobody's way."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from heedback_service.store import checkpoint
from heedback_service.store.checkpoint import Checkpointer
from heedback_service.store.db import Database


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "some.db"


@contextmanager
def log(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that leaves all it writes in the log."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("CREATE TABLE t (x)")
        yield connection


def write(connection: sqlite3.Connection, rows: int) -> None:
    connection.executemany("INSERT INTO t VALUES (?)", [("x" * 1000,)] * rows)


def ended(checkpointer: Checkpointer) -> bool:
    """Wait for the thread, if there was one."""
    if (thread := checkpointer._thread) is not None:
        thread.join(60)
    return thread is not None


def in_file(path: Path) -> int:
    """Rows that whoever copies the file without its log would find."""
    copy = path.with_suffix(".copy")
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        try:
            return int(connection.execute("SELECT count(*) FROM t").fetchone()[0])
        except sqlite3.OperationalError:  # not even the table
            return 0


def test_the_log_is_moved_once_it_is_long(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 90)
    checkpointer = Checkpointer(str(path))
    with log(path) as connection:
        write(connection, 99)
        checkpointer.committed(99)
        assert not ended(checkpointer)
        assert in_file(path) == 0
        write(connection, 1)
        checkpointer.committed(1)
        assert ended(checkpointer)
        assert in_file(path) == 100


def test_many_small_commits_make_it_long_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each writes whole pages, however little is new on them."""
    monkeypatch.setattr(checkpoint, "_PAGES", 90)
    checkpointer = Checkpointer(str(path))
    with log(path) as connection:
        for _ in range(10):
            write(connection, 1)
            checkpointer.committed(1)
            assert not ended(checkpointer)
        write(connection, 1)
        checkpointer.committed(1)
        assert ended(checkpointer)
        assert in_file(path) == 11


def test_long_texts_make_it_long_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 90)
    checkpointer = Checkpointer(str(path))
    with log(path) as connection:
        connection.execute("INSERT INTO t VALUES (?)", ["x" * 400_000])
        checkpointer.committed(1, 400_000)
        assert ended(checkpointer)
        assert in_file(path) == 1


def test_whoever_reads_meanwhile_keeps_neither_the_thread_nor_the_writer_waiting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 1)
    checkpointer = Checkpointer(str(path))
    with log(path) as connection, closing(sqlite3.connect(path, isolation_level=None)) as reader:
        write(connection, 10)
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (10,)
        write(connection, 10)
        checkpointer.committed(10)
        assert ended(checkpointer)
        write(connection, 10)
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (10,)
        reader.execute("COMMIT")
        checkpointer.committed(10)
        assert ended(checkpointer)
        assert in_file(path) == 30


def test_one_at_a_time(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 1)
    go_on = threading.Event()
    monkeypatch.setattr(Checkpointer, "_move", lambda _: go_on.wait(60))
    checkpointer = Checkpointer(str(path))
    checkpointer.committed(1)
    first = checkpointer._thread
    checkpointer.committed(1000)
    assert checkpointer._thread is first
    go_on.set()
    assert ended(checkpointer)
    checkpointer.committed(1001)
    assert checkpointer._thread is not first
    assert ended(checkpointer)


def test_a_file_that_cannot_be_moved_to_is_nobody_s_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 1)
    checkpointer = Checkpointer(str(tmp_path / "gone" / "some.db"))
    checkpointer.committed(1)  # pytest fails on what a thread raises
    assert ended(checkpointer)


def test_the_writer_of_intake_has_its_log_moved(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "_PAGES", 90)
    db = Database(f"sqlite:///{path}")
    try:
        writer = db.writer()
        with writer.transaction() as line:
            line.connection.execute(text("CREATE TABLE t (x)"))
        with writer.transaction() as line:
            line.cursor.executemany("INSERT INTO t VALUES (?)", [("x",)] * 100)
        assert ended(writer._checkpointer)
        assert in_file(path) == 100
    finally:
        db.dispose()
