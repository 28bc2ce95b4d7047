"""The pages over a real database, as Alice (owner), Bob (maintainer) and Charlie (a stranger) see them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from browsing import PASSWORD, Browser, Clock
from heedback_service.app import assembled, attach
from heedback_service.flow import accounts
from heedback_service.flow.keys import make_key
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Project
from heedback_service.web.runtime import Runtime
from people import People, settle
from posting import Post
from support import NOW, numbered_ids


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, db: Database) -> Settings:
    return Settings(
        data=tmp_path,
        database_url=db.address,
        secret_key="s" * 48,
        public_url=None,
        outbox=tmp_path / "outbox",
        mail_from="heedback@localhost",
        smtp_url=None,
        settle_seconds=0.0,
    )


@pytest.fixture(scope="session")
def house() -> Flask:
    """What is the same for all tests: putting it together takes longer than most of them."""
    return assembled()


@pytest.fixture
def app(house: Flask, db: Database, settings: Settings, clock: Clock) -> Flask:
    attach(house, Runtime.of(db, settings, clock, numbered_ids(10_000)))
    return house


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


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def key(db: Database, project: Project) -> str:
    with db.write() as session:
        return make_key(session, project, NOW).text


@pytest.fixture
def post(client: FlaskClient, key: str) -> Post:
    """Post events in an envelope, or any body as it is."""

    def post(
        events: list[Any] | None = None, *, body: Any = None, headers: Any = None, **envelope: Any
    ) -> TestResponse:
        if body is None:
            body = json.dumps({"sent_at": NOW.isoformat(), "sdk": "test", "events": events or []} | envelope)
        sent = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"} | (headers or {})
        return client.post("/v1/events", data=body, headers=sent)

    return post
