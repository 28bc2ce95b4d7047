"""The digests' pages: for members, with nothing inline, and a button that stops the mail."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from builders import an_item, feedback_of, rated
from heedback_service.flow import digest
from heedback_service.store.db import Database
from heedback_service.store.tables import Delivery, Item, Member, Project
from people import People
from support import NOW

ONE = "/p/acme/digests/2026-W46"
LIST = "/p/acme/digests"
HOSTILE = "<script>alert(1)</script> & “VAT”"


@pytest.fixture
def written(db: Database, project: Project, people: People, feed: Callable[..., Any]) -> None:
    for n in range(25):
        feed(*rated(n, 11, f"p{n}", up=n > 5, comment="saved me an hour" if n > 5 else HOSTILE))
    with db.write() as session:
        an_item(session, project, 1, feedback_of(session, project, "p0", "p1"), title=HOSTILE)
        an_item(session, project, 2, feedback_of(session, project, "p2"), category="flag:private_data", title="Leak")
        digest.plan(session, project, "2026-W46", NOW - timedelta(hours=1))
    assert digest.write_next(db, NOW - timedelta(hours=1))


@pytest.mark.usefixtures("written")
@pytest.mark.parametrize("path", [LIST, ONE])
def test_members_read_it_a_stranger_gets_404_and_nobody_is_asked_to_sign_in(
    path: str, alice: Any, bob: Any, charlie: Any, nobody: Any
) -> None:
    assert [browser.get(path).status_code for browser in (alice, bob, charlie)] == [200, 200, 404]
    asked = nobody.get(path)
    assert asked.status_code == 303
    assert asked.location.startswith("/signin")


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("period", ["2026-W46", "2026-W99", "nonsense", "2026-W46%00"])
def test_a_week_without_a_digest_is_no_page(period: str, alice: Any) -> None:
    assert alice.get(f"{LIST}/{period}").status_code == 404


def test_a_digest_that_is_only_planned_is_not_shown(db: Database, project: Project, alice: Any) -> None:
    with db.write() as session:
        digest.plan(session, project, "2026-W46", NOW)
    assert alice.get(ONE).status_code == 404
    assert "There is none yet" in alice.get(LIST).text


@pytest.mark.usefixtures("written")
def test_the_list_leads_to_the_page(alice: Any) -> None:
    listed = alice.get(LIST).text
    assert "9–15\xa0November 2026" in listed
    assert "2 new, 2 need you" in listed
    assert f'href="{ONE}"' in listed


@pytest.mark.usefixtures("written")
def test_the_page_has_the_weeks_numbers_and_leads_to_the_items(alice: Any) -> None:
    page = alice.get(ONE).text.replace("\xa0", " ")
    assert '<h1 class="num">2 new, 2 need you</h1>' in page
    assert "24 %" in page
    assert "6 of 25 outputs" in page
    assert 'href="/p/acme/items/1"' in page
    assert 'href="/p/acme/items/2"' in page
    assert "saved me an hour" in page


@pytest.mark.usefixtures("written")
def test_words_of_users_are_escaped_and_nothing_is_inline(alice: Any) -> None:
    answer = alice.get(ONE)
    assert "<script>alert" not in answer.text
    assert "&lt;script&gt;alert(1)" in answer.text
    assert not re.search(r"<[^>]+\s(style|on\w+)=", answer.text)
    assert "<style" not in answer.text
    assert "style-src 'self'" in answer.headers["Content-Security-Policy"]


@pytest.mark.usefixtures("written")
def test_the_page_follows_the_items_words_but_keeps_its_numbers(db: Database, alice: Any) -> None:
    with db.write() as session:
        session.execute(update(Item).where(Item.number == 1).values(title="VAT is missing", people=99))
    page = alice.get(ONE).text.replace("\xa0", " ")
    assert "VAT is missing" in page
    assert "2 people, " in page
    assert "99 people" not in page


@pytest.mark.usefixtures("written")
def test_the_page_says_how_the_mail_went(db: Database, alice: Any) -> None:
    with db.write() as session:
        session.execute(update(Delivery).where(Delivery.recipient.like("alice%")).values(state="sent"))
        refused = {"state": "failed", "error": "recipient refused: 550 <no> such person"}
        session.execute(update(Delivery).where(Delivery.recipient.like("bob%")).values(refused))
    page = alice.get(ONE).text
    assert "Mailed to alice@example.org." in page
    assert "Not mailed to bob@example.org: recipient refused: 550 &lt;no&gt; such person." in page


def wants_mail(db: Database, account: UUID) -> bool:
    with db.read() as session:
        return session.scalar(select(Member.digest).where(Member.account_id == account)) or False


def test_mail_is_stopped_and_started_for_oneself_alone(db: Database, people: People, bob: Any) -> None:
    assert "Stop these mails" in bob.get(LIST).text
    assert bob.post(f"{LIST}/mail/removal", page=LIST).status_code == 303
    assert (wants_mail(db, people.alice), wants_mail(db, people.bob)) == (True, False)
    assert "Mail me the digest" in bob.get(LIST).text
    assert bob.post(f"{LIST}/mail", page=LIST).status_code == 303
    assert wants_mail(db, people.bob)


def test_mail_cannot_be_stopped_by_a_stranger_or_a_foreign_form(
    db: Database, people: People, bob: Any, charlie: Any
) -> None:
    assert charlie.post(f"{LIST}/mail/removal", page="/").status_code == 404
    assert bob.client.post(f"{LIST}/mail/removal", data={}).status_code == 400
    assert wants_mail(db, people.bob)
