"""A real database with one project in it: everything here runs on SQLite and on PostgreSQL.

A test of one of them alone says so: `@pytest.mark.parametrize("db", ["sqlite"], indirect=True)`, with the reason.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from engines import Engines
from heedback_service.flow.intake import Batch, Taken, take
from heedback_service.store.db import Database
from heedback_service.store.tables import Project
from support import NOW, numbered_ids

BOTH = ("sqlite", "postgresql")


@pytest.fixture
def logging_as_before() -> Iterator[None]:
    """`logs.start` may be called: afterwards the root logger is as it was."""
    root, ours = logging.getLogger(), logging.getLogger("heedback_service")
    before = root.handlers[:], root.level, ours.level
    root.handlers = []  # force=True closes those it finds
    yield
    root.handlers, root.level = before[0], before[1]
    ours.setLevel(before[2])


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
        with engines.sqlite() as database:
            yield database
    else:
        with request.getfixturevalue("postgres").fresh() as url, engines.lent(url) as database:
            yield database


@pytest.fixture(scope="session")
def engines(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engines]:
    made = Engines(sqlite_template, tmp_path_factory.mktemp("engines"))
    yield made
    made.close()


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
