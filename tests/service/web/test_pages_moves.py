"""Deciding on the pages: each button does its verb, says so, goes on, and can be taken back."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest

from browsing import Browser
from furniture import bring_in, make_item, report
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, ItemEvent, Project
from people import People
from support import NOW, make_id

MOVES = (*("acceptance", "declination", "resolution", "snooze", "assignment", "title", "merge", "difference", "undo"),)
REMOVALS = ("acceptance", "declination", "resolution", "snooze")


@pytest.fixture
def item(db: Database, project: Project, people: People) -> Callable[[], Item]:
    """#1, as it is in the store; #2 and #3 stand below it."""
    with db.write() as session:
        for n in (1, 2, 3):
            said = bring_in(session, project, "chat", [report(f"u-{n}-{k}", k) for k in range(5 - n)], n * 1000)
            make_item(session, project, n, f"Problem {n}", said)

    def read() -> Item:
        with db.read() as session:
            return session.query(Item).filter_by(number=1).one()

    return read


def test_accepting_goes_on_to_the_next_item_and_says_what_was_done(
    bob: Browser, people: People, item: Callable[[], Item]
) -> None:
    answer = bob.move(1, "acceptance", view="new", verdict="confirmed", cause="prompt", due_on="2026-12-01")
    assert (answer.status_code, answer.location) == (303, "/p/acme/items/2?view=new")
    found = item()
    assert (found.state, found.assignee, found.verdict, found.cause, found.due_on) == (
        "accepted",
        people.bob,
        "confirmed",
        "prompt",
        date(2026, 12, 1),
    )
    page = bob.get(answer.location).text
    assert "Accepted: <bdi>Problem 1</bdi> (#1)." in page
    assert "Problem 2</h1>" in page
    assert "Accepted: " not in bob.get(answer.location).text


def test_the_message_s_button_takes_the_decision_back(bob: Browser, item: Callable[[], Item]) -> None:
    page = bob.get(bob.move(1, "acceptance", view="new").location).text
    action, event = re.search(r'action="([^"]+/undo)".*?name="event" value="([0-9a-f]+)"', page, re.S).groups()  # type: ignore[union-attr]
    answer = bob.post(action, page="/p/acme/items/1", view="new", event=event)
    assert answer.location == "/p/acme/items/1?view=new"
    assert item().state == "new"
    assert "Taken back: " in bob.get(answer.location).text


def test_after_the_last_item_the_view_is_empty(bob: Browser, item: Callable[[], Item]) -> None:
    answers = [bob.move(number, "declination", view="new").location for number in (1, 2, 3)]
    assert answers == ["/p/acme/items/2?view=new", "/p/acme/items/3?view=new", "/p/acme/queue?view=new"]
    assert "Nothing new" in bob.get(answers[-1]).text


@pytest.mark.parametrize(
    ("way_there", "name", "back"),
    [
        ([], "acceptance", "new"),
        ([], "declination", "new"),
        (["acceptance"], "declination", "accepted"),
        (["acceptance"], "resolution", "accepted"),
    ],
)
def test_every_decision_has_its_removal(
    bob: Browser, item: Callable[[], Item], way_there: list[str], name: str, back: str
) -> None:
    for step in way_there:
        bob.move(1, step)
    assert bob.move(1, name).status_code == 303
    assert item().state != back
    answer = bob.move(1, f"{name}/removal")
    assert (answer.status_code, answer.location) == (303, "/p/acme/items/1")
    assert item().state == back


@pytest.mark.parametrize(
    ("form", "until"),
    [
        ({}, datetime(2026, 11, 24, 23, tzinfo=UTC)),
        ({"until": "1"}, datetime(2026, 11, 18, 23, tzinfo=UTC)),
        ({"until": "date", "date": "2027-07-01"}, datetime(2027, 6, 30, 22, tzinfo=UTC)),
    ],
    ids=["a week", "tomorrow", "a summer day"],
)
def test_a_snooze_lasts_until_a_day_begins_where_the_project_is(
    bob: Browser, item: Callable[[], Item], form: dict[str, str], until: datetime
) -> None:
    assert bob.move(1, "snooze", **form).status_code == 303
    assert item().snoozed_until == until
    assert bob.move(1, "snooze/removal").status_code == 303
    assert item().snoozed_until is None


def test_an_owner_and_a_title_are_set_without_leaving_the_item(
    alice: Browser, people: People, item: Callable[[], Item]
) -> None:
    assert alice.move(1, "assignment", owner=str(people.bob)).location == "/p/acme/items/1"
    assert alice.move(1, "title", title="<i>Better</i>").location == "/p/acme/items/1"
    assert (item().assignee, item().title, item().title_by) == (people.bob, "<i>Better</i>", "person")
    page = alice.get("/p/acme/items/1").text
    assert "&lt;i&gt;Better&lt;/i&gt;</h1>" in page
    assert "<bdi>Alice</bdi> renamed it" in page


def test_resolving_says_what_fixed_it(bob: Browser, item: Callable[[], Item]) -> None:
    bob.move(1, "acceptance")
    bob.move(1, "resolution", resolved_in="prompt v14")
    assert item().resolved_in == "prompt v14"
    assert "Resolved in <bdi>prompt v14</bdi>" in bob.get("/p/acme/items/1").text


@pytest.mark.parametrize(
    ("name", "form", "sentence"),
    [
        ("resolution", {}, "It is new; only what is accepted can be resolved."),
        ("acceptance/removal", {}, "It is new; only what is accepted can be put back among the new ones."),
        ("snooze/removal", {}, "It is not snoozed."),
        ("snooze", {"until": "0"}, "Snooze it until some day after today, within a year."),
        ("snooze", {"until": "date"}, "Snooze it until some day after today, within a year."),
        ("snooze", {"until": "99999"}, "Snooze it until some day after today, within a year."),
        ("title", {"title": " "}, "A title has 1 to 200 characters."),
        ("undo", {}, "Nothing was done to it that could be taken back."),
    ],
)
def test_what_cannot_be_done_is_said_on_the_page_of_the_item(
    bob: Browser, item: Callable[[], Item], name: str, form: dict[str, str], sentence: str
) -> None:
    answer = bob.move(1, name, **form)
    assert answer.status_code == 409
    assert answer.headers["HX-Push-Url"] == "false"
    page = html.unescape(answer.text)
    assert f"Nothing was changed. {sentence}" in page
    assert "Problem 1</h1>" in page


def test_a_decision_on_an_outdated_page_is_refused_by_name(
    alice: Browser, bob: Browser, item: Callable[[], Item]
) -> None:
    alice.move(1, "acceptance")
    answer = bob.move(1, "declination", seen="")
    assert answer.status_code == 409
    assert "Somebody changed it: Alice accepted it." in answer.text
    assert item().state == "accepted"


def test_reports_that_join_do_not_outdate_a_page(
    bob: Browser, db: Database, project: Project, item: Callable[[], Item]
) -> None:
    with db.write() as session:
        session.query(Item).filter_by(number=1).one().people += 1
    assert bob.move(1, "acceptance", seen="").status_code == 303


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("acceptance", {"due_on": "soon"}),
        ("acceptance", {"owner": "me"}),
        ("acceptance", {"seen": "x"}),
        ("undo", {"event": "last"}),
        ("snooze", {"until": "date", "date": "2026-02-30"}),
    ],
)
def test_a_form_nobody_could_have_filled_in_is_refused(
    bob: Browser, item: Callable[[], Item], name: str, form: dict[str, Any]
) -> None:
    assert bob.move(1, name, **form).status_code == 400
    assert item().state == "new"


def test_only_verbs_there_are_have_an_address(bob: Browser, item: Callable[[], Item]) -> None:
    page = "/p/acme/items/1"
    for path in ("nonsense", "nonsense/removal", "title/removal", "undo/removal", "assignment/removal"):
        assert bob.post(f"{page}/{path}", page=page).status_code == 404
    assert bob.post("/p/acme/items/99/acceptance", page=page).status_code == 404


@pytest.mark.parametrize("path", [*MOVES, *(f"{name}/removal" for name in REMOVALS)])
def test_a_stranger_decides_nothing_and_learns_nothing(charlie: Browser, item: Callable[[], Item], path: str) -> None:
    assert charlie.post(f"/p/acme/items/1/{path}", page="/").status_code == 404
    assert charlie.post(f"/p/acme/items/99/{path}", page="/").status_code == 404
    assert item().state == "new"


def test_only_what_can_be_done_has_a_button(bob: Browser, item: Callable[[], Item]) -> None:
    def keys() -> set[str]:
        acts = re.search(r'<div class="acts".*', bob.get("/p/acme/items/1").text, re.S)
        assert acts
        return set(re.findall(r'data-key="(.)"', acts[0]))

    assert keys() == {"y", "n", "h", "a"}
    bob.move(1, "acceptance")
    assert keys() == {"r", "n", "h", "a", "o", "z"}
    bob.move(1, "resolution")
    assert keys() == {"o", "z"}


def test_what_the_service_did_alone_stands_in_the_history_and_outdates_no_page(
    bob: Browser, db: Database, project: Project, item: Callable[[], Item]
) -> None:
    with db.write() as session:
        row = {"project_id": project.id, "item_id": item().id, "before": {}, "at": NOW}
        session.add(ItemEvent(id=make_id(1), verb="created", after={}, **row))
        session.add(ItemEvent(id=make_id(2), verb="merged", after={"into": 2}, **row))
    page = bob.get("/p/acme/items/1").text
    assert "Made from its first report" in page
    assert re.search(r'Its reports moved to <a href="/p/acme/items/2">#2</a>', page)
    assert bob.move(1, "acceptance", seen="").status_code == 303


@pytest.mark.parametrize(
    ("verb", "after", "told"),
    [
        ("split_off", {"to": 2}, "split reports off into #2,"),
        ("split_from", {"from": 2}, "made it of reports split off #2,"),
        ("move_out", {"to": 2}, "moved reports to #2,"),
        ("move_in", {"from": 2}, "moved reports into it from #2,"),
        ("not_same", {}, "said that another one is not the same,"),  # as it was once written
    ],
)
def test_the_history_names_the_other_item(
    bob: Browser, db: Database, people: People, item: Callable[[], Item], verb: str, after: dict[str, Any], told: str
) -> None:
    with db.write() as session:
        row = {"project_id": item().project_id, "item_id": item().id, "before": {}, "at": NOW}
        session.add(ItemEvent(id=make_id(1), actor=people.bob, verb=verb, after=after, **row))
    assert told in history(bob, 1)


def test_both_items_say_which_is_not_the_same_and_which_was_merged(bob: Browser, item: Callable[[], Item]) -> None:
    assert bob.move(1, "difference", other="2").status_code == 303
    assert "said that #2 is not the same," in history(bob, 1)
    assert "said that #1 is not the same," in history(bob, 2)
    assert bob.move(1, "merge", other="3").status_code == 303
    assert "merged it into #3," in history(bob, 1)
    assert "merged #1 into it," in history(bob, 3)


def history(browser: Browser, number: int) -> str:
    page = browser.get(f"/p/acme/items/{number}").text
    done = re.search(r'<ol class="history">.*?</ol>', page, re.S)
    assert done
    return " ".join(re.sub("<[^>]+>", "", done[0]).split())


def merge_away(db: Database, number: int, into: int, event: int) -> None:
    """What triage leaves of an item that became part of another one."""
    with db.write() as session:
        gone = session.query(Item).filter_by(number=number).one()
        gone.feedback_count = gone.people = 0
        row = {"project_id": gone.project_id, "item_id": gone.id, "before": {}, "at": NOW}
        session.add(ItemEvent(id=make_id(event), verb="merged", after={"into": into}, **row))


@pytest.mark.parametrize("name", ["acceptance", "declination", "snooze", "assignment", "title"])
def test_a_decision_on_an_item_that_was_merged_away_is_refused_and_leads_to_the_item_it_is_in(
    alice: Browser, db: Database, item: Callable[[], Item], name: str
) -> None:
    merge_away(db, 1, 2, 901)
    merge_away(db, 2, 3, 902)
    answer = alice.move(1, name, view="new", title="Other words")
    assert answer.status_code == 409
    assert "Nothing was changed. Its reports moved to #3, so decide there." in answer.text
    assert '<a href="/p/acme/items/3">Go to #3</a>' in answer.text
    assert (item().state, item().title, item().assignee) == ("new", "Problem 1", None)


def test_the_page_of_an_item_that_was_merged_away_says_where_it_went_and_offers_no_decision(
    alice: Browser, db: Database, item: Callable[[], Item]
) -> None:
    merge_away(db, 1, 2, 901)
    page = alice.get("/p/acme/items/1").text
    assert 'they moved to <a href="/p/acme/items/2">#2</a>' in page
    assert 'data-key="y"' not in page


def test_a_decision_on_an_item_whose_reports_were_all_taken_back_is_refused(
    alice: Browser, db: Database, item: Callable[[], Item]
) -> None:
    with db.write() as session:
        session.query(Item).filter_by(number=1).one().feedback_count = 0
    answer = alice.move(1, "acceptance")
    assert answer.status_code == 409
    assert "No report is in it any more" in answer.text
    assert item().state == "new"
