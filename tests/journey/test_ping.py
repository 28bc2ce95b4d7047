"""`python -m heedback ping` and the real service: what an app's developer asks first."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pytest
from sqlalchemy import text

from heedback_service.store.base import Base
from heedback_service.store.db import Database
from processes import Run, Service

Ping = Callable[[str], tuple[int, str]]


@pytest.fixture
def ping(environment: dict[str, str], service: Service) -> Ping:
    """The command with a key: its status, and its last line."""

    def ping(key: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "heedback", "ping"],
            env=environment | {"HEEDBACK_URL": service.url, "HEEDBACK_KEY": key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()[-1]

    return ping


def test_a_service_that_is_well_stores_nothing(ping: Ping, project: dict[str, str], db: Database) -> None:
    """It knows the key, its clock agrees, and not a row of any table is another than before."""
    before = rows(db)
    assert ping(project["key"]) == (0, "ok     service     knows the key and takes events")
    assert rows(db) == before


def test_a_key_that_is_mistyped_and_one_that_is_revoked(ping: Ping, project: dict[str, str], run: Run) -> None:
    """Also one that was good a moment ago."""
    key = project["key"]
    kid = key.split("_")[2]
    refused = f"WRONG  key         the service does not accept key {kid}: mistyped, of another service, or revoked"
    assert ping(f"{key[:-1]}x") == (1, refused)
    assert ping(key)[0] == 0
    assert run("key", "revoke", "acme", kid).returncode == 0
    assert ping(key) == (1, refused)


def rows(db: Database) -> dict[str, list[str]]:
    """Everything in every table."""
    with db.read() as session:
        return {
            name: sorted(map(str, session.execute(text(f'SELECT * FROM "{name}"')).all()))
            for name in Base.metadata.tables
        }
