"""/v1/items/NUMBER/proposals: listed with what became of them, accepted and refused by a key for a member."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from furniture import bring_in, make_item, report
from heedback_service.flow.keys import make_key
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, ItemEvent, Project, Proposal
from people import People
from support import NOW, make_id

IDS = {kind: make_id(n, variant=0xD000) for n, kind in enumerate(("title", "category", "merge"))}
Call = Callable[..., TestResponse]


@pytest.fixture
def key(db: Database, project: Project) -> str:
    """One that may correct."""
    with db.write() as session:
        return make_key(session, project, NOW, corrects=True).text


@pytest.fixture
def call(client: FlaskClient, key: str, db: Database, project: Project, people: People) -> Call:
    """Asks under /v1/items/, or posts for Bob where something is told. About #2 a model proposes all there is."""
    with db.write() as session:
        for n in (1, 2):
            said = bring_in(session, project, "chat", [report(f"u-{n}-{k}", k) for k in range(3)], n * 1000)
            made = make_item(session, project, n, f"Problem {n}", said)
        one = session.scalars(select(Item).where(Item.number == 1)).one()
        row = {"project_id": made.project_id, "item_id": made.id, "model": "small", "proposed_at": NOW}
        for kind, value in (("title", "Better words"), ("category", "down:style"), ("merge", None)):
            other = one.id if kind == "merge" else None
            session.add(Proposal(id=IDS[kind], kind=kind, value=value, other_id=other, **row))

    def call(path: str, *, key: str = key, **told: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {key}"}
        if not told:
            return client.get(f"/v1/items/{path}", headers=headers)
        return client.post(f"/v1/items/{path}", json={"by": "bob@example.org"} | told, headers=headers)

    return call


def decide(call: Call, kind: str, word: str, **told: Any) -> TestResponse:
    return call(f"2/proposals/{IDS[kind]}/{word}", **{"by": "bob@example.org"} | told)


def listed(call: Call) -> dict[str, dict[str, Any]]:
    answer = call("2/proposals")
    assert answer.json is not None
    return {each["kind"]: each for each in answer.json["proposals"]}


def test_what_was_proposed_is_listed(call: Call) -> None:
    found = listed(call)
    assert found["title"] == {
        "id": str(IDS["title"]),
        "kind": "title",
        "value": "Better words",
        "item": None,
        "model": "small",
        "proposed_at": NOW.isoformat(),
        "open": True,
        "decision": None,
        "decided_by": None,
        "decided_at": None,
    }
    assert (found["category"]["value"], found["merge"]["value"], found["merge"]["item"]) == ("down:style", None, 1)
    assert call("1/proposals").json == {"proposals": []}
    assert call("9/proposals").status_code == 404


def test_accepting_does_it_and_undo_opens_the_proposal_again(
    call: Call, db: Database, people: People, key: str
) -> None:
    done = decide(call, "title", "acceptance")
    assert done.json is not None
    assert (done.status_code, done.json["verb"], done.json["item"]) == (200, "rename", 2)
    found = listed(call)["title"]
    assert (found["open"], found["decision"], found["decided_by"]) == (False, "accepted", "bob@example.org")
    with db.read() as session:
        event = session.get_one(ItemEvent, (1, UUID(done.json["event"])))
        assert session.scalars(select(Item.title).where(Item.number == 2)).one() == "Better words"
    assert event.actor == people.bob
    assert event.after == {
        **{"title": "Better words", "title_by": "person"},
        **{"proposed": "title", "model": "small", "key": key.split("_")[2]},
    }
    assert call("2/undo", event=done.json["event"]).status_code == 200
    assert listed(call)["title"]["open"]


def test_refusing_puts_it_away(call: Call) -> None:
    done = decide(call, "merge", "refusal")
    assert done.json is not None
    assert (done.status_code, done.json["verb"]) == (200, "turn_down")
    assert (listed(call)["merge"]["open"], listed(call)["merge"]["decision"]) == (False, "refused")
    assert decide(call, "merge", "acceptance").status_code == 409


def test_accepting_a_merge_moves_the_reports(call: Call, db: Database) -> None:
    assert decide(call, "merge", "acceptance").status_code == 200
    with db.read() as session:
        assert session.scalars(select(Item.feedback_count).order_by(Item.number)).all() == [6, 0]
    assert not any(each["open"] for each in listed(call).values())


@pytest.mark.parametrize(
    ("path", "told", "status"),
    [
        (f"1/proposals/{IDS['title']}/acceptance", {}, 404),
        (f"2/proposals/{make_id(9)}/refusal", {}, 404),
        (f"9/proposals/{IDS['title']}/refusal", {}, 404),
        ("2/proposals/nonsense/refusal", {}, 404),
        (f"2/proposals/{IDS['title']}/acceptance", {"by": "charlie@example.org"}, 403),
        (f"2/proposals/{IDS['title']}/acceptance", {"by": None}, 400),
        (f"2/proposals/{IDS['title']}/refusal", {"nonsense": 1}, 400),
    ],
)
def test_what_does_not_fit_is_a_problem(call: Call, path: str, told: dict[str, Any], status: int) -> None:
    answer = call(path, **{"by": "bob@example.org"} | told)
    assert (answer.status_code, answer.content_type) == (status, "application/problem+json"), answer.json
    assert all(each["open"] for each in listed(call).values())


def test_what_somebody_did_since_is_a_conflict(call: Call) -> None:
    seen = str(UUID(int=0))
    assert decide(call, "category", "refusal", seen=seen).status_code == 200
    assert decide(call, "title", "acceptance", seen=seen).status_code == 409


def test_the_key_of_an_app_may_neither_look_nor_decide(call: Call, db: Database, project: Project) -> None:
    with db.write() as session:
        sends = make_key(session, project, NOW).text
    assert call("2/proposals", key=sends).status_code == 403
    assert call("2/proposals", key="nonsense").status_code == 401
    assert decide(call, "title", "acceptance", key=sends).status_code == 403
