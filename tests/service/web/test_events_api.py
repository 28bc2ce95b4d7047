"""POST /v1/events: what is accepted, what is refused and how, and that good events never suffer from bad neighbours."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select

from heedback import limits
from heedback_service.flow import rollup
from heedback_service.flow.keys import make_key, revoke_key
from heedback_service.store.db import Database
from heedback_service.store.tables import DroppedDay, Feedback, Output, OutputText, Project, RollupDay
from posting import Post, small
from support import NOW, make_id

CONTRACT = json.loads((Path(__file__).parents[2] / "contract" / "events.json").read_text())


def test_the_contract_s_events_are_accepted_and_all_stored(post: Post, db: Database, project: Project) -> None:
    events = [case["event"] for case in CONTRACT["accepted"]]
    answer = post(events)
    assert answer.json == {"accepted": len(events), "duplicates": 0, "rejected": []}
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Output)) == 2
        assert session.scalar(select(func.count()).select_from(OutputText)) == 2
        assert rollup.differences(session, project.id) == []


def test_the_same_batch_again_is_all_duplicates_and_changes_nothing(post: Post, db: Database, project: Project) -> None:
    events = [case["event"] for case in CONTRACT["accepted"]]
    post(events)
    answer = post(events + events)
    assert answer.json == {"accepted": 0, "duplicates": 2 * len(events), "rejected": []}
    with db.read() as session:
        assert session.scalar(select(func.sum(RollupDay.outputs))) == 2
        assert rollup.differences(session, project.id) == []


@pytest.mark.parametrize("case", CONTRACT["rejected"], ids=lambda case: case["name"])
def test_the_contract_s_bad_events_are_refused_by_field_and_their_neighbours_kept(
    post: Post, case: dict[str, Any]
) -> None:
    answer = post([small(1), case["event"], small(2)])
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["accepted"] == 2
    [rejection] = answer.json["rejected"]
    assert rejection["index"] == 1
    assert rejection["id"] == case["event"]["id"]
    for field, message in case["errors"].items():
        assert message in rejection["errors"][field]


@pytest.mark.parametrize("event", [None, 1, "x", [], {}, {"type": ["output"]}, {"type": None}, {"id": 1}])
def test_what_is_no_event_at_all_is_refused_alone(post: Post, event: Any) -> None:
    answer = post([event, small(1)])
    assert answer.json is not None
    assert answer.json["accepted"] == 1
    assert [rejection["index"] for rejection in answer.json["rejected"]] == [0]


def test_small_letters_in_a_moment_are_as_good(post: Post) -> None:
    """RFC 3339, 5.6."""
    early = small(1, occurred_at="2025-11-10t12:00:00z")
    assert post([early], sent_at=NOW.isoformat().replace("+00:00", "z")).get_json()["accepted"] == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_tokens", "5"),
        ("input_tokens", 1.5),
        ("input_tokens", True),
        ("input_tokens", -1),
        ("latency_ms", "12"),
        ("probe", "yes"),
        ("trace_id", "a" * 33),
        ("trace_id", "A" * 32),
        ("trace_id", "a" * 32 + "\n"),
        ("user", 7),
        ("finish_reasons", ["stop", None]),
        ("metadata", {"k": None}),
        ("feature", "f\n"),
        ("user", "u" * (limits.NAME_CHARS + 1)),
        ("metadata", {"k": 1}),
        ("metadata", {str(n): "v" for n in range(limits.METADATA_KEYS + 1)}),
        ("metadata", {"k": "v" * (limits.METADATA_VALUE_CHARS + 1)}),
        ("output", "ø" * (limits.TEXT_BYTES // 2 + 1)),
        ("occurred_at", "1999-12-31T23:59:59Z"),
        ("occurred_at", 1763284320),
        ("feature", "with space"),
    ],
)
def test_a_field_of_the_wrong_kind_or_size_is_named(post: Post, field: str, value: Any) -> None:
    answer = post([small(1, **{field: value})])
    assert answer.json is not None
    [rejection] = answer.json["rejected"]
    assert [name.split(".")[0] for name in rejection["errors"]] == [field]


def test_texts_as_large_as_allowed_are_stored_whole(post: Post, db: Database) -> None:
    answer = post([small(1, input="ø" * (limits.TEXT_BYTES // 2), output="x" * limits.TEXT_BYTES)])
    assert answer.json is not None
    assert answer.json["accepted"] == 1
    with db.read() as session:
        text = session.scalars(select(OutputText)).one()
    assert (len((text.input or "").encode()), len(text.output or "")) == (limits.TEXT_BYTES, limits.TEXT_BYTES)


def test_a_gzipped_body_is_read(post: Post) -> None:
    body = gzip.compress(json.dumps({"sent_at": NOW.isoformat(), "events": [small(1)]}).encode())
    assert post(body=body, headers={"Content-Encoding": "gzip"}).json == {
        "accepted": 1,
        "duplicates": 0,
        "rejected": [],
    }


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "text/plain"])
def test_json_is_read_in_every_encoding_of_unicode_and_as_plain_text(post: Post, encoding: str, kind: str) -> None:
    body = json.dumps({"sent_at": NOW.isoformat(), "events": [small(1, user="ø")]}, ensure_ascii=False)
    answer = post(body=body.encode(encoding), headers={"Content-Type": kind})
    assert answer.json == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_what_is_nested_too_deeply_harms_no_neighbour_in_another_encoding(post: Post) -> None:
    deep = "[" * 5000 + "]" * 5000
    body = f'{{"sent_at": "{NOW.isoformat()}", "events": [{json.dumps(small(1))}, {deep}]}}'
    answer = post(body=body.encode("utf-16"))
    assert answer.json is not None
    assert (answer.json["accepted"], len(answer.json["rejected"])) == (1, 1)


@pytest.mark.parametrize(
    ("status", "body", "headers", "words"),
    [
        (400, b"{", {}, "not JSON"),
        (400, b"[" * 100_000, {}, "deep"),
        (400, b"\xff", {}, "not JSON"),
        (400, b"plain", {"Content-Encoding": "gzip"}, "not gzip"),
        (400, gzip.compress(b"{}", mtime=0)[:-4], {"Content-Encoding": "gzip"}, "whole gzip stream"),
        (413, b" " * (limits.MAX_BODY_BYTES + 1), {}, "At most 1048576 bytes"),
        (413, gzip.compress(b" " * 200_000_000, 1, mtime=0), {"Content-Encoding": "gzip"}, "after gzip is undone"),
        (415, b"{}", {"Content-Type": "application/xml"}, "application/json"),
        (415, b"{}", {"Content-Encoding": "br"}, "gzip"),
    ],
)
def test_a_body_that_cannot_be_read_gets_a_problem(
    post: Post, status: int, body: bytes, headers: dict[str, str], words: str
) -> None:
    answer = post(body=body, headers=headers)
    problem = json.loads(answer.data)
    assert (answer.status_code, problem["status"], answer.content_type) == (status, status, "application/problem+json")
    assert words in problem["detail"]


def test_an_envelope_that_does_not_fit_says_where(post: Post) -> None:
    answer = post(body=json.dumps({"events": [small(1)] * (limits.MAX_EVENTS + 1)}))
    problem = json.loads(answer.data)
    assert answer.status_code == 400
    assert set(problem["errors"]) == {"sent_at", "events"}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_an_envelope_with_no_number_in_it_is_refused_by_name(post: Post, number: str) -> None:
    body = f'{{"sent_at": {number}, "sdk": {number}, "redactor": {number}, "dropped": {{"x": {number}}}, "events": []}}'
    answer = post(body=body)
    assert answer.status_code == 400
    assert set(json.loads(answer.data)["errors"]) == {"sent_at", "sdk", "redactor", "dropped.x.value"}


@pytest.mark.parametrize("reasons", [[None], [None, "incorrect"], ["x\n"], ["Not A Key"], "incorrect"])
def test_reasons_are_keys_and_nothing_else(post: Post, reasons: Any) -> None:
    said = small(1) | {"type": "feedback", "output_id": str(make_id(2)), "reasons": reasons}
    answer = post([said, small(3)])
    assert answer.json is not None
    assert answer.json["accepted"] == 1
    assert [name.split(".")[0] for name in answer.json["rejected"][0]["errors"]] == ["reasons"]


@pytest.mark.parametrize("dropped", [{"x": None}, {"X Y": 1}, {"x": -1}, {"x": 1.5}, [1]])
def test_what_was_dropped_is_counts_by_reason(post: Post, dropped: Any) -> None:
    assert post([small(1)], dropped=dropped).status_code == 400


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Bearer hb_sk_x_y", "Basic abc", "Bearer \x00", "Bearer hb_sk_\x00_x", "hb_sk_x_y"]
)
def test_without_a_valid_key_nothing_is_read(post: Post, header: str) -> None:
    answer = post(body=b"{", headers={"Authorization": header})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_and_a_wrong_secret_open_nothing(post: Post, db: Database, project: Project, key: str) -> None:
    kid = key.split("_")[2]
    assert post([small(1)], headers={"Authorization": f"Bearer {key[:-1]}x"}).status_code == 401
    with db.write() as session:
        assert revoke_key(session, project, kid, NOW)
    assert post([small(1)]).status_code == 401


def test_events_go_to_the_project_of_the_key_and_no_other(post: Post, db: Database, project: Project) -> None:
    with db.write() as session:
        other = Project(slug="other", name="Other", timezone="UTC", created_at=NOW)
        session.add(other)
        session.flush()
        other_key = make_key(session, other, NOW).text
    post([small(1)])
    post([small(1)], headers={"Authorization": f"Bearer {other_key}"})
    with db.read() as session:
        assert sorted(session.scalars(select(Output.project_id))) == sorted([project.id, other.id])


def test_what_the_sender_dropped_marks_the_day(post: Post, db: Database) -> None:
    post([], dropped={"spool_full": 3})
    post([], dropped={"spool_full": 2})
    with db.read() as session:
        row = session.scalars(select(DroppedDay)).one()
    assert (row.day, row.reason, row.events) == (NOW.date(), "spool_full", 5)


def test_texts_are_redacted_unless_the_sender_declares_our_rules(post: Post, db: Database) -> None:
    said = {"type": "feedback", "occurred_at": NOW.isoformat(), "feature": "f", "output_id": str(make_id(1))}
    comment = {"comment": "write to ana@example.org", "metadata": {"who": "ana@example.org"}}
    post([said | comment | {"id": str(make_id(2)), "user": "u-1"}])
    post([said | comment | {"id": str(make_id(3)), "user": "u-2"}], redactor=1)
    with db.read() as session:
        rows = {row.person: row for row in session.scalars(select(Feedback))}
    assert "ana@example.org" not in f"{rows['u-1'].comment} {rows['u-1'].extra}"
    assert rows["u-2"].comment == comment["comment"]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # PostgreSQL locks rows, not files
def test_a_database_that_is_locked_for_too_long_is_a_503_with_retry_after(
    post: Post, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for connection in (db.engine.connect(), db.engine.connect()):  # the pool's connections stop waiting at once
        connection.exec_driver_sql("PRAGMA busy_timeout = 1")
        connection.close()
    with db.write():
        answer = post([small(1)])
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert post([small(1)]).json == {"accepted": 1, "duplicates": 0, "rejected": []}


def test_the_openapi_document_speaks_problem_json_and_names_every_event(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document is not None
    assert document["openapi"].startswith("3.1")
    operation = document["paths"]["/v1/events"]["post"]
    for status in ("400", "401", "413", "415", "503"):
        answer = operation["responses"][status]
        if "$ref" in answer:
            answer = document["components"]["responses"][answer["$ref"].rsplit("/", 1)[1]]
        assert list(answer["content"]) == ["application/problem+json"]
    envelope = document["components"]["schemas"]["Envelope"]
    named = {each["$ref"].rsplit("/", 1)[1] for each in envelope["properties"]["events"]["items"]["oneOf"]}
    assert named == {"Output", "Feedback", "Signal", "OutputText"}


def test_limits_on_the_wire_are_the_contract_s() -> None:
    golden = json.loads((Path(__file__).parents[2] / "contract" / "limits.json").read_text())
    ours = {name: getattr(limits, name) for name in golden}
    assert json.loads(json.dumps(ours)) == golden


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v1/events", "POST"),
        ("/v1/items/1/merge", "POST"),
        ("/v1/items/1/proposals", "GET, HEAD"),
        ("/v1/triage", "GET, HEAD"),
        ("/v1/widget/state", "POST"),
    ],
)
def test_who_asks_what_is_allowed_is_told_without_a_key(client: FlaskClient, path: str, allowed: str) -> None:
    answer = client.options(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (405, "application/problem+json")
    assert ", ".join(sorted(answer.headers["Allow"].split(", "))) == allowed


def test_unknown_fields_are_ignored_in_the_envelope_and_refused_in_an_event(post: Post) -> None:
    answer = post([small(1), small(2, mood="good"), small(3, metadata={"mood": "good"})], newer=True)
    assert (answer.json["accepted"], answer.json["rejected"][0]["errors"]) == (2, {"mood": ["Unknown field."]})
