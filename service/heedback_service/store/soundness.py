"""Whether a file is a whole database of Heedback with something in it, before anybody relies on it."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from heedback_service.store.migrate import HEAD

_COUNTED: Final = ("projects", "outputs", "feedback", "items")


@dataclass(frozen=True, slots=True)
class Sound:
    """The revision of its tables, and how many rows those have that matter most."""

    revision: str
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Unsound:
    """Nothing to restore; `why` is a sentence for the person who asked."""

    why: str


def inspect_copy(file: Path) -> Sound | Unsound:
    """Read all of a copy that nobody writes to, such as `heedback backup` makes. Changes nothing, makes no file.

    Every page, index and constraint is read (`PRAGMA integrity_check`): seconds to a minute for a gigabyte.
    """
    try:
        if not stat.S_ISREG(file.stat().st_mode):
            return Unsound("it is no regular file")
        log = file.with_name(f"{file.name}-wal")
        if log.exists() and log.stat().st_size:
            part = f"part of it is in {log}. Copy with `heedback backup`"
            return Unsound(f"it is in use, or was copied while it was: {part}")
        file.open("rb").close()  # SQLite would not say why it cannot
    except FileNotFoundError:
        return Unsound("there is no such file")
    except OSError as error:
        return Unsound(f"it cannot be read: {error.strerror}")
    # `immutable`: nothing is locked, and no other file is made beside it (https://sqlite.org/uri.html).
    address = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(address, uri=True)) as connection:
            return _inspected(connection)
    except sqlite3.Error as error:
        return Unsound(f"it cannot be read: {error}")


def _inspected(connection: sqlite3.Connection) -> Sound | Unsound:
    [told] = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if told != "ok":
        return Unsound(f"it is damaged: {told}")
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not {"alembic_version", *_COUNTED} <= tables:
        return Unsound("it is no database of Heedback")
    revisions = [revision for (revision,) in connection.execute("SELECT version_num FROM alembic_version")]
    if len(revisions) != 1:
        return Unsound("it does not say of which version its tables are")
    if revisions[0] > HEAD:
        return Unsound(f"it is that of a newer Heedback ({revisions[0]}; this one knows {HEAD}): install that one")
    rows = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in _COUNTED}  # noqa: S608
    return Sound(revisions[0], rows) if rows["projects"] else Unsound("there is no project in it")
