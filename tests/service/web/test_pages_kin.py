"""What is perhaps the same, on the page of an item: merged or kept apart by a button, and taken back by undo."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from browsing import Browser, Clock
from heedback_service.flow.intake import Taken
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Candidate, Item, Project
from people import People
from support import NOW, an_output, make_id, numbered_ids, some_feedback

SAID = ("The total leaves out the VAT", "Where is the value added tax in the sum", "Nobody adds VAT to the total here")


@pytest.fixture
def desk(db: Database, project: Project, feed: Callable[..., Taken], people: People, clock: Clock) -> None:
    """#1, #2 and #3, of which #3 may repeat #1, or else #2."""
    feed(an_output(1))
    for n, comment in enumerate(SAID, start=11):
        feed(some_feedback(n, down=True, output_id=make_id(1), user=f"u-{n}", comment=comment))
    ids = numbered_ids(0x10_0000)
    while triage_step(db, NOW, new_id=ids):
        pass
    clock.now = NOW + timedelta(minutes=1)
    with db.write() as session:
        one, two, three = session.scalars(select(Item.id).order_by(Item.number))
        for other, score in ((one, 0.6), (two, 0.5)):
            row = {"project_id": project.id, "item_id": three, "other_id": other}
            session.add(Candidate(**row, score=score, why=["vat"], grouping_version=1))


def kin(browser: Browser) -> list[tuple[str, str]]:
    """The numbers of what is perhaps the same as #3, with the keys beside each."""
    page = browser.get("/p/acme/items/3").text
    section = re.search(r'aria-labelledby="kin-title".*?</section>', page, re.S)
    listed = re.findall(r"<li>.*?</li>", section[0], re.S) if section else []
    return [(re.search(r"#(\d)</a>", each)[1], "".join(re.findall(r'data-key="(.)"', each))) for each in listed]  # type: ignore[index]


def counts(db: Database) -> list[int]:
    with db.read() as session:
        return list(session.scalars(select(Item.feedback_count).order_by(Item.number)))


def test_each_candidate_has_buttons_and_the_first_the_keys(bob: Browser, desk: None) -> None:
    assert kin(bob) == [("1", "md"), ("2", "")]
    page = bob.get("/p/acme/items/3").text
    tokens = re.findall(r'name="csrf_token" value="([^"]+)"', page)
    assert len(tokens) == page.count('method="post"') > 4  # in every form, those of candidates too


def test_what_is_less_likely_is_folded_away_and_has_no_keys(bob: Browser, db: Database, desk: None) -> None:
    with db.write() as session:
        for each in session.scalars(select(Candidate).where(Candidate.score == 0.5)):
            each.score = 0.09
    assert kin(bob) == [("1", "md"), ("2", "")]
    folded = re.search(r"<summary>1 less likely</summary>.*?</details>", bob.get("/p/acme/items/3").text, re.S)
    assert folded is not None
    assert re.findall(r"#(\d)</a>", folded[0]) == ["2"]
    with db.write() as session:
        session.execute(update(Candidate).values(score=0.05))
    assert [keys for _, keys in kin(bob)] == ["", ""]  # a key must not press what nobody sees


def test_a_merge_goes_on_to_the_next_item_and_undo_puts_the_reports_back(
    bob: Browser, db: Database, desk: None
) -> None:
    answer = bob.move(3, "merge", other="1", view="all")
    assert (answer.status_code, counts(db)) == (303, [2, 1, 0])
    assert answer.location in ("/p/acme/items/1?view=all", "/p/acme/items/2?view=all")
    assert "Merged: " in bob.get(answer.location).text
    assert kin(bob) == []
    bob.move(3, "undo")
    assert (counts(db), kin(bob)) == ([1, 1, 1], [("1", "md"), ("2", "")])


def test_what_is_not_the_same_makes_room_for_the_next_until_that_is_taken_back(
    bob: Browser, db: Database, desk: None
) -> None:
    answer = bob.move(3, "difference", other="1")
    assert (answer.status_code, answer.location, counts(db)) == (303, "/p/acme/items/3", [1, 1, 1])
    assert "Kept apart: " in bob.get(answer.location).text
    assert kin(bob) == [("2", "md")]
    bob.move(3, "undo")
    assert kin(bob) == [("1", "md"), ("2", "")]


@pytest.mark.parametrize(
    ("other", "status"), [("9", 404), ("3", 409), ("", 400), ("-1", 400), ("one", 400), ("9999999999", 400)]
)
@pytest.mark.parametrize("name", ["merge", "difference"])
def test_what_is_no_other_item_is_refused(
    bob: Browser, db: Database, desk: None, name: str, other: str, status: int
) -> None:
    assert bob.move(3, name, other=other).status_code == status
    assert counts(db) == [1, 1, 1]


def test_a_page_from_before_somebody_decided_merges_nothing(
    alice: Browser, bob: Browser, db: Database, desk: None
) -> None:
    alice.move(3, "acceptance")
    answer = bob.move(3, "merge", other="1", seen="")
    assert (answer.status_code, counts(db)) == (409, [1, 1, 1])
    assert "Alice accepted it" in answer.text
