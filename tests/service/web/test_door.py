"""The short way in gives the answers that Flask's way gives, counts the same, and tells as much of what went wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from heedback_service.app import create_app
from heedback_service.flow.combine import Busy, Combiner, Revoked
from heedback_service.flow.keys import make_key
from heedback_service.logs import FIELDS
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Output, Project
from posting import small
from support import NOW, numbered_ids

Ask = Callable[..., TestResponse]
ENVELOPE: dict[str, Any] = {"sent_at": NOW.isoformat(), "events": []}


@pytest.fixture
def key(db: Database, project: Project) -> str:
    with db.write() as session:
        return make_key(session, project, NOW).text


@pytest.fixture(params=["door", "flask"])
def way(request: pytest.FixtureRequest, settings: Settings, db: Database) -> Flask:
    app = create_app(settings, db, clock=lambda: NOW, new_id=numbered_ids(10_000))
    if request.param == "flask":
        app.door = None
    app.testing = False
    return app


@pytest.fixture
def ask(way: Flask, key: str) -> Ask:
    def ask(body: Any, **headers: str) -> TestResponse:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {key}", "Content-Type": "application/json", **headers}
        return way.test_client().post("/v1/events", data=raw, headers=given)

    return ask


def test_what_is_right_is_stored(ask: Ask, db: Database) -> None:
    answer = ask(ENVELOPE | {"events": [small(1), {"type": "output"}, small(1)]})
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    assert answer.json is not None
    assert (answer.json["accepted"], answer.json["duplicates"]) == (1, 1)
    assert [(each["index"], each["id"]) for each in answer.json["rejected"]] == [(1, None)]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert len(answer.headers["X-Request-ID"]) == 16
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Output)) == 1


@pytest.mark.parametrize(
    ("status", "body", "headers", "word"),
    [
        (401, ENVELOPE, {"Authorization": ""}, "valid key"),
        (401, ENVELOPE, {"Authorization": "Bearer hb_sk_0_0"}, "valid key"),
        (401, ENVELOPE, {"Authorization": "Basic \0"}, "valid key"),
        (400, b"{", {}, "not JSON"),
        (400, b"\xff\xfe{", {}, "not JSON"),
        (400, {}, {}, "does not fit"),
        (400, [ENVELOPE], {}, "does not fit"),
        (400, ENVELOPE | {"events": [{}] * 501}, {}, "does not fit"),
        (413, b" " * (2**20 + 1), {}, "1048576"),
        (415, ENVELOPE, {"Content-Type": "text/csv"}, "application/json"),
        (415, ENVELOPE, {"Content-Encoding": "br"}, "gzip"),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_alike(ask: Ask, status: int, body: Any, headers: dict[str, str], word: str) -> None:
    answer = ask(body, **headers)
    assert answer.status_code == status
    assert answer.content_type == "application/problem+json"
    assert answer.json is not None
    assert answer.json["status"] == status
    assert word in answer.json["detail"]
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize(("stored", "status"), [(Revoked(), 401), (Busy(), 503)])
def test_what_the_store_answers_is_told_alike(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, stored: Any, status: int
) -> None:
    monkeypatch.setattr(Combiner, "take", lambda *_: stored)
    answer = ask(ENVELOPE)
    assert answer.status_code == status
    assert ("Retry-After" in answer.headers) == (status == 503)


def test_a_mistake_of_ours_is_a_problem_and_a_line_without_anybody_s_words(
    ask: Ask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(*_: Any) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(Combiner, "take", mistaken)
    with caplog.at_level(logging.INFO, "heedback_service"):
        answer = ask(ENVELOPE)
    assert (answer.status_code, answer.content_type) == (500, "application/problem+json")
    failed, answered = (getattr(record, FIELDS) for record in caplog.records)
    assert failed["request_id"] == answered["request_id"] == answer.headers["X-Request-ID"]
    assert (failed["route"], answered["status"]) == ("/v1/events", 500)


def test_batches_that_were_taken_leave_no_line_and_refused_ones_do(ask: Ask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "heedback_service"):
        ask(ENVELOPE)
        ask(b"{")
    assert [getattr(record, FIELDS)["status"] for record in caplog.records] == [400]


def test_every_other_request_goes_flask_s_way(way: Flask) -> None:
    client = way.test_client()
    assert client.get("/v1/events", headers={"Authorization": "Bearer x"}).status_code in (401, 405)
    assert client.post("/v1/events/").status_code == 404
    assert client.get("/healthz").status_code == 200
