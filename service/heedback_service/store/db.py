"""The engine, and the two ways in: `read` and `write`. SQLite is the default; PostgreSQL takes the same calls."""

from __future__ import annotations

import os
import sqlite3
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache, partial
from typing import Any, Final

from sqlalchemy import Connection, Engine, Insert, create_engine, event, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

from heedback_service.store.base import Base, to_json
from heedback_service.store.checkpoint import Checkpointer
from heedback_service.store.direct import Line, failure
from heedback_service.store.file import File
from heedback_service.store.writes import Writes

_BUSY_SECONDS: Final = 10
_ATTEMPT_SECONDS: Final = 1
_AGAIN_SECONDS: Final = 0.01
_TOUCH: Final = "UPDATE alembic_version SET version_num = version_num"  # writes a row that is as it was
_INHERITED: Final[list[Connection]] = []  # kept alive, as closing them is what a forked child must not do
_FOR_ALL: Final[dict[str, Any]] = {
    "hide_parameters": True,  # errors go to the log, and the parameters of a statement are what people said
    "json_serializer": to_json,
    "max_overflow": -1,  # there are as many as threads that ask, and nobody waits; five of them stay
}
_PRAGMAS: Final = (
    "synchronous = NORMAL",
    "foreign_keys = ON",
    "cache_size = -8000",  # KiB a connection, as they are needed: what one step of triage changes fits in
    "wal_autocheckpoint = 16000",  # pages, 64 MB: only where no checkpoint beside the writing came to an end
)
_LOG: Final = "heedback_log"  # of a connection to SQLite: which log it has open
_ONE_SNAPSHOT: Final = {"isolation_level": "REPEATABLE READ"}


class OvertakenError(Exception):
    """Somebody else wrote first."""


class Database:
    """An engine and sessions on it. Safe to share between threads; a forked child opens connections of its own.

    Args:
        url: an SQLAlchemy URL, `sqlite:///FILE` or `postgresql+psycopg://…`. On SQLite a writer waits ten seconds for
            its turn, or as long as `?timeout=SECONDS` says.

    Attributes:
        writes: whether they succeed.
    """

    def __init__(self, url: str) -> None:
        self.url: Final = make_url(url)
        self.is_sqlite: Final = self.url.get_backend_name() == "sqlite"
        self._file: Final = _file(self.url) if self.is_sqlite else None
        self.engine: Final = _postgresql(url) if self._file is None else _sqlite(url, self._file)
        self.writes: Final = Writes(self._touch)
        # Left alone, each statement on PostgreSQL sees what was committed before it: two of them need not agree.
        self._reading: Final = self.engine.execution_options(**({} if self.is_sqlite else _ONE_SNAPSHOT))
        self._writing: Final = self.engine.execution_options(heedback_writes=True)
        self._writers: Final = weakref.WeakSet[Writer]()
        _leave_to_parent(weakref.ref(self))

    @property
    def address(self) -> str:
        """The URL that was given, its password included: for another process, never for a log."""
        return self.url.render_as_string(hide_password=False)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot; what is changed in it is thrown away."""
        with Session(self._reading, expire_on_commit=False, autoflush=False) as session:
            yield session

    @contextmanager
    def attempt(self) -> Iterator[Session]:
        """`write`, on SQLite in nobody's way until the first thing is written; for what can be done again.

        Raises:
            OvertakenError: by somebody who wrote after we began to read, or who is writing now. Nothing has been done.
        """
        with self.writes.watched():
            try:
                with Session(self.engine, expire_on_commit=False) as session, session.begin():
                    yield session
            except OperationalError as error:
                # What was read holds if nobody has written since: SQLite sees to that, and does not wait for its turn.
                if (getattr(error.orig, "sqlite_errorcode", 0) & 0xFF) == sqlite3.SQLITE_BUSY:
                    raise OvertakenError from error
                raise

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session whose work is committed whole or not at all. On SQLite it holds the write lock from the start."""
        with self.writes.watched(), Session(self._writing, expire_on_commit=False) as session, session.begin():
            session.connection()  # begins now, not at the first statement: what is read here is not overtaken
            yield session

    def writer(self) -> Writer:
        """A way to write for what is done a thousand times a second."""
        made = Writer(self._writing, self.writes, keep=self.is_sqlite)
        self._writers.add(made)
        return made

    def dispose(self) -> None:
        for writer in self._writers:
            writer.close()
        self.engine.dispose()
        if self._file is not None:
            self._file.forget()

    def _touch(self) -> None:
        """Write next to nothing, or say within about a second why not."""
        if self._file is None:
            with self.engine.begin() as connection:
                connection.execute(text(f"SET LOCAL statement_timeout = '{_ATTEMPT_SECONDS}s'"))
                connection.execute(text(_TOUCH))
            return
        try:
            with closing(self._file.open(_ATTEMPT_SECONDS)) as raw, raw:
                raw.execute(_TOUCH)
        except sqlite3.Error as error:
            raise DBAPIError.instance(None, None, error, sqlite3.Error) from error


class Writer:
    """Transactions without a session, on SQLite all on one connection. For one thread at a time.

    On PostgreSQL each takes a connection from the pool, which knows when the server was away.
    """

    def __init__(self, engine: Engine, writes: Writes, *, keep: bool) -> None:
        self._engine: Final = engine
        self._writes: Final = writes
        self._keep: Final = keep
        self._kept: Connection | None = None
        self._changes = 0  # that the connection kept has made so far
        self._checkpointer: Final = Checkpointer(engine.url.database or "")

    @contextmanager
    def transaction(self) -> Iterator[Line]:
        """What is done in it is committed whole or not at all. On SQLite it holds the write lock from the start."""
        if not self._keep:
            with self._writes.watched(proves=True), self._engine.begin() as connection:
                yield Line(connection)
            return
        try:
            if self._kept is None:
                self._kept, self._changes = self._engine.connect(), 0
            with self._kept.begin():
                line = Line(self._kept)
                yield line
        except BaseException as error:
            self.close()  # whatever it was, the next one starts afresh
            if isinstance(error, OperationalError):
                self._writes.failed(error)
            raise
        self._writes.succeeded()
        before, self._changes = self._changes, line.cursor.connection.total_changes
        self._checkpointer.committed(self._changes - before, line.text)

    def close(self) -> None:
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def leave_to_parent(self) -> None:
        """In a forked child: never use nor close what was inherited."""
        if self._kept is not None:
            _INHERITED.append(self._kept)
            self._kept = None


def insert_into(session: Session, table: type[Base]) -> Any:
    """The dialect's own INSERT for `table`, which knows ON CONFLICT on both databases."""
    return insert_for(session.get_bind().dialect.name, table)


@cache
def insert_for(dialect: str, table: type[Base]) -> Any:
    """The same by the dialect's name. Made once: building a statement costs more than running it."""
    flavour = sqlite_dialect if dialect == "sqlite" else postgresql
    statement: Insert = flavour.insert(table.__table__)
    return statement


def _leave_to_parent(database: weakref.ref[Database]) -> None:
    def forget() -> None:
        if (inherited := database()) is not None:
            for writer in inherited._writers:
                writer.leave_to_parent()
            inherited.engine.dispose(close=False)  # closing here would drop the parent's locks on the file

    os.register_at_fork(after_in_child=forget)


def _postgresql(url: str) -> Engine:
    return create_engine(url, pool_pre_ping=True, **_FOR_ALL)


def _file(url: URL) -> File:
    return File(url.database or "", float(str(url.query.get("timeout", _BUSY_SECONDS))))


def _sqlite(url: str, file: File) -> Engine:
    engine = create_engine(url, creator=file.open, **_FOR_ALL)
    event.listen(engine, "connect", partial(_prepare, file.patience))
    event.listen(engine, "begin", partial(_begin, file))
    event.listen(engine, "commit", partial(_commit, file))
    return engine


def _prepare(patience: float, connection: Any, _record: object) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    _turn_to_wal(connection, time.monotonic() + patience)
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _turn_to_wal(connection: Any, give_up: float) -> None:
    """Several who do this to a new file at once stand in each other's way: SQLite refuses some without waiting."""
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > give_up:
                raise
            time.sleep(_AGAIN_SECONDS)
        else:
            return


def _begin(file: File, connection: Connection) -> None:
    # A deferred transaction that turns into a writer fails at once when another one wrote in between;
    # an immediate one waits for its turn.
    writes = connection.get_execution_options().get("heedback_writes", False)
    raw = connection.connection.driver_connection
    assert raw is not None  # noqa: S101 - it is open
    try:
        if writes:
            raw.execute("BEGIN IMMEDIATE")
            if _LOG not in (info := connection.info):
                info[_LOG] = file.log()
        else:
            file.check()
            raw.execute("BEGIN")
    except sqlite3.Error as error:
        raise failure(connection, error) from error


def _commit(file: File, connection: Connection) -> None:
    """What is written to a file that nobody finds again is not acknowledged."""
    try:
        file.check()
        if (log := connection.info.get(_LOG)) is not None:
            file.check_log(log)
    except sqlite3.Error as error:
        raise failure(connection, error) from error
