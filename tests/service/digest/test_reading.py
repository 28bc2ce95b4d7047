"""What a digest says when it is read: frozen numbers, today's words, and sentences for every size of week."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest
from sqlalchemy import delete, update

from builders import Feed, Written, a_member, an_item, done_to, feedback_of, on, rated
from heedback_service.flow.deliver import deliver_next
from heedback_service.flow.digest import WEEKLY
from heedback_service.flow.digest_mail import as_html, as_text
from heedback_service.flow.digest_view import View, view
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import DigestRun, Item, Project
from support import NOW, an_output, make_id, some_feedback

PERIOD = "2026-W46"
MONDAY_SEVEN = NOW - timedelta(days=2, hours=6)
Read = Callable[..., View]


@pytest.fixture
def read(db: Database, project: Project) -> Read:
    def read(base: str | None = "https://f.example") -> View:
        with db.read() as session:
            run = session.get_one(DigestRun, (project.id, WEEKLY, PERIOD))
            return view(session, project, run, base)

    return read


def test_an_empty_week_says_so(written: Written, read: Read) -> None:
    written()
    shown = read()
    assert shown.subject == "Feedback 9–15 Nov: nobody rated anything"
    text = as_text(shown)
    assert "Nobody rated anything in the week of 9–15 November. No outputs arrived either" in text.replace("\xa0", " ")
    assert "FIRST ON THE LIST" not in text


def test_a_week_of_outputs_that_nobody_rated_says_how_many_saw_them(feed: Feed, written: Written, read: Read) -> None:
    feed(*[an_output(n, minutes=on(11), user=f"p{n % 2}") for n in range(4)])
    written()
    assert "4 outputs were shown to 2 people." in as_text(read()).replace("\xa0", " ")


def test_one_of_each_is_said_in_the_singular(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann", comment="The VAT is missing here"))
    with db.write() as session:
        an_item(session, project, 1, feedback_of(session, project))
    written()
    shown = read()
    assert shown.subject == "Feedback 9–15 Nov: 1 new, 1 needs you"
    text = as_text(shown).replace("\xa0", " ")
    assert "1 new item; 1 item needs a decision." in text
    assert "1 of 1 output rated down" in text
    assert "1 person, new: 1 report so far" in text
    assert not re.search(r"\b1 (people|items|outputs|ratings|reports)\b", text)


def test_rates_are_said_only_of_enough_outputs_and_with_their_range(feed: Feed, written: Written, read: Read) -> None:
    for n in range(40):
        feed(*rated(n, 10, f"p{n}", up=n >= 10))
        feed(*rated(100 + n, 3, f"p{n}", up=n >= 38))
    written()
    down, people = read().figures
    assert (down.value, down.meaning) == ("25\xa0%", "of outputs rated down, was 95\xa0% of 40")
    sentences = down.detail.replace("\xa0", " ").removesuffix(".").split(". ")
    assert sentences[0] == "10 of 40 outputs, 95 % interval 14 % to 40 %"
    assert sentences[1:] == ["40 ratings in all", "Clearly less than the week before"]
    assert (people.value, people.meaning) == ("40", "people rated, of 40 who were shown an output")
    notes = {day.name: day.rate for day in read().days}
    assert (notes["Monday"], notes["Tuesday"]) == ("–", "25\xa0%")


def test_a_difference_that_can_be_chance_is_called_that(feed: Feed, written: Written, read: Read) -> None:
    for n in range(20):
        feed(*rated(n, 10, f"p{n}", up=n >= 6), *rated(100 + n, 3, f"p{n}", up=n >= 4))
    written()
    assert read().figures[0].detail.endswith("The difference to the week before can be chance.")


def test_nineteen_outputs_are_too_few(feed: Feed, written: Written, read: Read) -> None:
    for n in range(19):
        feed(*rated(n, 10, f"p{n}"))
    written()
    assert read().figures[0].value == "19 of 19"
    assert read().features[0].rate == "19 of 19\xa0outputs rated down, too few to say"


def test_what_was_taken_back_since_is_no_longer_quoted(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann", comment="My name is Ann Example"), *rated(2, 11, "ben", up=True, comment="so helpful!"))
    with db.write() as session:
        an_item(session, project, 1, feedback_of(session, project, "ann"))
    content = written()
    assert "Ann Example" in as_text(read())
    assert "so helpful!" in as_text(read())
    assert "Ann Example" not in str(content)
    feed(some_feedback(3, minutes=0, output_id=make_id(1), user="ann", retracted=True))
    feed(some_feedback(4, minutes=0, output_id=make_id(2), user="ben", comment=None))
    after = as_text(read())
    assert "Ann Example" not in after
    assert "so helpful!" not in after
    assert "2 people rated, of 2" in "".join(f"{f.value} {f.meaning}" for f in read().figures)


def test_a_quote_that_only_repeats_the_title_is_left_out(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(
        *rated(1, 11, "ann", comment="the total leaves out the VAT!"), *rated(2, 11, "ben", comment="No VAT in the sum")
    )
    with db.write() as session:
        for number, person in enumerate(("ann", "ben"), 1):
            an_item(
                session, project, number, feedback_of(session, project, person), title="“The total leaves out the VAT”"
            )
    written()
    assert {entry.number: entry.quote for entry in read().first} == {1: None, 2: "No VAT in the sum"}


def test_an_item_that_is_gone_leaves_its_numbers(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann"))
    with db.write() as session:
        an_item(session, project, 7, feedback_of(session, project))
    written()
    with db.write() as session:
        session.execute(delete(Item))
    (entry,) = read().first
    assert (entry.title, entry.link) == ("Item 7, which is no longer there", None)


def test_a_better_title_is_shown_in_old_digests_too(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann"))
    with db.write() as session:
        item = an_item(session, project, 1, feedback_of(session, project))
        alice = a_member(session, project, "alice")
        item.state, item.resolved_in = "resolved", "prompt v14"
        done_to(session, item, "resolve", alice, MONDAY_SEVEN - timedelta(days=1))
    written()
    with db.write() as session:
        session.execute(update(Item).values(title="VAT is missing"))
    (entry,) = read().resolved
    assert (entry.title, entry.facts) == ("VAT is missing", "fixed in prompt v14; 1\xa0person had reported it")


def test_who_gives_a_quarter_of_the_praise_is_told(feed: Feed, written: Written, read: Read) -> None:
    for n in range(9):
        feed(*rated(n, 10, "fan" if n < 3 else f"p{n}", up=True))
    written()
    assert (read().praise or "").replace("\xa0", " ") == "9 ratings up from 7 people; one of them gave 3."


def test_without_a_public_address_there_are_no_links(
    feed: Feed, written: Written, read: Read, db: Database, project: Project
) -> None:
    feed(*rated(1, 11, "ann"))
    with db.write() as session:
        an_item(session, project, 1, feedback_of(session, project))
    written()
    assert "https://f.example/p/acme/items/1" in as_text(read())
    for text in (as_text(read(None)), as_html(read(None))):
        assert "http" not in text
        assert "/p/acme" not in text
        assert "None" not in text


class Tags(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.seen.add(tag)


def test_hostile_words_are_words_in_every_part_of_the_mail(
    feed: Feed, written: Written, db: Database, project: Project, settings: Settings
) -> None:
    hostile = "<script>alert(1)</script>\"'\r\nBcc: everybody@example.com\u2028{{ 7 * 7 }}"
    feed(*rated(1, 11, "ann", comment=hostile, feature="summary"))
    with db.write() as session:
        session.get_one(Project, project.id).name = hostile
        a_member(session, project, "alice")
        an_item(session, project, 1, feedback_of(session, project), title=hostile)
    written()
    assert deliver_next(db, settings, NOW)
    (file,) = settings.outbox.iterdir()
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    assert mail["Bcc"] is None
    html, text = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert text is not None
    assert "script" not in Tags(html.get_content()).seen
    assert "&lt;script&gt;" in html.get_content()
    assert "{{ 7 * 7 }}" in text.get_content()
