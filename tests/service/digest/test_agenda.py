"""Which items a digest names, and what it says about them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from builders import Feed, Written, a_member, an_item, done_to, feedback_of, on, rated
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, Project
from support import NOW, an_output

MONDAY_SEVEN = NOW - timedelta(days=2, hours=6)


def items(session: Session, project: Project, count: int, **fields: Any) -> list[Item]:
    """An item a person, numbered from 1, the first with the highest priority."""
    rows = feedback_of(session, project)[:count]
    return [an_item(session, project, n, [row], priority=90 - n, **fields) for n, row in enumerate(rows, 1)]


def test_the_first_five_of_the_open_ones_in_their_order(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(1, 10):
        feed(*rated(n, 11, f"p{n}"))
    with db.write() as session:
        made = items(session, project, 9)
        made[0].state = "declined"
        made[1].state = "resolved"
        made[2].state = "accepted"
        made[3].snoozed_until = MONDAY_SEVEN + timedelta(hours=1)
        made[4].snoozed_until = MONDAY_SEVEN
    content = written()
    assert [line["number"] for line in content["first"]] == [3, 5, 6, 7, 8]
    assert content["undecided"] == 5
    assert content["new_items"] == 9


def test_new_items_are_those_first_reported_in_the_week(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    feed(*rated(1, 4, "ann"), *rated(2, 11, "ann"), *rated(3, 12, "ben"), *rated(4, 17, "cid"))
    with db.write() as session:
        first, *others = feedback_of(session, project)
        an_item(session, project, 1, [first, others[0]])
        an_item(session, project, 2, [others[1]])
        an_item(session, project, 3, [others[2]])
    assert written(now=NOW)["new_items"] == 1


def test_an_open_flag_comes_first_and_says_for_how_long(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(1, 5):
        feed(*rated(n, 12, f"p{n}", flag=True))
    with db.write() as session:
        rows = feedback_of(session, project)
        harm = {"category": "flag:private_data"}
        an_item(session, project, 1, [rows[0]])
        an_item(session, project, 2, [rows[1]], **harm)
        an_item(session, project, 3, [rows[2]], state="declined", **harm)
        an_item(session, project, 4, [rows[3]], snoozed_until=NOW, **harm)
    content = written()
    assert [(line["number"], line["open_hours"]) for line in content["flagged"]] == [(2, 90)]  # Thursday to Monday
    assert content["flags"] == 1
    assert [line["number"] for line in content["first"]] == [1]


def test_an_item_that_lost_its_reports_asks_for_nothing(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann"))
    with db.write() as session:
        items(session, project, 1, feedback_count=0)
    content = written()
    assert (content["first"], content["undecided"], content["new_items"]) == ([], 0, 0)


def since(written: Written, feed: Feed, db: Database, project: Project) -> str | None:
    with db.write() as session:
        an_item(session, project, 1, [row for row in feedback_of(session, project) if row.polarity == -1])
    line: dict[str, Any] = written()["first"][0]
    return line["since"]


def test_reports_that_all_came_with_a_prompt_began_with_it(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    feed(an_output(9, minutes=on(9), prompt_version="v12"))
    for n in range(3):
        feed(*rated(n, 11 + n, f"p{n}", prompt_version="v13"))
    assert since(written, feed, db, project) == "prompt v13"


def test_nothing_began_with_a_prompt_that_was_always_there(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(3):
        feed(*rated(n, 11 + n, f"p{n}", prompt_version="v13"))
    assert since(written, feed, db, project) is None


def test_nothing_began_with_a_prompt_if_one_report_is_older(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    feed(*rated(9, 9, "ann", prompt_version="v12"))
    for n in range(3):
        feed(*rated(n, 11 + n, f"p{n}", prompt_version="v13"))
    assert since(written, feed, db, project) is None


def test_two_reports_do_not_say_when_it_began(feed: Feed, written: Written, db: Database, project: Project) -> None:
    feed(an_output(9, minutes=on(9), prompt_version="v12"))
    for n in range(2):
        feed(*rated(n, 11 + n, f"p{n}", prompt_version="v13"))
    assert since(written, feed, db, project) is None


def test_a_silent_model_change_is_named(feed: Feed, written: Written, db: Database, project: Project) -> None:
    feed(an_output(9, minutes=on(9), prompt_version="v12", response_model="m-1"))
    for n in range(3):
        feed(*rated(n, 11 + n, f"p{n}", prompt_version="v12", response_model="m-2"))
    assert since(written, feed, db, project) == "model m-2"


def test_what_was_settled_in_the_week_and_still_stands(
    feed: Feed, written: Written, db: Database, project: Project
) -> None:
    for n in range(1, 6):
        feed(*rated(n, 9, f"p{n}"))
    with db.write() as session:
        alice = a_member(session, project, "alice")
        resolved, declined, reopened, accepted, earlier = items(session, project, 5)
        resolved.state, declined.state, accepted.state, earlier.state = "resolved", "declined", "accepted", "resolved"
        during, before = MONDAY_SEVEN - timedelta(days=3), MONDAY_SEVEN - timedelta(days=8)
        done_to(session, resolved, "resolve", alice, during)
        done_to(session, declined, "decline", alice, during)
        done_to(session, reopened, "decline", alice, during)
        done_to(session, reopened, "reopen", alice, during)
        done_to(session, accepted, "accept", alice, during)
        done_to(session, earlier, "resolve", alice, before)
    settled = written()["settled"]
    assert settled == {"resolved": [str(resolved.id)], "declined": [str(declined.id)], "decided": 3}
