"""The pages over a real database, as Alice (owner), Bob (maintainer) and Charlie (a stranger) see them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from heedback_service.app import create_app
from heedback_service.flow import accounts
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Project
from people import People, settle
from support import NOW, numbered_ids

PASSWORD = "correct horse battery"


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Browser:
    """A signed-in (or signed-out) person who fills in forms: each post first takes the page's own token."""

    client: FlaskClient
    headers: dict[str, str] = field(default_factory=dict)

    def get(self, path: str, **more: Any) -> TestResponse:
        return self.client.get(path, headers=self.headers, **more)

    def post(self, path: str, *, page: str = "/signin", **form: Any) -> TestResponse:
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.get(page).text)
        sent = {"csrf_token": token[1] if token else "", **form}
        return self.client.post(path, data=sent, headers=self.headers)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, db: Database) -> Settings:
    return Settings(
        data=tmp_path,
        database_url=db.url.render_as_string(),
        secret_key="s" * 48,
        public_url=None,
        outbox=tmp_path / "outbox",
        mail_from="heedback@localhost",
        smtp_url=None,
        settle_seconds=0.0,
    )


@pytest.fixture
def app(db: Database, settings: Settings, clock: Clock) -> Flask:
    return create_app(settings, db, clock=clock, new_id=numbered_ids(10_000))


@pytest.fixture
def people(db: Database, project: Project) -> People:
    with db.write() as session:
        return settle(session, project.id, PASSWORD)


@pytest.fixture
def browser(app: Flask, db: Database) -> Callable[[UUID | None], Browser]:
    """A browser of its own for each call, signed in as the account."""

    def open_browser(account: UUID | None) -> Browser:
        client = app.test_client()
        if account is not None:
            with db.write() as session:
                secret = accounts.open_session(session, account, NOW).secret
            with client.session_transaction() as cookie:
                cookie["sid"] = secret
                cookie.permanent = True
        return Browser(client)

    return open_browser


@pytest.fixture
def alice(browser: Callable[[UUID], Browser], people: People) -> Browser:
    return browser(people.alice)


@pytest.fixture
def bob(browser: Callable[[UUID], Browser], people: People) -> Browser:
    return browser(people.bob)


@pytest.fixture
def charlie(browser: Callable[[UUID], Browser], people: People) -> Browser:
    return browser(people.charlie)


@pytest.fixture
def nobody(browser: Callable[[UUID | None], Browser]) -> Browser:
    return browser(None)
