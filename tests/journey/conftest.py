"""A service of its own for each test: its folder, its database, its command, one project, and `serve` on a free port.

The database is an SQLite file. A test that is to hold on PostgreSQL too says so with `@on_both_databases`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heedback_service.store.db import Database
from processes import Run, Service, a_project


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
        return subprocess.run(
            [sys.executable, "-m", "heedback_service.cli", *words],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def project(run: Run) -> dict[str, str]:
    return a_project(run)


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
