"""The SQLite file is moved, replaced or removed under a process that has it open."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from heedback_service.app import create_app
from heedback_service.settings import Settings
from heedback_service.store import checkpoint
from heedback_service.store.db import Database

LOST = "was moved, replaced or removed while in use: end every process of the service, then start it anew"


@pytest.fixture
def path(sqlite_template: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sqlite_template, tmp_path / "in-use.db"))


@pytest.fixture
def db(path: Path) -> Iterator[Database]:
    """Open, with a row written by its writer."""
    opened = Database(f"sqlite:///{path}")
    mark(opened, "before")
    yield opened
    opened.dispose()


def mark(db: Database, word: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    with db.writer().transaction() as line:
        line.cursor.execute("UPDATE alembic_version SET version_num = ?", (word,))
        meanwhile()


def marked(path: Path) -> str:
    with closing(sqlite3.connect(path)) as connection:
        [word] = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(word)


def moved(path: Path) -> Path:
    for file in path.parent.glob("in-use.db*"):
        file.rename(file.with_name(file.name.replace("in-use", "moved")))
    return path.with_name("moved.db")


def test_nothing_is_written_or_read_when_it_is_gone_and_none_is_made_in_its_place(
    db: Database, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    elsewhere = moved(path)
    for _ in range(2):
        with pytest.raises(OperationalError, match=LOST):
            mark(db, "into the void")
        with pytest.raises(OperationalError, match=LOST), db.write():
            pass
        with pytest.raises(OperationalError, match=LOST), db.read() as session:
            session.execute(text("SELECT 1"))
    assert not path.exists()
    assert marked(elsewhere) == "before"
    assert [record.getMessage() for record in caplog.records] == [f"the database file {path} {LOST}"]
    for file in path.parent.glob("moved.db*"):
        file.rename(file.with_name(file.name.replace("moved", "in-use")))
    mark(db, "back")
    assert marked(path) == "back"


def test_another_file_in_its_place_is_not_written_to(db: Database, path: Path, sqlite_template: Path) -> None:
    moved(path)
    shutil.copy(sqlite_template, path)
    before = marked(path)
    for _ in range(2):
        with pytest.raises(OperationalError, match=LOST):
            mark(db, "into another")
    assert marked(path) == before


def test_a_transaction_during_which_it_goes_is_not_committed(db: Database, path: Path) -> None:
    with pytest.raises(OperationalError, match=LOST):
        mark(db, "half", meanwhile=lambda: moved(path))
    assert marked(path.with_name("moved.db")) == "before"


@pytest.mark.parametrize("another", [False, True])
def test_a_log_that_goes_is_not_written_to_and_what_is_in_it_is_kept_by_a_peaceful_end(
    db: Database, path: Path, another: bool
) -> None:
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    log = path.with_name(f"{path.name}-wal")
    if another:
        log.touch()  # as another process makes it that opens the file now
    with pytest.raises(OperationalError, match=f"{log} {LOST}"):
        mark(db, "into the void")
    with pytest.raises(OperationalError, match=LOST), db.read() as session:
        session.execute(text("SELECT 1"))
    assert db.writes.trouble() is not None
    log.unlink(missing_ok=True)
    db.dispose()
    assert marked(path) == "before"
    mark(db, "anew")
    assert marked(path) == "anew"


def test_a_log_that_goes_beside_what_a_symlink_leads_to(path: Path, tmp_path: Path) -> None:
    """SQLite keeps it there, and not beside the link."""
    link = tmp_path / "elsewhere" / "linked.db"
    link.parent.mkdir()
    link.symlink_to(path)
    db = Database(f"sqlite:///{link}")
    mark(db, "before")
    path.with_name(f"{path.name}-wal").unlink()
    with pytest.raises(OperationalError, match=f"{path}-wal {LOST}"):
        mark(db, "into the void")
    db.dispose()


def test_moving_the_log_makes_no_file_where_none_is(tmp_path: Path) -> None:
    checkpoint.Checkpointer(str(tmp_path / "gone.db"))._move()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["in-use.db", "in-use.db-wal"])
def test_the_service_is_not_ready_and_says_why(db: Database, path: Path, tmp_path: Path, what: str) -> None:
    settings = Settings(tmp_path, db.address, "s" * 48, None, tmp_path / "outbox", "h@localhost", None, 0)
    app: Flask = create_app(settings, db)
    path.with_name(what).rename(tmp_path / "elsewhere")
    with pytest.raises(OperationalError, match=f"{path.with_name(what)} {LOST}"):
        mark(db, "into the void")
    answer = app.test_client().get("/readyz")
    told = "the database file or its log was moved, replaced or removed; "
    told += "end every process of the service, then start it anew\n"
    assert (answer.status_code, answer.text) == (503, told)
