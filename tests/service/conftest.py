"""A real database with one project in it: everything here runs on SQLite and on PostgreSQL.

A test of one of them alone says so: `@pytest.mark.parametrize("db", ["sqlite"], indirect=True)`, with the reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from heedback_service.flow.intake import Batch, Taken, take
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Project
from support import NOW, numbered_ids

BOTH = ("sqlite", "postgresql")


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without a table."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'heedback.db'}"
    else:
        with request.getfixturevalue("postgres").fresh(migrated=False) as url:
            yield url


@pytest.fixture(params=BOTH)
def db(request: pytest.FixtureRequest) -> Iterator[Database]:
    with a_database(request, request.param) as database:
        yield database


@pytest.fixture(params=BOTH, scope="module")
def shared_db(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database for tests that leave nothing in it."""
    with a_database(request, request.param) as database:
        yield database


@contextmanager
def a_database(request: pytest.FixtureRequest, flavour: str) -> Iterator[Database]:
    """Empty but for its tables."""
    engines: Engines = request.getfixturevalue("engines")
    if flavour == "sqlite":
        with engines.file() as file:
            shutil.copy(request.getfixturevalue("sqlite_template"), file)
            yield from engines.lent(f"sqlite:///{file}")
    else:
        with request.getfixturevalue("postgres").fresh() as url:
            yield from engines.lent(url)


class Engines:
    """One for each address, which tests have in turns: it remembers how to compile their statements.

    A test that listens to it stops doing so: `support.listening`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, Database] = {}
        self._free: list[Path] = []
        self._numbers = count(1)

    @contextmanager
    def file(self) -> Iterator[Path]:
        """Where a database can be, and nothing is."""
        file = self._free.pop() if self._free else self._folder / f"{next(self._numbers)}.db"
        yield file
        for each in (file, *(file.with_name(file.name + more) for more in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
        self._free.append(file)

    def lent(self, url: str) -> Iterator[Database]:
        if url not in self._made:
            self._made[url] = Database(url)
        yield self._made[url]
        self._made[url].dispose()


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(tmp_path_factory.mktemp("engines"))


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to copy."""
    file = tmp_path_factory.mktemp("template") / "heedback.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def project(db: Database) -> Project:
    """Acme Books, in Oslo."""
    with db.write() as session:
        made = Project(slug="acme", name="Acme Books", timezone="Europe/Oslo", created_at=NOW)
        session.add(made)
    return made


@pytest.fixture
def feed(db: Database, project: Project) -> Callable[..., Taken]:
    """Take events in as if they had been posted now."""
    new_id = numbered_ids()

    def feed(*events: dict[str, Any], now: Any = NOW) -> Taken:
        with db.write() as session:
            return take(session, project, Batch(sent_at=now, events=events), now, new_id)

    return feed
