"""What the queue shows, in which order, and what comes next."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.orm import Session

from heedback_service.flow import backlog
from heedback_service.flow.queue import VIEWS, Viewer, following, home_view, listing, progress
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, Project
from people import People, an_item, settle
from support import NOW, numbered_ids

TOMORROW = NOW + timedelta(days=1)


@pytest.fixture
def people(db: Database, project: Project) -> People:
    with db.write() as session:
        return settle(session, project.id)


@pytest.fixture
def alice(people: People, project: Project) -> Viewer:
    return Viewer(project.id, people.alice, NOW)


def put(db: Database, project: Project, *items: dict[str, Any]) -> None:
    """Items numbered from 1."""
    with db.write() as session:
        for number, fields in enumerate(items, start=1):
            an_item(session, project, number, **fields)


def numbers(db: Database, viewer: Viewer, view: str, page: int = 1) -> list[int]:
    with db.read() as session:
        return [row.item.number for row in listing(session, viewer, view, page).rows]


def test_harm_comes_first_then_weight_then_what_was_said_last(db: Database, project: Project, alice: Viewer) -> None:
    put(
        db,
        project,
        {"priority": 40},
        {"priority": 80, "last_at": NOW - timedelta(days=2)},
        {"priority": 80, "last_at": NOW},
        {"priority": 10, "category": "flag:security"},
        {"priority": 99, "state": "declined", "category": "flag:legal"},
    )
    assert numbers(db, alice, "all") == [4, 5, 3, 2, 1]


def test_each_item_is_in_the_views_that_its_state_its_owner_and_its_snooze_say(
    db: Database, project: Project, people: People, alice: Viewer
) -> None:
    put(
        db,
        project,
        {"priority": 9},
        {"priority": 8, "state": "accepted", "assignee": people.alice},
        {"priority": 7, "state": "accepted", "assignee": people.bob},
        {"priority": 6, "state": "resolved", "assignee": people.alice},
        {"priority": 5, "state": "declined"},
        {"priority": 4, "snoozed_until": TOMORROW, "assignee": people.alice},
        {"priority": 3, "snoozed_until": NOW},
        {"priority": 2, "category": "flag:harmful"},
        {"priority": 1, "category": "flag:harmful", "state": "declined"},
    )
    assert {view: numbers(db, alice, view) for view in VIEWS} == {
        "new": [8, 1, 7],
        "mine": [2],
        "flagged": [8],
        "snoozed": [6],
        "accepted": [2, 3],
        "resolved": [4],
        "declined": [5, 9],
        "all": [8, 1, 2, 3, 4, 5, 6, 7, 9],
    }
    with db.read() as session:
        counts = listing(session, alice, "new").counts
    assert counts == {view: len(numbers(db, alice, view)) for view in VIEWS}


def test_an_item_without_feedback_is_not_shown(db: Database, project: Project, alice: Viewer) -> None:
    put(db, project, {"feedback_count": 0}, {})
    assert numbers(db, alice, "all") == [2]


def test_other_projects_are_out_of_sight(db: Database, project: Project, alice: Viewer) -> None:
    with db.write() as session:
        other = Project(slug="other", name="Other", timezone="UTC", created_at=NOW)
        session.add(other)
        session.flush()
        an_item(session, other, 1)
    assert numbers(db, alice, "all") == []
    with db.read() as session:
        assert following(session, alice, "all", 1) is None


def test_a_snoozed_item_comes_back_by_itself(db: Database, project: Project, alice: Viewer) -> None:
    put(db, project, {"snoozed_until": TOMORROW})
    assert numbers(db, alice, "new") == []
    assert numbers(db, Viewer(alice.project_id, alice.account_id, TOMORROW), "new") == [1]


def test_fifty_items_fill_a_page_and_pages_follow_each_other(db: Database, project: Project, alice: Viewer) -> None:
    put(db, project, *({"priority": 100 - n % 100} for n in range(120)))
    with db.read() as session:
        assert listing(session, alice, "new").pages == 3
    shown = [n for page in (1, 2, 3) for n in numbers(db, alice, "new", page)]
    assert [len(numbers(db, alice, "new", page)) for page in (1, 2, 3, 4)] == [50, 50, 20, 0]
    assert sorted(shown) == list(range(1, 121))


def test_the_next_item_is_the_one_below_whatever_ties(db: Database, project: Project, alice: Viewer) -> None:
    flag = {"category": "flag:legal"}
    put(db, project, {}, {}, {"priority": 70}, {"last_at": NOW}, {"last_at": NOW}, flag, flag | {"state": "resolved"})
    order = numbers(db, alice, "all")
    with db.read() as session:
        following_each = [following(session, alice, "all", number) for number in order]
    assert following_each == [*order[1:], order[0]]


def test_after_the_only_item_comes_nothing(db: Database, project: Project, alice: Viewer) -> None:
    put(db, project, {})
    with db.read() as session:
        assert following(session, alice, "new", 1) is None


def test_an_item_that_is_not_in_the_view_still_has_a_next_one_there(
    db: Database, project: Project, alice: Viewer
) -> None:
    put(db, project, {"priority": 90}, {"priority": 50, "state": "declined"}, {"priority": 10})
    with db.read() as session:
        assert following(session, alice, "new", 2) == 3
        assert following(session, alice, "new", 999) == 1


@pytest.mark.parametrize(
    ("fields", "view"),
    [
        ({}, "new"),
        ({"state": "accepted"}, "accepted"),
        ({"snoozed_until": TOMORROW}, "snoozed"),
        ({"snoozed_until": NOW}, "new"),
        ({"state": "declined", "snoozed_until": TOMORROW}, "declined"),
    ],
)
def test_an_item_opened_from_elsewhere_is_shown_where_it_is_listed(
    db: Database, project: Project, alice: Viewer, fields: dict[str, Any], view: str
) -> None:
    put(db, project, fields)
    assert numbers(db, alice, view) == [1]
    with db.read() as session:
        assert home_view(session, alice, 1) == view
        assert home_view(session, alice, 2) == "new"


def test_progress_counts_this_week_s_decisions_that_still_hold(
    db: Database, project: Project, people: People, alice: Viewer
) -> None:
    put(db, project, *({} for _ in range(6)))
    new_id = numbered_ids(500)
    with db.write() as session:

        def item(number: int) -> Item:
            found = backlog.find_item(session, project.id, number)
            assert found is not None
            return found

        monday = NOW - timedelta(days=2, hours=12)  # 00:00 UTC, an hour into Oslo's Monday
        backlog.decline(session, item(1), people.alice, monday - timedelta(hours=2), new_id)
        backlog.decline(session, item(2), people.alice, monday, new_id)
        backlog.accept(session, item(3), people.bob, NOW, new_id)
        backlog.accept(session, item(4), people.bob, NOW, new_id)
        backlog.undo(session, item(4), people.bob, NOW, new_id)
    with db.read() as session:
        found = progress(session, alice, project)
    assert (found.decided, found.of) == (2, 5)


def test_a_long_list_takes_as_many_statements_as_a_short_one(db: Database, project: Project, alice: Viewer) -> None:
    put(db, project, *({} for _ in range(40)))

    def statements(session: Session) -> int:
        seen: list[str] = []
        connection = session.connection()
        event.listen(connection, "before_cursor_execute", lambda *args: seen.append(args[2]))
        found = listing(session, alice, "new")
        assert len({(row.item.title, row.feature, row.owner) for row in found.rows}) == 40
        return len(seen)

    with db.read() as session:
        assert statements(session) == 2
