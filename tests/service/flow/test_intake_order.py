"""Any order and any repetition of events gives the same feedback rows and roll-ups, and the roll-ups are true."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from heedback_service.flow import rollup
from heedback_service.flow.intake import Batch, take
from heedback_service.store.db import Database
from heedback_service.store.tables import Feature, Feedback, OutputText, PersonDay, Project, RollupDay
from support import NOW, a_signal, an_output, make_id, numbered_ids, some_feedback

# Few values, so that events often meet: outputs that share a trace, a response or a key, people who change their mind.
_TRACES = st.sampled_from([None, "a" * 32, "b" * 32])
_SPANS = st.sampled_from([None, "1" * 16, "2" * 16])
_KEYS = st.sampled_from([None, "k1", "k2"])
_FEATURES = st.sampled_from(["summary", "chat"])
_PEOPLE = st.sampled_from([None, "u-1", "u-2"])
_OUTPUTS = st.integers(1, 4)


@st.composite
def outputs(draw: st.DrawFn, n: int) -> dict[str, Any]:
    return an_output(
        n,
        minutes=draw(st.sampled_from([0, 60, 1440])),
        feature=draw(_FEATURES),
        user=draw(_PEOPLE),
        trace_id=draw(_TRACES),
        span_id=draw(_SPANS),
        response_id=draw(_KEYS),
        join_key=draw(_KEYS),
        prompt_version=draw(st.sampled_from([None, "v1", "v2"])),
        latency_ms=draw(st.sampled_from([None, 12.5])),
        cost_usd=draw(st.sampled_from([None, 0.1, 0.2])),
        input=draw(st.sampled_from([None, "A question."])),
        output=draw(st.sampled_from([None, "An answer."])),
    )


@st.composite
def references(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["output", "trace", "response", "key"]))
    if kind == "output":
        return {"output_id": make_id(draw(_OUTPUTS))}
    if kind == "trace":
        return {"trace_id": draw(_TRACES.filter(bool)), "span_id": draw(_SPANS)}
    return {"response_id" if kind == "response" else "join_key": draw(_KEYS.filter(bool))}


@st.composite
def words(draw: st.DrawFn) -> dict[str, Any]:
    said: dict[str, Any] = {}
    if draw(st.booleans()):
        said["rating"] = draw(st.sampled_from([None, {"value": 1, "scale": "thumbs"}, {"value": 2, "scale": "stars"}]))
    if draw(st.booleans()):
        said["comment"] = draw(st.sampled_from([None, "no", "wrong"]))
    if draw(st.booleans()):
        said["flag"] = draw(st.sampled_from([None, True]))
    if draw(st.booleans()):
        said["context"] = {"prompt_version": draw(st.sampled_from(["v1", "v2"]))}
    if draw(st.integers(0, 4)) == 0:
        said["retracted"] = True
    return said


@st.composite
def feedback(draw: st.DrawFn, n: int) -> dict[str, Any]:
    return some_feedback(
        n,
        minutes=draw(st.integers(0, 3)),
        feature=draw(_FEATURES),
        user=draw(_PEOPLE),
        source=draw(st.sampled_from(["end_user", "end_user", "reviewer"])),
        **draw(references()),
        **draw(words()),
    )


def texts_of(n: int) -> st.SearchStrategy[dict[str, str]]:
    return st.sampled_from([["input"], ["output"], ["input", "output"]]).map(lambda each: dict.fromkeys(each, f"{n}"))


@st.composite
def histories(draw: st.DrawFn) -> list[dict[str, Any]]:
    shown = [draw(outputs(n)) for n in range(1, draw(_OUTPUTS) + 1)]
    said = [draw(feedback(100 + n)) for n in range(draw(st.integers(1, 8)))]
    names = st.sampled_from(["shown", "copied"])
    signals = [a_signal(200 + n, draw(names), draw(_OUTPUTS)) for n in range(draw(st.integers(0, 3)))]
    texts = [
        {**some_feedback(300 + n), "type": "output_text", "output_id": make_id(draw(_OUTPUTS)), **draw(texts_of(n))}
        for n in range(draw(st.integers(0, 3)))
    ]
    return shown + said + signals + texts


@pytest.mark.parametrize("shared_db", ["sqlite"], indirect=True)
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(histories(), st.data())
def test_any_order_and_repetition_gives_the_same_state(
    shared_db: Database, history: list[dict[str, Any]], data: st.DataObject
) -> None:
    in_any_order(shared_db, history, data)


@pytest.mark.parametrize("shared_db", ["postgresql"], indirect=True)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])  # it takes three times as long
@given(histories(), st.data())
def test_so_it_does_on_the_other_database(
    shared_db: Database, history: list[dict[str, Any]], data: st.DataObject
) -> None:
    in_any_order(shared_db, history, data)


def in_any_order(shared_db: Database, history: list[dict[str, Any]], data: st.DataObject) -> None:
    repeated = history + data.draw(st.lists(st.sampled_from(history), max_size=4))
    shuffled = data.draw(st.permutations(repeated))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(shuffled)), max_size=4)))
    batches = [shuffled[a:b] for a, b in zip([0, *cuts], [*cuts, len(shuffled)], strict=True)]
    assert _state_after(shared_db.engine, batches) == _state_after(shared_db.engine, [history])


def _state_after(engine: Engine, batches: list[list[dict[str, Any]]]) -> dict[str, Any]:
    with Session(engine, expire_on_commit=False) as session:  # never committed: each example starts empty
        project = Project(slug="acme", name="Acme", timezone="Europe/Oslo", created_at=NOW)
        session.add(project)
        session.flush()
        _make_features(session, project)
        new_id = numbered_ids()
        for batch in batches:
            take(session, project, Batch(NOW, batch), NOW, new_id)
        assert rollup.differences(session, project.id) == []
        return _state(session)


def _make_features(session: Session, project: Project) -> None:
    # Their ids are made by the service and would differ with the order.
    for n, name in ((901, "summary"), (902, "chat")):
        session.add(Feature(project_id=project.id, id=make_id(n), name=name, created_at=NOW))
    session.flush()


def _state(session: Session) -> dict[str, Any]:
    ours = {"id", "project_id", "version", "changed_at"}  # made by the service as it goes
    tables = {}
    for table in (Feedback, RollupDay, PersonDay, OutputText):
        columns = [column for column in table.__table__.columns if column.name not in ours]
        rows = [tuple(map(repr, row)) for row in session.execute(select(*columns))]
        if table is RollupDay:  # a row of zeros is no row
            rows = [row for row in rows if any(value != "0" for value in row[3:])]
        tables[table.__tablename__] = sorted(rows)
    return tables
