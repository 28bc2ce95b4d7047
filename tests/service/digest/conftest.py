"""A project with feedback in the week before last Monday, three people who want mail or not, and a mail server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from builders import a_member
from heedback_service.flow import digest
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import DigestRun, Project
from mailbox_server import MailServer

PERIOD = "2026-W46"  # 9 to 15 November; the fixed now is the Wednesday after
MONDAY_SEVEN = datetime(2026, 11, 16, 6, 0, tzinfo=UTC)  # 07:00 in Oslo


@pytest.fixture
def settings(tmp_path: Path, db: Database) -> Settings:
    return Settings(
        data=tmp_path,
        database_url=db.address,
        secret_key="x" * 32,
        public_url="https://feedback.acme.example",
        outbox=tmp_path / "outbox",
        mail_from="Heedback <heedback@acme.example>",
        smtp_url=None,
        settle_seconds=0,
    )


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running


@pytest.fixture
def members(db: Database, project: Project) -> None:
    """Alice (owner) and Bob want the digest, Charlie does not."""
    with db.write() as session:
        a_member(session, project, "alice", role="owner")
        a_member(session, project, "bob")
        a_member(session, project, "charlie", digest=False)


@pytest.fixture
def written(db: Database, project: Project) -> Callable[..., dict[str, Any]]:
    """Plan and write a week, and return its content."""

    def written(now: datetime = MONDAY_SEVEN, period: str = PERIOD) -> dict[str, Any]:
        with db.write() as session:
            digest.plan(session, project, period, now)
        assert digest.write_next(db, now)
        with db.read() as session:
            content = session.get_one(DigestRun, (project.id, digest.WEEKLY, period)).content
        assert content is not None
        return content

    return written
