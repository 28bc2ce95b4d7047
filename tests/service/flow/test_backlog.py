"""The verbs of the backlog: what each allows, changes and records, and that each can be taken back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from heedback_service.core import classify
from heedback_service.flow import backlog
from heedback_service.flow.backlog import Done, Outcome
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, ItemEvent, Project
from people import People, an_item, settle
from support import NOW, numbered_ids

FIELDS = (
    "state",
    "verdict",
    "cause",
    "assignee",
    "due_on",
    "resolved_in",
    "snoozed_until",
    "title",
    "title_by",
    "category",
    "category_by",
    "category_why",
)
LATER = NOW + timedelta(days=7)


class Desk:
    """Bob's hands on one item; the clock goes on a minute with each verb."""

    def __init__(self, session: Session, item: Item, people: People) -> None:
        self.session, self.item, self.people = session, item, people
        self.now, self.new_id = NOW, numbered_ids(1000)

    def __call__(self, verb: Callable[..., Outcome], **named: Any) -> Outcome:
        self.now += timedelta(minutes=1)
        return verb(self.session, self.item, self.people.bob, self.now, self.new_id, **named)

    def fields(self) -> dict[str, Any]:
        self.session.expire_all()
        return {name: getattr(self.item, name) for name in FIELDS}

    def events(self) -> list[ItemEvent]:
        return list(self.session.scalars(select(ItemEvent).order_by(ItemEvent.id)))


@pytest.fixture
def people(db: Database, project: Project) -> People:
    with db.write() as session:
        return settle(session, project.id)


@pytest.fixture
def desk(db: Database, project: Project, people: People) -> Any:
    with db.write() as session:
        yield Desk(session, an_item(session, project, 1), people)


def test_who_accepts_owns_it_unless_another_member_is_named(desk: Desk) -> None:
    assert isinstance(desk(backlog.accept), Done)
    assert (desk.item.state, desk.item.assignee) == ("accepted", desk.people.bob)
    desk(backlog.unaccept)
    desk(backlog.accept, owner=desk.people.alice, due_on=date(2026, 12, 1), verdict="confirmed", cause="prompt")
    decided = {name: value for name, value in desk.fields().items() if not name.startswith(("title", "category"))}
    assert decided == {
        "state": "accepted",
        "assignee": desk.people.alice,
        "due_on": date(2026, 12, 1),
        "verdict": "confirmed",
        "cause": "prompt",
        "resolved_in": None,
        "snoozed_until": None,
    }


@pytest.mark.parametrize(
    ("way_there", "verb", "inverse"),
    [
        ([], (backlog.accept, {"cause": "model"}), backlog.unaccept),
        ([], (backlog.decline, {"verdict": "by_design"}), backlog.reopen),
        ([(backlog.accept, {})], (backlog.decline, {"verdict": "duplicate"}), backlog.reopen),
        ([(backlog.accept, {})], (backlog.resolve, {"resolved_in": "prompt v14"}), backlog.reopen),
        ([], (backlog.snooze, {"until": LATER}), backlog.wake),
    ],
    ids=["accept", "decline a new one", "decline an accepted one", "resolve", "snooze"],
)
def test_an_inverse_puts_the_item_back(desk: Desk, way_there: list[Any], verb: Any, inverse: Any) -> None:
    for step, named in way_there:
        desk(step, **named)
    before = desk.fields()
    assert isinstance(desk(verb[0], **verb[1]), Done)
    assert desk.fields() != before
    assert isinstance(desk(inverse), Done)
    assert desk.fields() == before


def test_taking_an_acceptance_back_leads_to_new_even_after_a_reopening(desk: Desk) -> None:
    for verb in (backlog.accept, backlog.decline, backlog.reopen, backlog.unaccept):
        assert isinstance(desk(verb), Done)
    assert desk.item.state == "new"


@pytest.mark.parametrize(
    ("way_there", "verb", "named"),
    [
        ([], backlog.resolve, {}),
        ([], backlog.unaccept, {}),
        ([], backlog.reopen, {}),
        ([], backlog.wake, {}),
        ([], backlog.undo, {}),
        ([], backlog.rename, {"title": "  "}),
        ([], backlog.rename, {"title": "x" * 201}),
        ([], backlog.rename, {"title": "Problem 1"}),
        ([], backlog.file_under, {"category": "nonsense"}),
        ([], backlog.file_under, {"category": "up:clear"}),
        ([], backlog.file_under, {"category": "down:incorrect"}),
        ([], backlog.snooze, {"until": NOW}),
        ([], backlog.snooze, {"until": NOW + timedelta(days=400)}),
        ([], backlog.accept, {"verdict": "nonsense"}),
        ([], backlog.decline, {"cause": "nonsense"}),
        ([], backlog.assign, {"owner": None}),
        ([backlog.accept], backlog.accept, {}),
        ([backlog.accept], backlog.assign, {"owner": None}),
        ([backlog.accept], backlog.resolve, {"resolved_in": "x" * 201}),
        ([backlog.decline], backlog.accept, {}),
        ([backlog.decline], backlog.snooze, {"until": LATER}),
        ([backlog.decline], backlog.resolve, {}),
        ([backlog.accept, backlog.resolve], backlog.decline, {}),
    ],
)
def test_what_is_not_allowed_is_refused_with_a_sentence_and_changes_nothing(
    desk: Desk, way_there: list[Any], verb: Any, named: dict[str, Any]
) -> None:
    for step in way_there:
        desk(step)
    before, events = desk.fields(), len(desk.events())
    refused = desk(verb, **named)
    assert isinstance(refused, Refused)
    assert refused.why.endswith(".")
    assert (desk.fields(), len(desk.events())) == (before, events)


@pytest.mark.parametrize("verb", [backlog.accept, backlog.assign])
def test_only_members_own_items(desk: Desk, verb: Any) -> None:
    assert isinstance(desk(verb, owner=desk.people.charlie), Refused)


@pytest.mark.parametrize("verb", [backlog.accept, backlog.decline])
def test_a_decision_ends_a_snooze(desk: Desk, verb: Any) -> None:
    desk(backlog.snooze, until=LATER)
    desk(verb)
    assert desk.item.snoozed_until is None


def test_a_title_by_a_person_is_marked_as_theirs(desk: Desk) -> None:
    desk(backlog.rename, title="  VAT is\nmissing ")
    assert (desk.item.title, desk.item.title_by) == ("VAT is missing", "person")


def test_a_category_by_a_person_is_marked_as_theirs(desk: Desk) -> None:
    desk(backlog.file_under, category="flag:private_data")
    assert (desk.item.category, desk.item.category_by) == ("flag:private_data", "person")
    assert desk.item.category_why == "a person filed it so"
    assert isinstance(desk(backlog.file_under, category="down:style"), Done)  # the flag was theirs too


def test_a_flag_that_people_raised_stands(desk: Desk) -> None:
    desk.item.category = "flag:private_data"
    assert isinstance(desk(backlog.file_under, category="down:style"), Refused)
    assert isinstance(desk(backlog.file_under, category="flag:legal"), Done)


def test_every_verb_writes_who_did_what_when_from_where_to_where(desk: Desk) -> None:
    done = desk(backlog.accept, due_on=date(2026, 12, 1))
    event = desk.events()[-1]
    assert isinstance(done, Done)
    assert (event.id, event.verb, event.actor, event.at) == (done.event_id, "accept", desk.people.bob, desk.now)
    assert event.before["state"] == "new"
    assert event.after["state"] == "accepted"
    assert event.after["due_on"] == "2026-12-01"
    assert event.after["assignee"] == str(desk.people.bob)


def test_the_event_goes_with_its_change_or_not_at_all(db: Database, project: Project, people: People) -> None:
    def accept_and_crash() -> None:
        with db.write() as session:
            backlog.accept(session, an_item(session, project, 1), people.bob, NOW, numbered_ids())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        accept_and_crash()
    with db.read() as session:
        assert session.scalars(select(ItemEvent)).all() == []
        assert session.scalars(select(Item)).all() == []


def test_undo_names_the_event_it_takes_back(desk: Desk) -> None:
    accepted = desk(backlog.accept)
    desk(backlog.undo)
    assert isinstance(accepted, Done)
    assert desk.events()[-1].undoes == accepted.event_id


def test_undo_refuses_when_something_newer_happened(desk: Desk) -> None:
    accepted = desk(backlog.accept)
    desk(backlog.rename, title="Better words")
    assert isinstance(accepted, Done)
    assert isinstance(desk(backlog.undo, event_id=accepted.event_id), Refused)
    assert desk.item.state == "accepted"


def test_undo_refuses_to_take_the_same_back_twice(desk: Desk) -> None:
    accepted = desk(backlog.accept)
    assert isinstance(accepted, Done)
    assert isinstance(desk(backlog.undo, event_id=accepted.event_id), Done)
    assert isinstance(desk(backlog.undo, event_id=accepted.event_id), Refused)


def test_undo_leaves_what_the_service_did_alone(desk: Desk) -> None:
    row = {"project_id": desk.item.project_id, "item_id": desk.item.id, "actor": None, "undoes": None, "at": NOW}
    desk.session.add(ItemEvent(id=UUID(int=1), verb="open", before={}, after={"state": "new"}, **row))
    assert isinstance(desk(backlog.undo), Refused)


def test_a_form_filled_in_before_somebody_decided_is_refused_by_name(desk: Desk) -> None:
    assert backlog.changed_since(desk.session, desk.item, None) is None
    done = desk(backlog.accept)
    assert isinstance(done, Done)
    refused = backlog.changed_since(desk.session, desk.item, None)
    assert refused is not None
    assert "Bob accepted it" in refused.why
    assert backlog.changed_since(desk.session, desk.item, done.event_id) is None


def test_a_decision_that_races_with_another_writer_is_refused(desk: Desk) -> None:
    desk.session.execute(update(Item).values(version=Item.version + 1).execution_options(synchronize_session=False))
    assert isinstance(desk(backlog.accept), Refused)
    assert desk.fields()["state"] == "new"
    assert desk.events() == []


def _moves() -> st.SearchStrategy[tuple[str, dict[str, Any]]]:
    verdicts, causes = st.sampled_from((None, *backlog.VERDICTS)), st.sampled_from((None, *backlog.CAUSES))
    people = st.sampled_from(["alice", "bob", None])
    text = st.characters(codec="utf-8", exclude_characters="\0")  # the pages let no NUL pass, nor half a surrogate pair
    named: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "accept": st.fixed_dictionaries(
            {"verdict": verdicts, "cause": causes, "owner": people, "due_on": st.dates(date(2026, 11, 18))}
        ),
        "decline": st.fixed_dictionaries({"verdict": verdicts, "cause": causes}),
        "resolve": st.fixed_dictionaries({"resolved_in": st.text(text, max_size=10)}),
        "snooze": st.fixed_dictionaries({"until": st.integers(1, 300).map(lambda days: NOW + timedelta(days=days))}),
        "assign": st.fixed_dictionaries({"owner": people}),
        "file_under": st.fixed_dictionaries({"category": st.sampled_from(classify.NAMES)}),
        "rename": st.fixed_dictionaries({"title": st.text(text, min_size=1, max_size=10)}),
    }
    for verb in ("unaccept", "reopen", "wake"):
        named[verb] = st.just({})
    return st.one_of([st.tuples(st.just(verb), given_) for verb, given_ in named.items()])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves=st.lists(_moves(), max_size=12))
def test_whatever_was_done_undoing_each_step_restores_the_item(
    db: Database, project: Project, people: People, moves: list[tuple[str, dict[str, Any]]]
) -> None:
    with db.write() as session:
        desk = Desk(session, an_item(session, project, 1), people)
        seen = [desk.fields()]
        for verb, named in moves:
            if named.get("owner"):
                named = named | {"owner": getattr(people, named["owner"])}
            if isinstance(desk(getattr(backlog, verb), **named), Done):
                seen.append(desk.fields())
        while len(seen) > 1:
            assert desk.fields() == seen.pop()
            assert isinstance(desk(backlog.undo), Done)
        assert desk.fields() == seen[0]
        assert isinstance(desk(backlog.undo), Refused)
        session.rollback()
