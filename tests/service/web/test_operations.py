"""Health, readiness, metrics, and the line a request leaves in the log."""

from __future__ import annotations

import dataclasses
import logging
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from builders import Feed
from heedback_service.app import create_app, make_metrics, make_ticker
from heedback_service.flow.keys import make_key
from heedback_service.jobs import Job
from heedback_service.logs import FIELDS
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Base, Project
from posting import Post, small
from support import NOW, numbered_ids, some_feedback

TOKEN = "t" * 32
OPEN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def measured(db: Database, settings: Settings) -> Flask:
    """The app with a token for its metrics."""
    return create_app(
        dataclasses.replace(settings, metrics_token=TOKEN), db, clock=lambda: NOW, new_id=numbered_ids(10_000)
    )


def scraped(app: Flask) -> dict[tuple[str, ...], float]:
    """Every sample, by its name and label values."""
    page = app.test_client().get("/metrics", headers=OPEN)
    assert page.status_code == 200
    families = text_string_to_metric_families(page.get_data(as_text=True))
    return {(s.name, *s.labels.values()): s.value for family in families for s in family.samples}


def test_alive_needs_no_database_and_ready_does(settings: Settings) -> None:
    gone = Database("sqlite:////nowhere/at/all.db")
    client = create_app(settings, gone).test_client()
    assert (client.get("/healthz").status_code, client.get("/healthz").text) == (200, "ok\n")
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, "the database does not answer\n")
    gone.dispose()


def test_ready_means_that_the_tables_are_those_of_this_version(settings: Settings, tmp_path: Any) -> None:
    db = open_database(f"sqlite:///{tmp_path / 'ready.db'}")
    client = create_app(settings, db).test_client()
    assert client.get("/readyz").status_code == 200
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0000'"))
    assert client.get("/readyz").text == "the database is not migrated; run heedback migrate\n"
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    newer = "this process is older than the database; end it, and start the version that the database is of\n"
    assert (client.get("/readyz").status_code, client.get("/readyz").text) == (503, newer)
    with db.write() as session:
        Base.metadata.drop_all(session.connection())
        session.execute(text("DROP TABLE alembic_version"))
    assert client.get("/readyz").status_code == 503
    db.dispose()


def test_without_a_token_in_the_settings_there_are_no_metrics(app: Flask) -> None:
    assert app.test_client().get("/metrics", headers=OPEN).status_code == 404


@pytest.mark.parametrize("header", [None, "Bearer wrong", f"Basic {TOKEN}", "Bearer ", "Bearer tökén"])
def test_only_the_token_opens_the_metrics(measured: Flask, header: str | None) -> None:
    answer = measured.test_client().get("/metrics", headers={"Authorization": header} if header else {})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"heedback_" not in answer.data


def test_events_are_counted_by_what_became_of_them(measured: Flask, db: Database, project: Project) -> None:
    with db.write() as session:
        key = make_key(session, project, NOW).text
    shown = {"type": "output", "id": "019aa000-0000-7000-8000-000000000001", "feature": "summary"}
    shown["occurred_at"] = "2026-11-18T11:00:00Z"
    said = {**shown, "type": "feedback", "id": "019aa000-0000-7000-8000-000000000002", "comment": "my own words"}
    said["output_id"] = shown["id"]
    body = {"sent_at": NOW.isoformat(), "events": [shown, said, {**shown, "type": "nonsense-of-mine"}]}
    for _ in range(2):
        answer = measured.test_client().post("/v1/events", json=body, headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code == 200
    found = scraped(measured)
    outcomes = {outcome: found["heedback_events_total", outcome] for outcome in ("accepted", "duplicate", "rejected")}
    assert outcomes == {"accepted": 2, "duplicate": 2, "rejected": 2}
    assert found["heedback_valid_events_total", "feedback"] == found["heedback_valid_events_total", "output"] == 2
    assert found["heedback_requests_total", "POST", "/v1/events", "200"] == 2
    assert found["heedback_request_seconds_count", "/v1/events"] == 2
    page = measured.test_client().get("/metrics", headers=OPEN).text
    assert "nonsense-of-mine" not in page
    assert "_created" not in page
    assert "my own words" not in page


def test_what_a_sender_chooses_is_in_no_label(measured: Flask) -> None:
    client = measured.test_client()
    client.get("/signin/link/very-secret?q=hidden")
    client.get("/wp-admin/hidden.php")
    client.open("/healthz", method="HIDDEN")
    found = scraped(measured)
    assert found["heedback_requests_total", "GET", "/signin/link/<token>", "200"] == 1
    assert found["heedback_requests_total", "GET", "unmatched", "404"] == 1
    assert found["heedback_requests_total", "other", "unmatched", "405"] == 1
    assert not any("hidden" in part.lower() or "secret" in part for key in found for part in key)


def test_what_waits_is_read_from_the_database(measured: Flask, feed: Feed) -> None:
    feed(some_feedback(1, join_key="a", down=True), now=NOW - timedelta(minutes=10))
    feed(some_feedback(2, join_key="b", down=True), now=NOW - timedelta(minutes=5))
    found = scraped(measured)
    assert found["heedback_untriaged_feedback",] == 2
    assert found["heedback_oldest_untriaged_seconds",] == 600
    assert found["heedback_digest_deliveries", "failed"] == 0
    assert found["heedback_database_bytes",] > 10_000


def test_the_counters_are_there_while_the_database_is_not(settings: Settings) -> None:
    gone = Database("sqlite:////nowhere/at/all.db")
    app = create_app(dataclasses.replace(settings, metrics_token=TOKEN), gone)
    app.test_client().get("/healthz")
    found = scraped(app)
    assert found["heedback_requests_total", "GET", "/healthz", "200"] == 1
    assert ("heedback_untriaged_feedback",) not in found
    gone.dispose()


def test_turns_of_jobs_are_counted_by_whether_they_failed(settings: Settings, db: Database) -> None:
    measuring = dataclasses.replace(settings, metrics_token=TOKEN)
    metrics = make_metrics(measuring, db)
    assert metrics is not None
    ticker = make_ticker(measuring, db, metrics)

    def broken(_: Any) -> bool:
        raise RuntimeError("on purpose")

    ticker.jobs = (Job("rest", lambda _: False, timedelta(1)), Job("break", broken, timedelta(1)))
    ticker.tick()
    found = scraped(create_app(measuring, db, metrics=metrics))
    assert found["heedback_job_runs_total", "rest", "ok"] == found["heedback_job_runs_total", "break", "failed"] == 1


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [fields for record in caplog.records if (fields := getattr(record, FIELDS, None))]


def test_a_request_leaves_a_line_without_its_words(
    app: Flask, caplog: pytest.LogCaptureFixture, project: Project
) -> None:
    with caplog.at_level(logging.INFO, "heedback_service"):
        answer = app.test_client().get("/signin/link/very-secret?q=hidden", headers={"Authorization": "Bearer hb_sk_x"})
    [line] = lines(caplog)
    assert line.pop("ms") >= 0
    assert line == {
        "method": "GET",
        "route": "/signin/link/<token>",
        "status": 200,
        "request_id": answer.headers["X-Request-ID"],
    }


def test_batches_leave_a_line_only_when_they_are_refused(post: Post, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "heedback_service"):
        assert post([small(1)]).status_code == 200
        refused = post(body="{")
    [line] = lines(caplog)
    assert (line["route"], line["status"]) == ("/v1/events", 400)
    assert line["request_id"] == refused.headers["X-Request-ID"]


def test_a_failed_request_is_told_without_its_path(
    app: Flask, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> str:
        raise RuntimeError("on purpose")

    monkeypatch.setitem(app.view_functions, "pages.link", lambda token: broken())
    with caplog.at_level(logging.INFO, "heedback_service"):
        answer = app.test_client().get("/signin/link/very-secret")
    assert answer.status_code == 500
    failed, answered = lines(caplog)
    assert failed["request_id"] == answered["request_id"] == answer.headers["X-Request-ID"]
    assert (failed["route"], answered["status"]) == ("/signin/link/<token>", 500)
    assert not any("very-secret" in record.getMessage() for record in caplog.records)
