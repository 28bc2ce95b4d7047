"""Proposals on the page of an item: shown as what they are, accepted and refused by a button, taken back by undo."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, update

from browsing import Browser
from furniture import bring_in, make_item, report
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, Project, Proposal
from people import People
from support import NOW, make_id

PAGE = "/p/acme/items/2"
IDS = {kind: make_id(n, variant=0xD000) for n, kind in enumerate(("title", "category", "merge"))}


@pytest.fixture
def item(db: Database, project: Project, people: People) -> Callable[[], Item]:
    """#2, as it is in the store: a model proposes a title, a reason, and to merge it into #1."""
    with db.write() as session:
        for n in (1, 2, 3):
            said = bring_in(session, project, "chat", [report(f"u-{n}-{k}", k) for k in range(5 - n)], n * 1000)
            made = make_item(session, project, n, f"Problem {n}", said)
        one, two = session.scalars(select(Item).where(Item.number <= 2).order_by(Item.number))
        row = {"project_id": made.project_id, "item_id": two.id, "model": "<small>", "proposed_at": NOW}
        session.add(Proposal(id=IDS["title"], kind="title", value="<b>Better</b> words", **row))
        session.add(Proposal(id=IDS["category"], kind="category", value="flag:private_data", **row))
        session.add(Proposal(id=IDS["merge"], kind="merge", other_id=one.id, **row))

    def read() -> Item:
        with db.read() as session:
            return session.query(Item).filter_by(number=2).one()

    return read


def decide(browser: Browser, kind: str, word: str, **form: Any) -> Any:
    return browser.move(2, f"proposals/{IDS[kind]}/{word}", **form)


def shown(browser: Browser) -> list[str]:
    """What is proposed, in words, and the keys of each."""
    found = re.findall(r"<li>\n<p>Proposed by.*?</li>", browser.get(PAGE).text, re.S)
    return [html.unescape(" ".join(re.sub(r"<(?!/?kbd)[^>]+>", "", each).split())) for each in found]


def test_proposals_are_marked_as_such_and_the_first_has_the_keys(bob: Browser, item: Callable[[], Item]) -> None:
    first, second, third = shown(bob)
    assert first.startswith("Proposed by <small>: call it <b>Better</b> words Accept <kbd>p</kbd>")
    assert "Refuse <kbd>x</kbd>" in first
    assert second == "Proposed by <small>: file it under private data " + (
        "Accept the proposed category Refuse the proposed category"
    )
    assert third.startswith("Proposed by <small>: merge it into #1 Problem 1 Accept the proposed merge")
    assert shown(bob) != []
    assert "Proposed by" not in bob.get("/p/acme/items/1").text


def test_an_accepted_title_is_the_item_s_and_undo_brings_the_proposal_back(
    bob: Browser, item: Callable[[], Item]
) -> None:
    answer = decide(bob, "title", "acceptance")
    assert (answer.status_code, answer.location) == (303, PAGE)
    assert (item().title, item().title_by) == ("<b>Better</b> words", "person")
    page = bob.get(PAGE).text
    assert "Proposal accepted: <bdi>&lt;b&gt;Better" in page
    assert "renamed it (title proposed by <bdi>&lt;small&gt;</bdi>): it was" in page
    assert "Accept <kbd>p</kbd>" in shown(bob)[0]
    assert len(shown(bob)) == 2
    bob.move(2, "undo")
    assert (item().title, len(shown(bob))) == ("Problem 2", 3)


def test_a_refused_proposal_goes_and_changes_nothing(bob: Browser, item: Callable[[], Item]) -> None:
    assert decide(bob, "category", "refusal").location == PAGE
    assert (item().category, len(shown(bob))) == ("down:incorrect", 2)
    assert "refused a proposal (category proposed by" in bob.get(PAGE).text
    bob.move(2, "undo")
    assert len(shown(bob)) == 3
    assert decide(bob, "category", "acceptance").status_code == 303
    assert (item().category, item().category_by) == ("flag:private_data", "person")
    assert "Filed under private data: a person filed it so." in bob.get(PAGE).text


def test_after_an_accepted_merge_the_next_item_follows(bob: Browser, item: Callable[[], Item]) -> None:
    answer = decide(bob, "merge", "acceptance", view="new")
    assert answer.location == "/p/acme/items/3?view=new"
    assert item().feedback_count == 0
    assert shown(bob) == []
    bob.move(2, "undo")
    assert (item().feedback_count, len(shown(bob))) == (3, 3)


def test_what_was_decided_or_changed_meanwhile_is_refused(
    alice: Browser, bob: Browser, item: Callable[[], Item]
) -> None:
    decide(alice, "title", "refusal")
    for word in ("acceptance", "refusal"):
        answer = decide(bob, "title", word)
        assert (answer.status_code, "This proposal was decided" in answer.text) == (409, True)
    answer = decide(bob, "category", "acceptance", seen="")
    assert (answer.status_code, "Alice refused a proposal." in answer.text) == (409, True)
    assert item().category == "down:incorrect"


def test_a_proposal_of_another_item_or_of_none_is_not_found(bob: Browser, item: Callable[[], Item]) -> None:
    for path in (
        f"1/proposals/{IDS['title']}/acceptance",
        f"2/proposals/{make_id(9)}/refusal",
        "2/proposals/x/refusal",
    ):
        assert bob.post(f"/p/acme/items/{path}", page=PAGE).status_code == 404


def test_a_stranger_decides_nothing(charlie: Browser, item: Callable[[], Item]) -> None:
    for word in ("acceptance", "refusal"):
        assert charlie.post(f"{PAGE}/proposals/{IDS['title']}/{word}", page="/").status_code == 404
    assert item().title == "Problem 2"


def test_a_form_from_elsewhere_is_no_form(bob: Browser, item: Callable[[], Item]) -> None:
    assert bob.client.post(f"{PAGE}/proposals/{IDS['title']}/acceptance").status_code == 400
    assert item().title == "Problem 2"


def test_an_item_without_reports_has_none(bob: Browser, db: Database, item: Callable[[], Item]) -> None:
    with db.write() as session:
        session.execute(update(Item).where(Item.number == 2).values(feedback_count=0))
    assert shown(bob) == []
