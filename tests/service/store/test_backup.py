"""Where a backup may not go."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from heedback_service.store.backup import BackedUp, Refused, back_up


@pytest.mark.parametrize("suffix", ["", "-wal", "-shm", "-journal"])
@pytest.mark.parametrize("force", [True, False])
def test_a_backup_never_goes_where_the_database_is(
    sqlite_template: Path, tmp_path: Path, suffix: str, force: bool
) -> None:
    database = tmp_path / "heedback.db"
    shutil.copy(sqlite_template, database)
    (tmp_path / "other-name.db").symlink_to(database)  # SQLite keeps its files beside what a link leads to
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'in the log'")
        connection.commit()
        file = tmp_path / f"heedback.db{suffix}"
        (tmp_path / "soft").symlink_to(file)
        names = [file, tmp_path / ".." / tmp_path.name / file.name, tmp_path / "soft"]
        if file.exists():
            (tmp_path / "hard").hardlink_to(file)
            names.append(tmp_path / "hard")
        before = sorted(tmp_path.iterdir())
        for url in (f"sqlite:///{database}", f"sqlite:///{tmp_path / 'other-name.db'}"):
            for name in names:
                refused = Refused(f"{name} is the database itself, or a file that SQLite keeps beside it")
                assert back_up(url, name, force=force) == refused
        assert sorted(tmp_path.iterdir()) == before
        assert isinstance(back_up(f"sqlite:///{database}", tmp_path / "b.db", force=force), BackedUp)
    with contextlib.closing(sqlite3.connect(database)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("in the log",)


def test_a_loop_of_links_is_replaced_only_by_force(sqlite_template: Path, tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    url = f"sqlite:///{sqlite_template}"
    assert back_up(url, loop, force=False) == Refused(f"{loop} is there already; --force replaces it")
    assert loop.is_symlink()
    assert isinstance(back_up(url, loop, force=True), BackedUp)
    assert (loop.is_symlink(), loop.is_file()) == (False, True)
