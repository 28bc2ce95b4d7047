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
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.test import TestResponse

from browsing import PASSWORD, Browser, Clock
from heedback_service.app import create_app
from heedback_service.flow import accounts
from heedback_service.flow.keys import make_key
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Project
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


class Compiled(BytecodeCache):
    """Templates as they were compiled for the first test: each has an app of its own, which would do it again."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self.kept:
            bucket.bytecode_from_string(self.kept[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key] = bucket.bytecode_to_string()


@pytest.fixture(scope="session")
def compiled() -> Compiled:
    return Compiled()


@pytest.fixture
def app(db: Database, settings: Settings, clock: Clock, compiled: Compiled) -> Flask:
    made = create_app(settings, db, clock=clock, new_id=numbered_ids(10_000))
    made.jinja_env.bytecode_cache = compiled
    return made


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
