"""Bringing a database up to date: all of it, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, inspect, text

from heedback_service.store import planner
from heedback_service.store.db import Database

if TYPE_CHECKING:
    from alembic.config import Config

_FOLDER: Final = Path(__file__).with_name("migrations")
HEAD: Final = "0001"  # the newest of them; known without Alembic, which takes as long to import as all the rest
_LOCK: Final = 0x6865_6564  # PostgreSQL's advisory locks are numbers; ours spells "heed"


def open_database(url: str) -> Database:
    """The database at `url`. An SQLite file is made and brought up to date; PostgreSQL waits for `heedback migrate`."""
    db = Database(url)
    if db.is_sqlite:
        if db.url.database:
            file = Path(db.url.database)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch(mode=0o600)  # SQLite gives its other files the mode of this one
        upgrade(db)
    return db


def upgrade(db: Database) -> bool:
    """Run the migrations that are missing; True if there were any.

    Several processes may call this at once: one works, the others wait and find nothing to do.
    """
    if is_current(db):
        return False
    if db.is_sqlite:
        return _upgrade_sqlite(db)
    with db.engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        return _upgrade(connection)


def is_current(db: Database) -> bool:
    """Whether all migrations have been run. Raises what SQLAlchemy raises when the database does not answer."""
    with db.engine.connect() as connection:
        return _is_current(connection)


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
    if _is_current(connection):
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


def _is_current(connection: Connection) -> bool:
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.scalars(text("SELECT version_num FROM alembic_version")).all() == [HEAD]
