"""A service of its own for each test: its folder, its database, its command, one project, and `serve` on a free port.

The database is an SQLite file. A test that is to hold on PostgreSQL too says so with `@on_both_databases`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import warm
from heedback_service.flow import projects
from heedback_service.flow.keys import make_key
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Project
from processes import Run, Service


@pytest.fixture
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An SQLite file that is still to be made; or PostgreSQL, with its tables unless it is to be empty."""
    flavour = getattr(request, "param", "sqlite")
    if flavour == "sqlite":
        yield f"sqlite:///{tmp_path / 'data' / 'heedback.db'}"
    else:
        with request.getfixturevalue("postgres").fresh(migrated=flavour != "postgresql, empty") as url:
            yield url


@pytest.fixture
def environment(tmp_path: Path, database_url: str) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    told = {"DATA": str(tmp_path / "data"), "DATABASE_URL": database_url, "SETTLE_SECONDS": "0"}
    return ours | {f"HEEDBACK_SERVER_{name}": value for name, value in told.items()}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """The command, to its end."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return warm.run(words, environment | more)

    return run


@pytest.fixture
def project(database_url: str, sqlite_template: Path) -> dict[str, str]:
    """Acme, in Oslo: its key and its user key. `heedback project create` would take a second more each time."""
    if database_url.startswith("sqlite"):
        file = Path(database_url.removeprefix("sqlite:///"))
        file.parent.mkdir(mode=0o700)
        shutil.copy(sqlite_template, file)
        file.chmod(0o600)
    db = open_database(database_url)
    with db.write() as session:
        acme = projects.create_project(session, "acme", "Acme", "Europe/Oslo", datetime.now(UTC))
        assert isinstance(acme, Project)
        key = make_key(session, acme, datetime.now(UTC)).text
    db.dispose()
    return {"project": "acme", "key": key, "user_key": projects.new_user_key()}


@pytest.fixture
def service(environment: dict[str, str], project: dict[str, str]) -> Iterator[Service]:
    with Service(environment) as started:
        yield started


@pytest.fixture
def db(project: dict[str, str], database_url: str) -> Iterator[Database]:
    """The database of the processes, for the test's own eyes."""
    opened = Database(database_url)
    yield opened
    opened.dispose()
