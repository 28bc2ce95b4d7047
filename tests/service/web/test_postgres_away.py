"""PostgreSQL that stops in the middle: an honest answer while it is away, and nothing to restart when it is back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from heedback_service.app import create_app
from heedback_service.flow import rollup
from heedback_service.flow.keys import make_key
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.migrate import upgrade
from heedback_service.store.tables import Output, Project
from postgres_server import Cluster, written_out
from support import NOW, make_id


@pytest.fixture
def db(cluster: Cluster) -> Iterator[Database]:
    made = Database(written_out(cluster.url))
    upgrade(made)
    yield made
    made.dispose()


def an_envelope(n: int) -> dict[str, Any]:
    at = NOW.isoformat()
    event = {"type": "output", "id": str(make_id(n)), "occurred_at": at, "feature": "summary"}
    return {"sent_at": at, "sdk": "heedback/0.1.0", "events": [event]}


def test_away_is_503_and_back_is_back_and_what_was_acknowledged_is_there(
    cluster: Cluster, db: Database, project: Project, tmp_path: Path
) -> None:
    with db.write() as session:
        secret = make_key(session, project, NOW).text
    settings = Settings(tmp_path, db.address, "s" * 48, None, tmp_path / "outbox", "h@localhost", None, 0)
    app: Flask = create_app(settings, db, clock=lambda: NOW)
    client: FlaskClient = app.test_client()

    def post(n: int) -> Any:
        return client.post("/v1/events", json=an_envelope(n), headers={"Authorization": f"Bearer {secret}"})

    assert post(1).get_json()["accepted"] == 1
    cluster.stop("immediate")
    away = post(2)
    assert (away.status_code, away.headers["Retry-After"]) == (503, "5")
    assert away.get_json()["title"] == "Service Unavailable"
    cluster.resume()
    assert post(2).get_json()["accepted"] == 1
    assert post(1).get_json()["duplicates"] == 1
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Output)) == 2
        assert rollup.differences(session, project.id) == []
