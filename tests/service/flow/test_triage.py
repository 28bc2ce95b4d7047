"""Triage: feedback becomes items, whatever the order, exactly once, and people's decisions stay."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import OperationalError

from engines import Engines
from heedback_service.core import grouping, nearness, titles
from heedback_service.core.priority import Factors
from heedback_service.core.text import normalise
from heedback_service.flow import aging, placement, ranking, reports, triage
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.triage import CHARACTERS, triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import (
    Feature,
    Feedback,
    Item,
    ItemEvent,
    ItemFeedback,
    ItemKey,
    ItemPerson,
    Project,
)
from support import NOW, an_output, make_id, numbered_ids, some_feedback

VAT = "The total leaves out the VAT"
TYPO = "the total leavs out the VAT!!"
SLOW = "It takes forever to load on my phone"
OUTPUTS = tuple(an_output(n, output=f"Answer {n % 2}", prompt_version="v1") for n in range(1, 5))


class Desk:
    """A service with a few outputs shown; time stands still unless told."""

    def __init__(self, db: Database) -> None:
        self.db = db
        self._new_id = numbered_ids(0x10_0000)
        with db.write() as session:
            self.project = Project(slug="acme", name="Acme Books", timezone="Europe/Oslo", created_at=NOW)
            session.add(self.project)
        self.hear(*OUTPUTS)

    def hear(self, *events: dict[str, Any], now: datetime = NOW) -> None:
        with self.db.write() as session:
            take(session, self.project, Batch(sent_at=now, events=events), now, self._new_id)

    def step(self, now: datetime = NOW, **named: Any) -> bool:
        return triage_step(self.db, now, **({"new_id": self._new_id} | named))

    def triage(self, now: datetime = NOW, **named: Any) -> None:
        while self.step(now, **named):
            pass

    def items(self) -> list[Item]:
        with self.db.read() as session:
            held = select(Item).where(Item.feedback_count > 0).order_by(Item.number)
            return list(session.scalars(held))

    def item(self) -> Item:
        (only,) = self.items()
        return only

    def verbs(self) -> list[str]:
        with self.db.read() as session:
            return list(session.scalars(select(ItemEvent.verb).order_by(ItemEvent.id)))

    def people(self) -> dict[int, dict[str, int]]:
        with self.db.read() as session:
            rows = session.execute(
                select(Item.number, ItemPerson.person, ItemPerson.n).join(ItemPerson, ItemPerson.item_id == Item.id)
            )
            found: dict[int, dict[str, int]] = {}
            for number, person, n in rows:
                found.setdefault(number, {})[person] = n
            return found

    def change(self, **values: Any) -> None:
        with self.db.write() as session:
            session.execute(update(Item).values(**values))

    def parts(self) -> set[tuple[frozenset[str], int, str, int, int]]:
        """What triage made of it all, without numbers and titles."""
        with self.db.read() as session:
            query = select(ItemFeedback.item_id, Feedback.subject, Feedback.person_key).join(
                Feedback, Feedback.id == ItemFeedback.feedback_id
            )
            held: dict[Any, set[str]] = {}
            for item_id, subject, person in session.execute(query):
                held.setdefault(item_id, set()).add(f"{subject} {person}")
        return {
            (frozenset(held[item.id]), item.people, item.category, item.severity, item.priority)
            for item in self.items()
        }


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


def down(n: int, comment: str | None = None, user: str | None = None, output: int = 1, **more: Any) -> dict[str, Any]:
    return some_feedback(n, down=True, output_id=make_id(output), user=user or f"u-{n}", comment=comment, **more)


def test_near_copies_become_one_item_and_strangers_another(desk: Desk) -> None:
    desk.hear(down(11, VAT), down(12, TYPO, output=2), down(13, SLOW))
    desk.triage()
    vat, slow = desk.items()
    assert (vat.title, vat.people, vat.feedback_count) == (f"“{VAT}”", 2, 2)
    assert (vat.category, vat.category_why) == ("down:incomplete", "from the words “leaves out”")
    assert (slow.category, slow.severity) == ("down:slow_or_broken", 2)
    assert [vat.number, slow.number] == [1, 2]
    assert desk.verbs() == ["created", "created"]


def test_praise_is_read_and_makes_no_item(desk: Desk) -> None:
    desk.hear(some_feedback(11, up=True, output_id=make_id(1), user="u", comment="Lovely, thanks"))
    desk.triage()
    assert desk.items() == []
    with desk.db.read() as session:
        assert session.scalar(select(func.count()).where(Feedback.triaged_at.is_(None))) == 0


@pytest.mark.parametrize(
    "said",
    [
        {"flag": True, "flag_reasons": ["private_data"]},
        {"rating": {"value": 0, "scale": "thumbs"}},
        {"correction": "Total 1,428.00"},
        {"comment": "There is no VAT in it"},
        {"rating": {"value": 3, "scale": "stars"}, "comment": "There is no VAT in it"},
        {"rating": {"value": 1, "scale": "thumbs"}, "flag": True},
    ],
)
def test_a_flag_a_thumb_down_a_correction_and_a_remark_are_work(desk: Desk, said: dict[str, Any]) -> None:
    desk.hear(some_feedback(11, output_id=make_id(1), user="u", **said))
    desk.triage()
    assert desk.item().people == 1


@pytest.mark.parametrize(
    "said", [{"rating": {"value": 3, "scale": "stars"}}, {"asked": True}, {"rating": {"value": 5, "scale": "stars"}}]
)
def test_a_middling_rating_without_words_is_no_work(desk: Desk, said: dict[str, Any]) -> None:
    desk.hear(some_feedback(11, output_id=make_id(1), user="u", **said))
    desk.triage()
    assert desk.items() == []


def test_bare_thumbs_on_one_answer_are_one_item_wherever_it_was_shown(desk: Desk) -> None:
    """Outputs 1 and 3 have one text, output 2 another."""
    desk.hear(down(11, output=1), down(12, output=3), down(13, output=2))
    desk.triage()
    assert [item.feedback_count for item in desk.items()] == [2, 1]
    assert desk.items()[0].title == "Rated down, no words"


def test_nobody_in_particular_counts_as_feedback_and_not_as_a_person(desk: Desk) -> None:
    anonymous = {key: value for key, value in down(11, VAT).items() if key != "user"}
    desk.hear(anonymous, down(12, VAT, output=2))
    desk.triage()
    assert (desk.item().people, desk.item().feedback_count) == (1, 2)


def test_one_person_twice_is_one_person(desk: Desk) -> None:
    desk.hear(down(11, VAT, user="alice"), down(12, VAT, user="alice", output=2))
    desk.triage()
    assert (desk.item().people, desk.item().feedback_count) == (1, 2)
    assert desk.people() == {1: {"alice": 2}}


def test_a_retraction_leaves_and_the_counts_are_exact(desk: Desk) -> None:
    desk.hear(down(11, VAT, user="alice"), down(12, VAT, user="alice", output=2), down(13, VAT, user="bob"))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(2), user="alice", retracted=True, minutes=-1))
    desk.triage()
    assert desk.people() == {1: {"alice": 1, "bob": 1}}
    desk.hear(some_feedback(22, output_id=make_id(1), user="alice", retracted=True, minutes=-1))
    desk.triage()
    assert (desk.item().people, desk.item().feedback_count) == (1, 1)


def test_spam_leaves_wherever_it_was_put(desk: Desk) -> None:
    desk.hear(down(11, VAT), down(12, VAT, output=2))
    desk.triage()
    with desk.db.write() as session:
        session.execute(update(ItemFeedback).values(placed_by="person"))
        spam = session.scalars(select(Feedback.id).order_by(Feedback.id)).first()
        session.execute(update(Feedback).where(Feedback.id == spam).values(spam=True, counts=False, triaged_at=None))
    desk.triage()
    assert desk.item().feedback_count == 1


def test_the_keys_outlive_the_report_that_brought_them(desk: Desk) -> None:
    """The first of two equal reports leaves; a third still joins the second."""
    desk.hear(down(11, VAT), down(12, VAT, output=2))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(1), user="u-11", retracted=True, minutes=-1))
    desk.triage()
    desk.hear(down(13, TYPO, output=3))
    desk.triage()
    assert desk.item().feedback_count == 2


def test_no_key_is_handed_to_a_report_that_moved_to_another_feature(desk: Desk) -> None:
    """It is still in the item when the one leaves that held the keys."""
    later, last, trace = NOW + timedelta(seconds=1), NOW + timedelta(seconds=2), "a" * 32
    desk.hear(down(11, VAT, output=2), some_feedback(12, down=True, trace_id=trace, user="u-12", comment=VAT))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(2), user="u-11", retracted=True, minutes=-1))
    desk.hear(down(13, VAT, output=9, feature="chat"), now=later)
    desk.hear(an_output(7, feature="chat", trace_id=trace), now=last)
    for now in (NOW, later, last):
        desk.triage(now)
    assert desk.item().feedback_count == 2


def test_an_item_that_everybody_left_keeps_its_number_and_finds_nobody(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(1), user="u-11", retracted=True, minutes=-1))
    desk.triage()
    assert desk.items() == []
    with desk.db.read() as session:
        assert session.scalar(select(func.count()).select_from(ItemKey)) == 0
    desk.hear(down(12, VAT, output=2))
    desk.triage()
    assert desk.item().number == 2


def test_feedback_that_changes_moves_to_the_item_of_its_new_words(desk: Desk) -> None:
    desk.hear(down(11, VAT), down(12, VAT, output=2), down(13, SLOW))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(2), user="u-12", comment=SLOW, minutes=-1))
    desk.triage()
    assert [(item.title, item.people) for item in desk.items()] == [(f"“{VAT}”", 1), (f"“{SLOW}”", 2)]


def test_details_that_follow_a_click_stay_in_its_item(desk: Desk) -> None:
    """A thumb down was triaged before its comment came: the item is the same, and now it has words."""
    desk.hear(down(11))
    desk.triage()
    desk.hear(some_feedback(21, output_id=make_id(1), user="u-11", comment=VAT, minutes=-1))
    desk.triage()
    assert (desk.item().number, desk.item().title) == (1, f"“{VAT}”")
    desk.hear(down(12, TYPO, output=2))
    desk.triage()
    assert desk.item().people == 2


def test_two_that_shared_an_item_and_both_changed_part(desk: Desk) -> None:
    desk.hear(down(11, VAT), down(12, VAT, output=2))
    desk.triage()
    desk.hear(
        some_feedback(21, output_id=make_id(1), user="u-11", comment=SLOW, minutes=-1),
        some_feedback(22, output_id=make_id(2), user="u-12", comment="Answers in English to my German", minutes=-1),
    )
    desk.triage()
    assert [(item.number, item.people) for item in desk.items()] == [(1, 1), (2, 1)]


def test_what_a_person_placed_stays_when_its_words_change(desk: Desk) -> None:
    desk.hear(down(11, VAT), down(12, SLOW, output=2))
    desk.triage()
    with desk.db.write() as session:
        session.execute(update(ItemFeedback).values(placed_by="person"))
    desk.hear(some_feedback(21, output_id=make_id(1), user="u-11", comment=SLOW, minutes=-1))
    desk.triage()
    assert [item.title for item in desk.items()] == [f"“{SLOW}”", f"“{SLOW}”"]


def test_a_bridge_joins_two_items_that_nobody_touched(desk: Desk) -> None:
    """The middle report is near both others, which are not near each other."""
    left, right, middle = BRIDGE
    desk.hear(down(11, left), down(12, right, output=2))
    desk.triage()
    assert len(desk.items()) == 2
    desk.hear(down(13, middle, output=3))
    desk.triage()
    assert (desk.item().number, desk.item().people) == (1, 3)
    assert desk.verbs() == ["created", "created", "merged"]
    with desk.db.read() as session:
        assert session.scalars(select(ItemEvent.after).where(ItemEvent.verb == "merged")).one() == {"into": 1}


def test_a_bridge_leaves_apart_what_people_decided_about(desk: Desk) -> None:
    left, right, middle = BRIDGE
    desk.hear(down(11, left), down(12, right, output=2))
    desk.triage()
    desk.change(state="accepted")
    desk.hear(down(13, middle, output=3))
    desk.triage()
    assert [item.people for item in desk.items()] == [2, 1]


def test_an_accepted_item_takes_in_an_older_one_that_nobody_touched(desk: Desk) -> None:
    left, right, middle = BRIDGE
    desk.hear(down(11, left), down(12, right, output=2))
    desk.triage()
    with desk.db.write() as session:
        session.execute(update(Item).where(Item.number == 2).values(state="accepted"))
    desk.hear(down(13, middle, output=3))
    desk.triage()
    assert (desk.item().number, desk.item().people) == (2, 3)


# The ends differ by two words, which is one too many; the middle differs from each by one.
BRIDGE = (
    "the quarterly summary leaves out page seven and every single footnote again today",
    "the quarterly summary leaves out page seven and every single footnote",
    "the quarterly summary leaves out page seven and every single footnote again",
)


def test_a_declined_item_counts_on_and_stays_declined(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    desk.change(state="declined")
    desk.hear(down(12, VAT, output=2))
    desk.triage()
    assert (desk.item().state, desk.item().people) == ("declined", 2)


def test_a_report_on_a_resolved_item_is_told_once(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    desk.change(state="resolved")
    for n in (12, 13):
        desk.hear(down(n, VAT, output=2))
        desk.triage()
    assert desk.item().state == "resolved"
    assert desk.verbs() == ["created", "reported_again"]


def test_a_title_given_by_a_person_stays(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    desk.change(title="VAT", title_by="person")
    desk.hear(down(12, VAT, output=2))
    desk.triage()
    assert (desk.item().title, desk.item().people) == ("VAT", 2)


def test_a_category_given_by_a_person_stays_until_harm_is_flagged(desk: Desk) -> None:
    def filed() -> tuple[str, str]:
        return desk.item().category, desk.item().category_by

    desk.hear(down(11, VAT, reasons=["incorrect"]))
    desk.triage()
    desk.change(category="down:style", category_by="person")
    desk.hear(down(12, VAT, output=2, reasons=["incorrect"]))
    desk.triage()
    assert filed() == ("down:style", "person")
    flagged = down(13, VAT, output=3, reasons=["incorrect"], flag=True, flag_reasons=["private_data"])
    desk.hear(flagged)
    desk.triage()
    assert filed() == ("flag:private_data", "rule")
    desk.hear(some_feedback(14, output_id=make_id(3), user="u-13", flag=False))
    desk.triage()
    assert filed() == ("down:incorrect", "rule")


def test_harm_that_a_person_named_stays_whatever_harm_is_flagged(desk: Desk) -> None:
    desk.hear(down(11, VAT, reasons=["incorrect"]))
    desk.triage()
    desk.change(category="flag:legal", category_by="person")
    desk.hear(down(12, VAT, output=2, reasons=["incorrect"], flag=True, flag_reasons=["private_data"]))
    desk.triage()
    assert (desk.item().category, desk.item().category_by) == ("flag:legal", "person")


def test_a_report_that_joins_does_not_disturb_a_decision(desk: Desk) -> None:
    """The version that guards people's decisions stays as it was."""
    desk.hear(down(11, VAT))
    desk.triage()
    before = desk.item().version
    desk.hear(down(12, VAT, output=2))
    desk.triage()
    assert desk.item().version == before


def test_features_never_mix(desk: Desk) -> None:
    desk.hear(
        an_output(5, feature="chat"),
        down(11, VAT),
        down(12, VAT, output=5, feature="chat"),
    )
    desk.triage()
    assert [item.people for item in desk.items()] == [1, 1]


def test_feedback_that_turns_out_to_be_about_another_feature_moves_there(desk: Desk) -> None:
    """It named a trace whose output, of another feature, came later."""
    trace = "a" * 32
    desk.hear(some_feedback(11, down=True, trace_id=trace, user="u", comment=VAT))
    desk.triage()
    first = desk.item()
    desk.hear(an_output(6, feature="summary", trace_id=trace, prompt_version="v2"))
    desk.triage()
    with desk.db.write() as session:
        chat = Feature(project_id=desk.project.id, id=make_id(900), name="chat", created_at=NOW)
        session.add(chat)
        session.flush()
        session.execute(update(Feedback).values(feature_id=chat.id, triaged_at=None))
    desk.triage()
    assert desk.item().feature_id != first.feature_id


def test_fresh_feedback_is_left_to_settle(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    assert not desk.step(settle=timedelta(seconds=30))
    assert desk.step(NOW + timedelta(seconds=30), settle=timedelta(seconds=30))


def test_the_feature_whose_feedback_has_waited_longest_comes_first(desk: Desk) -> None:
    """However many others wait, and whatever their keys."""
    later = NOW + timedelta(seconds=1)
    waiting = [f"feature-{n}" for n in range(210)]
    desk.hear(*(an_output(1000 + n, feature=name) for n, name in enumerate(reversed(waiting))))
    desk.hear(down(11, VAT, output=1000))
    desk.hear(*(down(1000 + n, VAT, output=1000 + n) for n in range(1, 210)), now=later)
    with desk.db.write() as session:
        last = session.scalars(select(Feature).order_by(Feature.project_id.desc(), Feature.id.desc())).first()
        assert last is not None
        longest = session.scalars(select(Feedback).order_by(Feedback.id)).first()
        assert longest is not None
        longest.feature_id, longest.changed_at = last.id, NOW - timedelta(hours=1)
    desk.step(later, batch=1)
    assert desk.item().feature_id == last.id


def test_no_worker_takes_a_feature_that_another_holds() -> None:
    """SQLite has one writer anyway; PostgreSQL passes over locked features, and lets intake refer to them."""
    claim = str(triage._claiming("postgresql").compile(dialect=postgresql.dialect()))
    assert claim.rstrip().endswith("FOR NO KEY UPDATE OF features SKIP LOCKED")


@pytest.mark.parametrize("column", ["reasons", "flag_reasons"])
@pytest.mark.parametrize("stored", [[None, "incorrect"], [1, ["x"], "incorrect"], {"a": 1}, "incorrect", 7])
def test_stored_reasons_that_are_none_count_for_nothing(desk: Desk, column: str, stored: Any) -> None:
    desk.hear(down(11, VAT), down(12, TYPO, output=2))
    with desk.db.write() as session:
        session.execute(update(Feedback).where(Feedback.comment == VAT).values({column: stored, "flag": True}))
    desk.triage()
    assert desk.item().feedback_count == 2


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # PostgreSQL keeps broken JSON out
def test_feedback_that_cannot_be_read_harms_no_neighbour(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged without its words, waits a day, and then is tried again."""
    desk.hear(an_output(5, feature="chat"), *(down(n, VAT, output=n % 4 + 1) for n in range(11, 21)))
    desk.hear(down(31, SLOW, output=5, feature="chat"), now=NOW + timedelta(seconds=1))
    with desk.db.write() as session:
        broken = session.scalars(select(Feedback).order_by(Feedback.id).offset(4)).first()
        assert broken is not None
        session.execute(text("UPDATE feedback SET reasons = '{broken' WHERE person = :who"), {"who": broken.person})
    desk.triage(NOW + timedelta(seconds=1))
    assert [(item.title, item.feedback_count) for item in desk.items()] == [(f"“{VAT}”", 9), (f"“{SLOW}”", 1)]
    assert str(broken.id) in caplog.text
    assert "VAT" not in caplog.text
    with desk.db.write() as session:
        session.execute(text("UPDATE feedback SET reasons = NULL WHERE person = :who"), {"who": broken.person})
    assert not desk.step(NOW + timedelta(hours=23))
    desk.triage(NOW + timedelta(hours=25))
    assert desk.items()[0].feedback_count == 10


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # PostgreSQL keeps broken JSON out
def test_feedback_that_could_not_be_read_is_read_as_soon_as_it_changes(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    with desk.db.write() as session:
        session.execute(text("UPDATE feedback SET reasons = '{broken'"))
    desk.triage()
    with desk.db.write() as session:
        session.execute(text("UPDATE feedback SET reasons = NULL"))
    assert not desk.step()
    desk.hear(some_feedback(21, output_id=make_id(1), user="u-11", comment=SLOW, minutes=-1))
    desk.triage()
    assert desk.item().title == f"“{SLOW}”"


def test_a_batch_that_fails_leaves_nothing_behind(desk: Desk) -> None:
    """When the store fails, nothing is set aside: the next step does it all."""
    desk.hear(down(11, VAT))

    def failing() -> Iterator[UUID]:
        yield make_id(0x30_0000)  # enough for the item, none for its event
        raise OperationalError("INSERT", {}, Exception("disk full"))

    ids = failing()
    with pytest.raises(OperationalError):
        desk.step(new_id=lambda: next(ids))
    desk.triage()
    assert (desk.item().number, desk.item().people) == (1, 1)


SQLITE = pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # elsewhere nobody waits


@SQLITE
@pytest.mark.parametrize("overtaken", [False, True])
def test_texts_are_read_and_compared_before_anybody_has_to_wait(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, overtaken: bool
) -> None:
    """Those that come, and those in the items that they join; also where it all has to be done a second time."""
    caches = (grouping._bands, nearness._compared, reports._judged, titles._opening, normalise)

    def misses() -> int:
        return sum(cache.cache_info().misses for cache in caches)

    desk.hear(*(down(n, text, output=n % 4 + 1) for n, text in enumerate((VAT, SLOW, *BRIDGE), start=11)))
    desk.triage()
    again = [some_feedback(31, output_id=make_id(4), user="u-11", comment=f"{SLOW} again", minutes=-1)]
    desk.hear(down(21, TYPO, output=2), down(22, "Nothing of the kind was said", output=3), *again)
    for cache in caches:  # as after a restart
        cache.cache_clear()
    rehearse, before = ranking.rehearse, []

    def rehearsed(*given: Any) -> None:
        rehearse(*given)
        if overtaken and not before:
            desk.hear(an_output(9))
        before.append(misses())

    monkeypatch.setattr(ranking, "rehearse", rehearsed)
    assert desk.step()
    assert misses() == before[0] > 0
    assert len(before) == 1 + overtaken


@SQLITE
@pytest.mark.parametrize("meanwhile", ["changed", "triaged", "accepted"])
def test_what_others_write_while_texts_are_compared_counts(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    """A report takes other words, another worker was faster, or a person decides about an item that was to merge."""
    left, right, middle = BRIDGE
    desk.hear(down(11, left), down(12, right, output=2))
    desk.triage()
    desk.hear(down(13, middle, output=3))
    between = {
        "changed": lambda: desk.hear(some_feedback(21, output_id=make_id(3), user="u-13", comment=SLOW, minutes=-1)),
        "triaged": lambda: desk.step(),
        "accepted": lambda: desk.change(state="accepted"),
    }
    rehearse = ranking.rehearse

    def rehearsed(*given: Any) -> None:
        monkeypatch.setattr(ranking, "rehearse", rehearse)
        rehearse(*given)
        between[meanwhile]()

    monkeypatch.setattr(ranking, "rehearse", rehearsed)
    desk.triage()
    expected = {"changed": [1, 1, 1], "triaged": [3], "accepted": [2, 1]}
    assert [item.feedback_count for item in desk.items()] == expected[meanwhile]
    with desk.db.read() as session:
        assert placement.differences(session, desk.project.id) == []


@SQLITE
def test_a_store_in_trouble_is_not_taken_for_somebody_who_was_faster(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    with desk.db.write() as session:
        session.execute(text("ALTER TABLE item_events RENAME TO elsewhere"))
    with pytest.raises(OperationalError, match="no such table"):
        desk.step()


@SQLITE
def test_looking_for_work_waits_for_nobody(desk: Desk) -> None:
    with desk.db.write():
        assert not desk.step()


def test_long_texts_make_a_batch_short(desk: Desk) -> None:
    """The store's only writer is busy for a moment at a time."""
    long = " ".join(f"word{n}" for n in range(500))
    desk.hear(*(down(n, f"{n} {long}", output=n % 4 + 1) for n in range(11, 31)))
    desk.step()
    with desk.db.read() as session:
        read = session.scalar(select(func.sum(func.length(Feedback.comment))).where(Feedback.triaged_at.is_not(None)))
    assert 0 < read <= CHARACTERS


def test_a_text_longer_than_a_batch_is_a_batch(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(triage, "CHARACTERS", 5)
    desk.hear(down(11, VAT), down(12, TYPO, output=2))
    desk.triage()
    assert desk.item().people == 2


BOB = ItemPerson.person == "bob"


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (update(Item).values(people=7), "item 1 people: the rows say 2, the item says 7"),
        (update(Item).values(feedback_count=7), "item 1 feedback: the rows say 3, the item says 7"),
        (
            update(ItemPerson).where(ItemPerson.person == "bob").values(n=3),
            "person bob: the rows say 1, the item says 3",
        ),
        (delete(ItemPerson).where(BOB), "person bob: the rows say 1, the item says 0"),
    ],
)
def test_a_count_of_an_item_that_is_changed_by_hand_is_found(desk: Desk, change: Any, line: str) -> None:
    desk.hear(*(down(n, VAT, user=who, output=n - 10) for n, who in ((11, "alice"), (12, "alice"), (13, "bob"))))
    desk.triage()
    with desk.db.write() as session:
        assert placement.differences(session, desk.project.id) == []
        session.execute(change)
    with desk.db.read() as session:
        (found,) = placement.differences(session, desk.project.id)
    assert found.endswith(line)


def test_a_snooze_ends_by_itself(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    desk.change(snoozed_until=NOW + timedelta(days=1))
    with desk.db.write() as session:
        assert not aging.wake_due(session, NOW, new_id=numbered_ids(0x20_0000))
    with desk.db.write() as session:
        assert aging.wake_due(session, NOW + timedelta(days=1), new_id=numbered_ids(0x20_0000))
    assert desk.item().snoozed_until is None
    assert desk.verbs() == ["created", "woke"]


def test_a_priority_falls_as_its_reports_grow_old(desk: Desk) -> None:
    desk.hear(down(11, VAT))
    desk.triage()
    before = desk.item().priority
    later = NOW + timedelta(days=28)
    with desk.db.write() as session:
        assert aging.reprioritise(session, later)
    with desk.db.write() as session:
        assert not aging.reprioritise(session, later)
    assert desk.item().priority < before
    assert Factors.from_json(desk.item().factors).trend.usual is not None


@pytest.mark.parametrize(
    ("people", "factor"), [(["ann", "ann", "ann"], 1), (["ann", "ann", "bob"], 2), ([None, None, None], 2)]
)
def test_one_person_who_comes_back_is_no_rise(desk: Desk, people: list[str | None], factor: float) -> None:
    long_ago = down(11, VAT, minutes=timedelta(weeks=9) / timedelta(minutes=1))
    again = [down(n, VAT, output=n - 10) | {"user": user} for n, user in enumerate(people, start=12)]
    desk.hear(long_ago, *again)
    desk.triage()
    assert Factors.from_json(desk.item().factors).trend.factor == factor


def test_people_of_two_groups_who_agree_make_it_worse(desk: Desk) -> None:
    shown = [an_output(n, user_group=group) for n, group in ((5, "sales"), (6, "legal"))]
    said = [down(n, VAT, output=output, reasons=["style"]) for n, output in ((11, 5), (12, 5), (13, 6))]
    desk.hear(*shown, *said[:2])
    desk.triage()
    assert desk.item().severity == 1
    desk.hear(said[2])
    desk.triage()
    assert (desk.item().severity, desk.item().severity_why) == (
        2,
        "because of how it is written, raised by one: 3 people in 2 user groups say so",
    )


WORDS = st.sampled_from([None, "👎", "wrong", "no vat", VAT, TYPO, SLOW, *BRIDGE])


@st.composite
def _feedback(draw: st.DrawFn, n: int) -> dict[str, Any]:
    said = down(
        n,
        draw(WORDS),
        user=draw(st.sampled_from(["alice", "bob"])),
        output=draw(st.integers(1, 4)),
        minutes=draw(st.sampled_from([0, 20_000])),
        reasons=draw(st.sampled_from([None, ["style"]])),
    )
    return said | draw(st.sampled_from([{}, {}, {"flag": True}, {"retracted": True}, {"rating": None}]))


@st.composite
def _runs(draw: st.DrawFn) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int, int]:
    events = [draw(_feedback(n)) for n in range(100, 100 + draw(st.integers(1, 8)))]
    return events, draw(st.permutations(events)), draw(st.integers(1, 4)), draw(st.integers(1, 4))


Fresh = Callable[[], AbstractContextManager[Desk]]


@pytest.fixture(scope="session")
def fresh(engines: Engines) -> Fresh:
    """Makes desks, each with a file of its own: on PostgreSQL a database for each would take longer than the test."""

    @contextmanager
    def make() -> Iterator[Desk]:
        with engines.sqlite() as db:
            yield Desk(db)

    return make


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_runs())
def test_neither_order_nor_batches_change_what_triage_makes_of_it(
    fresh: Fresh, run: tuple[list[dict[str, Any]], list[dict[str, Any]], int, int]
) -> None:
    """All at once; and shuffled, in small deliveries, in small batches, every feedback read a second time."""
    events, shuffled, delivery, batch = run
    with fresh() as whole, fresh() as pieces:
        whole.hear(*events)
        whole.triage()
        for start in range(0, len(shuffled), delivery):
            pieces.hear(*shuffled[start : start + delivery])
        pieces.triage(batch=batch)
        assert pieces.parts() == whole.parts()
        with pieces.db.write() as session:
            session.execute(update(Feedback).values(triaged_at=None))
        pieces.triage()
        assert pieces.parts() == whole.parts()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_runs())
def test_people_and_reports_are_exact_however_feedback_comes_and_goes(
    fresh: Fresh, run: tuple[list[dict[str, Any]], list[dict[str, Any]], int, int]
) -> None:
    """Triage after every delivery, so that items meet every change of mind."""
    with fresh() as desk:
        _, shuffled, delivery, batch = run
        for start in range(0, len(shuffled), delivery):
            desk.hear(*shuffled[start : start + delivery])
            desk.triage(batch=batch)
        with desk.db.read() as session:
            assert placement.differences(session, desk.project.id) == []
            query = select(ItemFeedback.item_id, Feedback.person, Feedback.counts).join(
                Feedback, Feedback.id == ItemFeedback.feedback_id
            )
            held: dict[Any, list[str]] = {}
            for item_id, person, counts in session.execute(query):
                assert counts
                held.setdefault(item_id, []).append(person)
            for item in session.scalars(select(Item)):
                assert item.people == len(set(held.get(item.id, [])))
                assert item.feedback_count == len(held.get(item.id, []))
            refcounts = session.execute(select(ItemPerson.item_id, ItemPerson.person, ItemPerson.n))
            assert {(item_id, who): n for item_id, who, n in refcounts} == {
                (item_id, who): people.count(who) for item_id, people in held.items() for who in people
            }
