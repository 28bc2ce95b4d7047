"""Bringing a database up to date: all of it, or nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import Connection, inspect, text
from sqlalchemy.exc import DatabaseError, OperationalError

from heedback_service.store import planner
from heedback_service.store.db import Database
from heedback_service.store.file import hindrance
from heedback_service.store.told import told

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(__file__).with_name("migrations")
HEAD: Final = "0011"  # the newest of them; known without Alembic, which takes as long to import as all the rest
_LOCK: Final = 0x6865_6564  # PostgreSQL's advisory locks are numbers; ours spells "heed"


class UnfitDatabaseError(Exception):
    """There is no database, it cannot be used, or its tables are not those of this version. The message is a line."""


def open_database(url: str, *, create: bool = True) -> Database:
    """The database at `url`. An SQLite file is brought up to date, and with `create` made where there is none;
    PostgreSQL waits for `heedback migrate`.

    Raises:
        UnfitDatabaseError: it is missing, not migrated, or that of a newer version; or an SQLite file that this user
            may not read and write, or that is none.
    """
    db = Database(url)
    try:
        if db.is_sqlite:
            with _explained(db):
                _make_file(db, create)
                upgrade(db)
        else:
            with contextlib.suppress(OperationalError):  # who is away may come back; whoever asks next is told
                _require_current(db)
    except BaseException:
        db.dispose()
        raise
    return db


def migrate(url: str) -> bool:
    """Bring the database at `url` up to date, whichever it is; True if there was anything to do.

    Raises:
        UnfitDatabaseError: it is that of a newer version; or an SQLite file as above.
    """
    db = Database(url)
    try:
        if not db.is_sqlite:
            return upgrade(db)
        with _explained(db):
            _make_file(db, create=True)
            return upgrade(db)
    finally:
        db.dispose()


@contextlib.contextmanager
def _explained(db: Database) -> Iterator[None]:
    """An SQLite file that cannot be used is a line with its path in it."""
    file = Path(db.url.database or "").absolute()
    try:
        yield
    except (OSError, DatabaseError) as error:
        said = told(error) if isinstance(error, DatabaseError) else error.strerror
        raise UnfitDatabaseError(f"cannot use the database {file}: {hindrance(file) or said}") from error


def _make_file(db: Database, create: bool) -> None:
    if db.url.database:
        file = Path(db.url.database)
        if not create and not file.exists():
            raise UnfitDatabaseError(f"there is no database {file}; is HEEDBACK_SERVER_DATA the right folder?")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)  # SQLite gives its other files the mode of this one


def _require_current(db: Database) -> None:
    with db.engine.connect() as connection:
        if _is_behind(connection):
            raise UnfitDatabaseError("the database is not migrated; run `heedback migrate`")


def upgrade(db: Database) -> bool:
    """Run the migrations that are missing; True if there were any.

    Several processes may call this at once: one works, the others wait and find nothing to do.

    Raises:
        UnfitDatabaseError: the database is that of a newer version.
    """
    with db.engine.connect() as connection:
        if not _is_behind(connection):
            return False
    if db.is_sqlite:
        return _upgrade_sqlite(db)
    with db.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        return _upgrade(connection)


def standing(db: Database) -> Literal["current", "behind", "newer"]:
    """Whether all migrations have been run, and no others. Raises what SQLAlchemy raises when nobody answers."""
    with db.engine.connect() as connection:
        versions = _versions(connection)
    if _is_newer(versions):
        return "newer"
    return "current" if versions == [HEAD] else "behind"


def _upgrade_sqlite(db: Database) -> bool:
    # Rebuilding a table must not cascade into its children, and the pragma only works outside a transaction.
    with db.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None  # noqa: S101 - a connection that is open has one
        raw.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.execution_options(heedback_writes=True).begin():
                migrated = _upgrade(connection)
                if migrated:
                    planner.teach(connection)
                return migrated
        finally:
            raw.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: Connection) -> bool:
    if not _is_behind(connection):
        return False
    from alembic import command

    command.upgrade(config(connection), "head")
    return True


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, for `upgrade` and for writing new migrations."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    made.attributes["connection"] = connection
    return made


def _is_behind(connection: Connection) -> bool:
    versions = _versions(connection)
    if _is_newer(versions):
        raise UnfitDatabaseError(
            f"the database is that of a newer Heedback ({max(versions)}; this one knows {HEAD}): install that one again"
        )
    return versions != [HEAD]


def _is_newer(versions: list[str]) -> bool:
    return any(version > HEAD for version in versions)


def _versions(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.scalars(text("SELECT version_num FROM alembic_version")))
