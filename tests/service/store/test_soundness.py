"""Whether a copy is fit to restore."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from heedback_service.store.migrate import HEAD
from heedback_service.store.soundness import Sound, Unsound, inspect_copy

Change = Callable[[sqlite3.Connection], object]


@pytest.fixture
def copy(sqlite_template: Path, tmp_path: Path) -> Path:
    """A database with a project, as one file."""
    file = tmp_path / "copy.db"
    shutil.copy(sqlite_template, file)
    change(file, lambda c: c.execute(_a_project(c)))
    return file


def _a_project(connection: sqlite3.Connection) -> str:
    given = {"slug": "'acme'", "name": "'Acme'", "timezone": "'UTC'", "created_at": "'2026-11-18 12:00:00'"}
    needed = [
        row for row in connection.execute("PRAGMA table_info(projects)") if row[3] and row[4] is None and not row[5]
    ]
    values = {row[1]: given.get(row[1], "1") for row in needed}
    return f"INSERT INTO projects ({', '.join(values)}) VALUES ({', '.join(values.values())})"


def change(file: Path, how: Change) -> None:
    with contextlib.closing(sqlite3.connect(file)) as connection:
        how(connection)
        connection.commit()
        connection.execute("PRAGMA journal_mode = DELETE")


def test_a_whole_copy_tells_what_is_in_it_and_nothing_is_made_beside_it(copy: Path) -> None:
    before = copy.read_bytes()
    assert inspect_copy(copy) == Sound(HEAD, {"projects": 1, "outputs": 0, "feedback": 0, "items": 0})
    assert (copy.read_bytes(), list(copy.parent.glob("copy*"))) == (before, [copy])


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda c: c.execute("DELETE FROM projects"), "there is no project in it"),
        (lambda c: c.execute("DROP TABLE alembic_version"), "no database of Heedback"),
        (lambda c: c.execute("DELETE FROM alembic_version"), "does not say of which version"),
        (lambda c: c.execute("UPDATE alembic_version SET version_num = '9999'"), "that of a newer Heedback"),
    ],
)
def test_what_is_not_ours_or_empty_is_told(copy: Path, how: Change, why: str) -> None:
    change(copy, how)
    found = inspect_copy(copy)
    assert isinstance(found, Unsound)
    assert why in found.why


def test_a_copy_that_is_cut_short_damaged_or_missing_is_told(copy: Path, tmp_path: Path) -> None:
    whole = copy.read_bytes()
    wrong = [b"", b"the copy", whole[: len(whole) // 2], whole[:8192] + bytes(4096) + whole[12288:]]
    for content in wrong:
        copy.write_bytes(content)
        found = inspect_copy(copy)
        assert isinstance(found, Unsound), content[:20]
        assert found.why
    assert inspect_copy(tmp_path / "nowhere.db") == Unsound("there is no such file")


def test_what_cannot_be_opened_is_told(copy: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert inspect_copy(tmp_path) == Unsound("it is no regular file")
    assert inspect_copy(tmp_path / ("x" * 300)) == Unsound("it cannot be read: File name too long")
    assert inspect_copy(loop) == Unsound("it cannot be read: Too many levels of symbolic links")
    assert inspect_copy(copy / "below") == Unsound("it cannot be read: Not a directory")


def test_a_file_whose_log_lies_beside_it_is_not_the_whole_of_it(copy: Path) -> None:
    with contextlib.closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("UPDATE projects SET name = 'Newer'")
        connection.commit()
        found = inspect_copy(copy)
    assert isinstance(found, Unsound)
    assert "copy.db-wal" in found.why
