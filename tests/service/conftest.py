"""A real database with one project in it: everything here runs on SQLite and on PostgreSQL.

A test of one of them alone says so: `@pytest.mark.parametrize("db", ["sqlite"], indirect=True)`, with the reason.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
def db(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    with a_database(request, request.param, tmp_path) as database:
        yield database


@pytest.fixture(params=BOTH, scope="module")
def shared_db(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database for tests that leave nothing in it."""
    with a_database(request, request.param, tmp_path_factory.mktemp("shared")) as database:
        yield database


@contextmanager
def a_database(request: pytest.FixtureRequest, flavour: str, folder: Path) -> Iterator[Database]:
    if flavour == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), folder / "heedback.db")
        database = Database(f"sqlite:///{folder / 'heedback.db'}")
        yield database
        database.dispose()
    else:
        with request.getfixturevalue("postgres").fresh() as url:
            database = Database(url)
            yield database
            database.dispose()


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
