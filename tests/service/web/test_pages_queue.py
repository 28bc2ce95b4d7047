"""The queue, an item and all feedback as people see them."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from browsing import Browser
from furniture import bring_in, make_item, report
from heedback_service.core.ids import new_id
from heedback_service.store.db import Database
from heedback_service.store.tables import Candidate, Feedback, Item, ItemFeedback, Link, Project, Theme
from support import NOW, listening

EVIL = "<script>alert(1)</script> \u202egnp.exe " + "x" * 70_000


@pytest.fixture
def furnished(db: Database, project: Project) -> None:
    """#1 wrong (three reports, one corrected), #2 flagged, #3 declined; and some praise."""
    with db.write() as session:
        wrong = [
            report(
                "u-1",
                1,
                "The total leaves out the VAT",
                asked="Sum it up",
                answered="Total 1,200",
                correction="Total 1,428",
            ),
            report("u-2", 2, "no vat", prompt_version="v13"),
            report("u-3", 30),
        ]
        make_item(session, project, 1, "VAT is missing", bring_in(session, project, "invoices", wrong, 1000))
        flag = [report("u-4", 3, "not my address", down=False, reasons=None, flag=True, flag_reasons=["private_data"])]
        flagged = {"severity": 3, "category": "flag:private_data", "category_why": "1 person flagged it"}
        make_item(
            session, project, 2, "Shows an address", bring_in(session, project, "invoices", flag, 2000), **flagged
        )
        other = bring_in(session, project, "letters", [report("u-5", 4)], 3000)
        make_item(session, project, 3, "Too long", other, state="declined", verdict="by_design")
        bring_in(session, project, "letters", [report("u-6", 5, "Lovely", down=False, up=True, reasons=None)], 4000)


def numbers(page: str) -> list[str]:
    return re.findall(r'data-item="(\d+)"', page)


def test_the_queue_says_how_often_joins_are_right_and_by_how_many_answers(
    furnished: None, db: Database, project: Project, bob: Browser
) -> None:
    assert "About 95\u00a0% of joins are right (likely 76–99): no answers yet" in bob.get("/p/acme/queue").text
    with db.write() as session:
        a, b, c, d = sorted(session.scalars(select(Feedback.id)).all())[:4]
        of = {"project_id": project.id, "actor": new_id(), "at": NOW}
        said = [(a, b, "not_same", 0.95), (a, c, "same", 0.9), (a, d, "same", 0.5), (b, c, "same", None)]
        for one, other, kind, score in said:
            link = Link(feedback_a=one, feedback_b=other, event_id=new_id(), kind=kind, score=score, **of)
            session.add(link)
    page = bob.get("/p/acme/queue?view=all").text
    assert "About 91\u00a0% of joins are right (likely 72–97), by 2\u00a0answers about such pairs<" in page


@pytest.mark.parametrize("who", ["alice", "bob"])
def test_owner_and_maintainer_see_the_view_in_order_with_its_first_item(
    request: pytest.FixtureRequest, furnished: None, who: str
) -> None:
    page = request.getfixturevalue(who).get("/p/acme/queue").text
    assert numbers(page) == ["2", "1"]
    assert '<h1 id="item-title" dir="auto">Shows an address</h1>' in page
    assert re.search(r'data-item="2"[^>]*aria-current="true"', page)


def test_views_are_links_with_their_counts(alice: Browser, furnished: None) -> None:
    page = alice.get("/p/acme/queue?view=declined").text
    assert numbers(page) == ["3"]
    views = re.sub(r"<[^>]+>", "", re.search(r'<nav class="views".*?</nav>', page, re.S)[0]).split()  # type: ignore[index]
    assert views == ["New", "2", "Mine", "Flagged", "1", "Snoozed", "Accepted", "Resolved", "Declined", "1", "All", "3"]


def test_a_view_that_is_none_is_the_first_one(alice: Browser, furnished: None) -> None:
    assert numbers(alice.get("/p/acme/queue?view=nonsense&page=x").text) == ["2", "1"]


def test_an_empty_queue_says_what_that_means(alice: Browser, project: Project) -> None:
    assert "Nothing new" in alice.get("/p/acme/queue").text


def test_an_item_shows_what_people_said_about_which_answer_and_what_it_should_have_been(
    alice: Browser, furnished: None
) -> None:
    page = alice.get("/p/acme/items/1").text
    assert "The total leaves out the VAT" in page
    assert "Sum it up" in page
    assert re.search(r"Total <del>1,200</del><ins>1,428</ins>|Total 1,<del>200</del><ins>428</ins>", page)
    assert len(re.findall(r'class="say" data-feedback="[0-9a-f-]{36}"', page)) == 3
    assert "<bdi>v13</bdi> (1 of 3)" in page


def test_an_item_shows_its_theme_and_which_earlier_items_may_be_the_same(
    alice: Browser, db: Database, project: Project, furnished: None
) -> None:
    page = alice.get("/p/acme/items/2").text
    assert "Perhaps the same" not in page
    with db.write() as session:
        one, two = session.scalars(select(Item).where(Item.number <= 2).order_by(Item.number))
        theme = Theme(
            project_id=project.id, id=new_id(), feature_id=one.feature_id, title="<Bills>", grouping_version=1
        )
        session.add(theme)
        one.theme_id = two.theme_id = theme.id
        tie = {"score": 0.407, "why": ["vat", "<b>"], "grouping_version": 1}
        session.add(Candidate(project_id=project.id, item_id=two.id, other_id=one.id, **tie))
    page = " ".join(alice.get("/p/acme/items/2").text.split())
    assert "<dt>Theme</dt><dd><bdi>&lt;Bills&gt;</bdi> (2 items)</dd>" in page
    assert (
        '#1</a> <bdi>VAT is missing</bdi>: <span class="num">0.41</span>, for <q>vat</q>, <q>&lt;b&gt;</q></p>' in page
    )


def test_a_report_in_another_language_is_marked_and_all_are_read_in_their_own(
    alice: Browser, db: Database, project: Project
) -> None:
    said = [
        report("u-1", 1, "Die Summe enthält keine Mehrwertsteuer", answered="Der Betrag ist ohne Steuer und falsch"),
        report("u-2", 2, "The total leaves out the VAT"),
        report("u-3", 3, "The total is still without VAT"),
    ]
    with db.write() as session:
        make_item(
            session, project, 1, "“Die Summe enthält keine Mehrwertsteuer”", bring_in(session, project, "a", said, 1)
        )
    page = alice.get("/p/acme/items/1").text
    assert page.count('<span class="tag">in ') == page.count('<span class="tag">in German</span>') == 1
    assert '<div class="text" dir="auto" lang="de">Die Summe' in page
    assert '<div class="text" dir="auto" lang="de">Der Betrag' in page
    assert '<div class="text" dir="auto">The total' in page
    assert '<h1 id="item-title" dir="auto" lang="de">' in page
    assert '<strong dir="auto" lang="de">' in page


def test_weights_stand_behind_what_they_weigh(alice: Browser, db: Database, furnished: None) -> None:
    assert "weight" not in alice.get("/p/acme/items/1").text
    with db.write() as session:
        item = session.scalars(select(Item).where(Item.number == 1)).one()
        item.factors = {**item.factors, "weights": {"severity": 2, "freshness": 0}}
    page = " ".join(re.sub(r"<[^>]+>", " ", alice.get("/p/acme/items/1").text).split())
    assert "severity 2 because people say it is incorrect (weight 2) ·" in page
    assert "last report 1 h ago (weight 0: not counted)" in page
    assert page.count("weight") == 2


def test_numbers_say_what_they_are_out_of(alice: Browser, furnished: None) -> None:
    page = " ".join(re.sub(r"<[^>]+>", " ", alice.get("/p/acme/items/1").text).split())
    assert "3 people on 3 of 4 outputs of invoices from 17 Nov to 18 Nov (75 %, likely 30–95)" in page
    assert re.search(r"priority \d+ of 100", page)
    assert "3 of 3 reports came in the last 14 days" in page


def test_each_report_says_why_it_is_here(alice: Browser, db: Database, furnished: None) -> None:
    with db.write() as session:
        session.execute(update(ItemFeedback).values(why="the same words & <b>more</b>"))
    page = alice.get("/p/acme/items/1").text
    assert page.count("Why here: the same words &amp; &lt;b&gt;more&lt;/b&gt;") == page.count("data-feedback=") == 3


def test_an_item_opened_from_elsewhere_stands_in_the_view_where_it_is_listed(alice: Browser, furnished: None) -> None:
    page = alice.get("/p/acme/items/3").text
    assert numbers(page) == ["3"]
    assert re.search(r'data-item="3"[^>]*aria-current="true"', page)


@pytest.mark.parametrize(
    "path", ["/p/acme/items/9", "/p/acme/items/0", "/p/acme/items/x", "/p/acme/feedback?kind=nonsense"]
)
def test_what_is_not_there_is_not_found(alice: Browser, furnished: None, path: str) -> None:
    assert alice.get(path).status_code == 404


def test_hostile_texts_are_shown_as_text_folded_and_in_their_own_direction(
    alice: Browser, db: Database, project: Project
) -> None:
    with db.write() as session:
        said = bring_in(session, project, "chat", [report("<b>u</b>", 1, EVIL[:4096], asked=EVIL, answered=EVIL)], 1000)
        make_item(session, project, 1, EVIL[:200], said)
    for path in ("/p/acme/items/1", "/p/acme/feedback"):
        page = alice.get(path).text
        assert "<script>alert" not in page
        assert "<b>u</b>" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert '<details class="long">' in page
        assert len(page) < 80_000
    assert 'dir="auto">&lt;script&gt;' in alice.get("/p/acme/items/1").text


def test_pages_have_landmarks_one_heading_and_labels(alice: Browser, furnished: None) -> None:
    for path in ("/p/acme/queue", "/p/acme/items/1", "/p/acme/feedback", "/signin"):
        page = alice.get(path).text
        assert page.count("<h1") == 1
        assert page.count("<main") == 1
        assert '<html lang="en">' in page
        unlabelled = re.sub(r"<label.*?</label>", "", page, flags=re.S)
        assert not re.search(r'<(select|textarea|input(?! type="hidden"))', unlabelled)


def test_the_feedback_list_has_praise_and_what_was_taken_back(alice: Browser, db: Database, furnished: None) -> None:
    with db.write() as session:
        session.execute(update(Feedback).where(Feedback.person == "u-5").values(retracted=True, counts=False))
    page = alice.get("/p/acme/feedback").text
    assert len(set(re.findall(r'data-feedback="([0-9a-f-]{36})"', page))) == 6
    assert "Lovely" in page
    assert "taken back" in page
    assert "/p/acme/items/1" in page


def test_the_feedback_list_goes_on_by_its_link(alice: Browser, db: Database, project: Project) -> None:
    with db.write() as session:
        bring_in(session, project, "chat", [report(f"u-{n}", n) for n in range(60)], 1000)
    seen, path = [], "/p/acme/feedback"
    for _ in range(2):
        page = alice.get(path).text
        seen += re.findall(r'data-feedback="([0-9a-f-]{36})"', page)
        link = re.search(r'rel="next" href="([^"]+)"', page)
        path = link[1].replace("&amp;", "&") if link else ""
    assert len(set(seen)) == len(seen) == 60
    assert not path


def test_one_piece_of_feedback_has_a_page_with_all_of_its_texts(alice: Browser, db: Database, project: Project) -> None:
    with db.write() as session:
        said = bring_in(session, project, "chat", [report("u-1", 1, answered="word " * 3000 + "the end")], 1000)
        make_item(session, project, 1, "A problem", said)
    whole = f"/p/acme/feedback/{said[0].id}"
    assert whole in alice.get("/p/acme/items/1").text
    assert "the end" not in alice.get("/p/acme/items/1").text
    assert "the end" in alice.get(whole).text


def test_a_stranger_finds_no_feedback(charlie: Browser, db: Database, furnished: None) -> None:
    with db.read() as session:
        one = session.query(Feedback).first()
    assert one is not None
    assert charlie.get(f"/p/acme/feedback/{one.id}").status_code == 404


def test_a_full_page_takes_a_fixed_number_of_statements(alice: Browser, db: Database, project: Project) -> None:
    with db.write() as session:
        for n in range(1, 31):
            said = bring_in(session, project, "chat", [report(f"u-{n}-{k}", k, "wrong") for k in range(5)], n * 1000)
            make_item(session, project, n, f"Problem {n}", said, first_at=NOW - timedelta(days=n))
    seen: list[str] = []
    with listening(db.engine, "before_cursor_execute", lambda *args: seen.append(args[2])):
        assert len(numbers(alice.get("/p/acme/queue").text)) == 30
        with_thirty = len(seen)
        assert len(numbers(alice.get("/p/acme/queue?page=2").text)) == 0
    assert len(seen) - with_thirty < with_thirty <= 19


def test_an_item_that_lost_its_feedback_leaves_the_queue_but_keeps_its_page(
    alice: Browser, db: Database, furnished: None
) -> None:
    with db.write() as session:
        session.execute(update(Feedback).where(Feedback.person == "u-4").values(retracted=True))
        session.execute(update(Item).where(Item.number == 2).values(feedback_count=0, people=0))
    assert numbers(alice.get("/p/acme/queue").text) == ["1"]
    assert alice.get("/p/acme/items/2").status_code == 200
