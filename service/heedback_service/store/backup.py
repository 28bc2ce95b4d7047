"""A copy of the SQLite file while it is written to, by SQLite's own online backup."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy.engine import make_url

from heedback_service.placing import place
from heedback_service.store.file import hindrance

_SUFFIXES: Final = ("", "-wal", "-shm", "-journal")  # https://sqlite.org/tempfiles.html


@dataclass(frozen=True, slots=True)
class BackedUp:
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was written; `why` is a sentence for the person who asked."""

    why: str


def back_up(url: str, file: Path, *, force: bool) -> BackedUp | Refused:
    """Write the database at `url` as it is at one moment to `file`, readable by its owner only.

    The file is there whole or not at all; one that is there already is replaced only with `force`.

    Raises:
        OSError, sqlite3.Error: the disk is full, the folder cannot be written to, or the database is damaged.
    """
    parts = make_url(url)
    if parts.get_backend_name() != "sqlite" or not parts.database:
        return Refused("only an SQLite file is copied by this; for PostgreSQL use pg_dump")
    database = Path(parts.database)
    if not database.exists():
        return Refused(f"there is no database {database}")
    if _is_in_use(file, database):
        return Refused(f"{file} is the database itself, or a file that SQLite keeps beside it")
    if file.exists() and not file.is_file():
        return Refused(f"{file} is no regular file")
    if file.exists() and not force:
        return Refused(f"{file} is there already; --force replaces it")
    part = file.with_name(f".{file.name}.{secrets.token_hex(4)}")  # in two containers both may be process 1
    try:
        _copy(database, part)
        if not _put(part, file, force):
            return Refused(f"{file} is there already; --force replaces it")
    except sqlite3.Error:
        if why := hindrance(database.absolute()):
            return Refused(f"cannot read the database: {why}")
        raise
    finally:
        part.unlink(missing_ok=True)
    return BackedUp(file.stat().st_size)


def _is_in_use(file: Path, database: Path) -> bool:
    """Whether this is one of the database's files, by whatever link; also one that is not there at the moment."""
    parts = [os.path.realpath(database) + suffix for suffix in _SUFFIXES]  # `Path.resolve` raises on a loop of links
    if os.path.realpath(file) in parts:
        return True
    return file.exists() and any(Path(part).exists() and file.samefile(part) for part in parts)


def _copy(database: Path, part: Path) -> None:
    part.touch(mode=0o600)
    with (
        contextlib.closing(sqlite3.connect(database)) as source,
        contextlib.closing(sqlite3.connect(part)) as target,
    ):
        # In one go: a copy in portions begins again whenever somebody else writes. In WAL mode no writer waits for it.
        source.backup(target, pages=-1)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, that needs no others beside it
        [told] = target.execute("PRAGMA quick_check(1)").fetchone()
        if told != "ok":
            raise sqlite3.DatabaseError(f"the copy is damaged: {told}")
    _sync(part)


def _put(part: Path, file: Path, force: bool) -> bool:
    try:
        if force:
            part.replace(file)
        else:
            place(part, file)  # unlike a rename, this overwrites nobody's file that came in the meantime
    except FileExistsError:
        return False
    _sync(file.parent)
    return True


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
