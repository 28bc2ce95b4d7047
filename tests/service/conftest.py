"""A real SQLite file with one project in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedback_service.flow.intake import Batch, Taken, take
from heedback_service.store.db import Database
from heedback_service.store.tables import Base, Project
from support import NOW, numbered_ids


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'heedback.db'}")
    with database.write() as session:
        Base.metadata.create_all(session.connection())
    yield database
    database.dispose()


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
