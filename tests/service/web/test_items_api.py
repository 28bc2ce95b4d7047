"""/v1/items and /v1/triage: corrections by a key for a member, refused with a sentence, on record as theirs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from heedback_service.flow.intake import Taken
from heedback_service.flow.keys import make_key
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Item, ItemEvent, ItemFeedback, Project
from people import People
from support import NOW, an_output, make_id, numbered_ids, some_feedback

Act = Callable[..., TestResponse]
VAT = "The total leaves out the VAT"
SLOW = "It takes forever to load on my phone"


@pytest.fixture
def key(db: Database, project: Project) -> str:
    """One that may correct."""
    with db.write() as session:
        return make_key(session, project, NOW, corrects=True).text


@pytest.fixture
def act(
    client: FlaskClient, key: str, db: Database, feed: Callable[..., Taken], people: People
) -> Callable[..., TestResponse]:
    """Items 1 (reports of a and b) and 2 (of c); does a verb of Bob's to one of them."""
    said = {"a": VAT, "b": VAT, "c": SLOW}
    feed(an_output(1))
    for n, (user, comment) in enumerate(said.items(), start=11):
        feed(some_feedback(n, down=True, output_id=make_id(1), user=user, comment=comment))
    ids = numbered_ids(0x10_0000)
    while triage_step(db, NOW, new_id=ids):
        pass

    def act(path: str, **told: Any) -> TestResponse:
        body = {"by": "bob@example.org"} | told
        return client.post(f"/v1/items/{path}", json=body, headers={"Authorization": f"Bearer {key}"})

    return act


@pytest.fixture
def ids(db: Database) -> Callable[[str], str]:
    def find(person: str) -> str:
        with db.read() as session:
            return str(session.scalars(select(Feedback.id).where(Feedback.person == person)).one())

    return find


def parts(db: Database) -> dict[int, int]:
    with db.read() as session:
        held = select(Item.number, func.count()).join(ItemFeedback, ItemFeedback.item_id == Item.id)
        return dict(session.execute(held.group_by(Item.number)).all())


def test_a_merge_and_its_removal(act: Act, db: Database, people: People, key: str) -> None:
    answer = act("1/merge", into=2)
    assert answer.status_code == 200, answer.json
    assert answer.json is not None
    assert (answer.json["verb"], answer.json["item"], parts(db)) == ("merge", 1, {2: 3})
    with db.read() as session:
        event = session.scalars(select(ItemEvent).where(ItemEvent.verb == "merge")).one()
    assert (str(event.id), event.actor, event.after["key"]) == (answer.json["event"], people.bob, key.split("_")[2])
    assert act("1/merge/removal").status_code == 200
    assert parts(db) == {1: 2, 2: 1}


def test_split_move_and_undo(act: Act, db: Database, ids: Callable[[str], str]) -> None:
    split = act("1/split", feedback=[ids("a")])
    assert split.json is not None
    assert (split.json["item"], parts(db)) == (3, {1: 1, 2: 1, 3: 1})
    assert act("1/undo", event=split.json["event"]).status_code == 200
    assert act("1/move", feedback=[ids("b")], to=2).status_code == 200
    assert parts(db) == {1: 1, 2: 2}
    assert act("2/undo").status_code == 200
    assert parts(db) == {1: 2, 2: 1}


def test_what_triage_has_learnt_is_told(act: Act, client: FlaskClient, key: str) -> None:
    def told() -> Any:
        return client.get("/v1/triage", headers={"Authorization": f"Bearer {key}"}).json

    assert (told()["join_at"], told()["answers"], told()["precision"]) == (0.88, 0, 0.95)
    assert act("1/not-same", item=2).status_code == 200
    assert told()["answers"] == 1
    assert 0 < told()["precision_low"] < told()["precision"] < told()["precision_high"] < 1
    assert act("1/undo").status_code == 200
    assert told()["answers"] == 0


def test_the_second_of_two_opposite_merges_is_told_where_to_look(act: Act) -> None:
    assert act("1/merge", into=2).status_code == 200
    refused = act("2/merge", into=1)
    assert (refused.status_code, refused.content_type) == (409, "application/problem+json")
    assert refused.json is not None
    assert refused.json["see"] == 2


def test_what_somebody_did_since_is_a_conflict(act: Act) -> None:
    seen = str(UUID(int=0))
    first = act("1/not-same", item=2, seen=seen)
    assert first.json is not None
    again = act("1/merge", into=2, seen=seen)
    assert again.status_code == 409
    assert again.json is not None
    assert "Bob" in again.json["detail"]
    assert act("1/merge", into=2, seen=first.json["event"]).status_code == 200


@pytest.mark.parametrize(
    ("path", "told", "status"),
    [
        ("9/merge", {"into": 2}, 404),
        ("1/merge", {"into": 9}, 404),
        ("1/merge", {"into": 1}, 409),
        ("1/merge", {}, 400),
        ("1/merge", {"into": 0}, 400),
        ("1/merge", {"into": 2, "by": "charlie@example.org"}, 403),
        ("1/merge", {"into": 2, "by": None}, 400),
        ("1/split", {"feedback": []}, 400),
        ("1/split", {"feedback": ["nonsense"]}, 400),
        ("1/split", {"feedback": [str(UUID(int=1))]}, 409),
        ("1/undo", {}, 409),
        ("1/undo", {"nonsense": 1}, 400),
        ("9999999999/undo", {}, 404),
    ],
)
def test_what_does_not_fit_is_a_problem(act: Act, db: Database, path: str, told: dict[str, Any], status: int) -> None:
    answer = act(path, **told)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.json
    assert parts(db) == {1: 2, 2: 1}


def test_the_key_of_an_app_may_only_send(client: FlaskClient, db: Database, project: Project, act: Act) -> None:
    with db.write() as session:
        key = make_key(session, project, NOW).text
    headers = {"Authorization": f"Bearer {key}"}
    for refused in (
        client.get("/v1/triage", headers=headers),
        client.post("/v1/items/1/merge", json={"by": "bob@example.org", "into": 2}, headers=headers),
    ):
        assert (refused.status_code, "--corrects" in refused.json["detail"]) == (403, True)
    assert (
        client.post("/v1/events", json={"sent_at": NOW.isoformat(), "events": []}, headers=headers).status_code == 200
    )
    assert parts(db) == {1: 2, 2: 1}


def test_without_a_key_nobody_gets_in(client: FlaskClient) -> None:
    assert client.get("/v1/triage").status_code == 401
    assert client.post("/v1/items/1/undo", json={"by": "bob@example.org"}).status_code == 401


def test_the_document_names_each_verb(client: FlaskClient) -> None:
    paths = client.get("/openapi.json").json["paths"]
    verbs = {path.split("{number}/")[1]: path for path in paths if path.startswith("/v1/items/")}
    corrections = {"merge", "merge/removal", "split", "move", "not-same", "undo"}
    assert verbs.keys() - {name for name in verbs if name.startswith("proposals")} == corrections
    (number,) = [each for each in paths[verbs["merge"]]["parameters"] if each["name"] == "number"]
    assert number["schema"]["type"] == "integer"
