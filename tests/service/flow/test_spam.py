"""Feedback set aside as spam counts nowhere, can be taken back, and every count stays exact."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from engines import Engines
from heedback_service.flow import placement, rollup, spam
from heedback_service.flow.feedback_list import feedback_list
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, ItemFeedback, Project, RollupDay
from support import NOW, an_output, make_id, numbered_ids, some_feedback

SELLS = "BEST SEO BACKLINKS visit http://rank-boost.example/deal"
VAT = "The total leaves out the VAT"
_new_id = numbered_ids(0x10_0000)


class Desk:
    def __init__(self, db: Database, project: Project) -> None:
        self.db, self.project = db, project
        self.hear(*[an_output(n, output=f"Answer {n}") for n in range(1, 9)])

    def hear(self, *events: dict[str, Any], now: datetime = NOW) -> None:
        with self.db.write() as session:
            take(session, self.project, Batch(sent_at=now, events=events), now, _new_id)

    def triage(self, batch: int = 25) -> None:
        while triage_step(self.db, NOW, new_id=_new_id, batch=batch):
            pass
        self.check()

    def check(self) -> None:
        """Roll-ups and items say what the rows say."""
        with self.db.read() as session:
            for differences in (rollup.differences, placement.differences):
                assert differences(session, self.project.id) == []

    def decide(self, feedback_id: UUID, *, is_spam: bool) -> None:
        with self.db.write() as session:
            assert spam.decide(session, self.project.id, feedback_id, is_spam=is_spam, now=NOW)
        self.check()

    def aside(self) -> list[Feedback]:
        with self.db.read() as session:
            return [each.feedback for each in feedback_list(session, self.project.id, kind="spam").said]

    def only(self) -> Feedback:
        with self.db.read() as session:
            return session.scalars(select(Feedback)).one()

    def down(self) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.coalesce(func.sum(RollupDay.down), 0))) or 0

    def counts(self) -> tuple[int, ...]:
        """Rated down, flagged and corrected, by the roll-ups."""
        with self.db.read() as session:
            sums = (func.sum(RollupDay.down), func.sum(RollupDay.flagged), func.sum(RollupDay.corrected))
            return tuple(session.execute(select(*sums)).one())

    def in_items(self) -> int:
        with self.db.read() as session:
            return session.scalar(select(func.count()).select_from(ItemFeedback)) or 0


@pytest.fixture
def desk(db: Database, project: Project) -> Desk:
    return Desk(db, project)


def said(n: int, comment: str | None, **more: Any) -> dict[str, Any]:
    return some_feedback(
        n, **({"output_id": make_id(n % 8 + 1), "down": True, "user": "bot", "comment": comment} | more)
    )


def test_what_sells_is_set_aside_with_the_reason_and_counts_nowhere(desk: Desk) -> None:
    desk.hear(said(11, SELLS), said(12, VAT, user="alice"))
    assert desk.down() == 2
    desk.triage()
    (aside,) = desk.aside()
    assert (aside.comment, aside.counts, aside.spam_by) == (SELLS, False, "rule")
    assert aside.spam_why == "a link, and words that sell: “seo”"
    assert (desk.down(), desk.in_items()) == (1, 1)


def test_a_flag_and_a_correction_that_are_set_aside_count_nowhere_either(desk: Desk) -> None:
    desk.hear(said(11, SELLS, flag=True, correction="A better answer"))
    desk.check()
    assert desk.counts() == (1, 1, 1)
    desk.triage()
    assert desk.counts() == (0, 0, 0)
    desk.decide(desk.only().id, is_spam=False)
    assert desk.counts() == (1, 1, 1)


@pytest.mark.parametrize("batch", [3, 50], ids=["in many steps", "in one"])
def test_a_repeater_is_cut_at_the_limit(desk: Desk, batch: int) -> None:
    desk.hear(*[said(n, VAT, output_id=None, join_key=f"k{n}", minutes=60 - n) for n in range(20, 43)])
    desk.triage(batch)
    assert {each.spam_why for each in desk.aside()} == {"one person said the same over 20 times in a day"}
    assert sorted(each.first_at for each in desk.aside()) == [NOW - timedelta(minutes=n) for n in (20, 19, 18)]


def test_it_stays_aside_when_all_of_it_is_read_again(desk: Desk) -> None:
    """Each output that comes late has its feedback read again: what still waits was said before all the same.

    The newest comes first here, and is read while all that was said before it waits.
    """
    desk.hear(*[said(n, VAT, output_id=make_id(n + 100), minutes=60 - n) for n in range(20, 43)])
    desk.triage()
    for n in range(42, 19, -1):
        desk.hear(an_output(n + 100, output=f"Answer {n}"), now=NOW - timedelta(seconds=n))
    desk.triage(batch=2)
    assert sorted(each.first_at for each in desk.aside()) == [NOW - timedelta(minutes=n) for n in (20, 19, 18)]


def test_what_stops_selling_comes_back_by_itself(desk: Desk) -> None:
    desk.hear(said(11, SELLS))
    desk.triage()
    desk.hear(said(12, VAT, output_id=make_id(11 % 8 + 1), minutes=-1))
    desk.triage()
    assert (desk.aside(), desk.down(), desk.in_items()) == ([], 1, 1)


def test_a_person_takes_it_back_and_no_rule_sets_it_aside_again(desk: Desk) -> None:
    desk.hear(said(11, SELLS))
    desk.triage()
    desk.decide(desk.only().id, is_spam=False)
    assert desk.down() == 1
    desk.triage()
    desk.hear(said(12, SELLS + " now", output_id=make_id(11 % 8 + 1), minutes=-1))
    desk.triage()
    assert (desk.aside(), desk.down(), desk.in_items()) == ([], 1, 1)


def test_a_person_sets_aside_what_no_rule_does_and_that_stays(desk: Desk) -> None:
    desk.hear(said(11, VAT))
    desk.triage()
    desk.decide(desk.only().id, is_spam=True)
    assert desk.down() == 0
    desk.triage()
    desk.hear(said(12, "Still no VAT", output_id=make_id(11 % 8 + 1), minutes=-1))
    desk.triage()
    assert ([each.spam_why for each in desk.aside()], desk.down(), desk.in_items()) == (["a person said so"], 0, 0)


def test_there_is_nothing_to_decide_about_what_is_not_there(desk: Desk) -> None:
    with desk.db.write() as session:
        assert not spam.decide(session, desk.project.id, _new_id(), is_spam=True, now=NOW)


def test_only_what_end_users_say_is_judged(desk: Desk) -> None:
    desk.hear(said(11, SELLS, source="reviewer"))
    desk.triage()
    assert desk.aside() == []


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 8), st.sampled_from([SELLS, VAT, "asdfghjkl", None])),
        st.tuples(st.just("retract"), st.integers(1, 8), st.none()),
        st.tuples(st.just("spam"), st.integers(0, 7), st.booleans()),
        st.tuples(st.just("triage"), st.just(0), st.none()),
    ),
    max_size=8,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(STEPS)
def test_whatever_happens_every_count_is_exact(engines: Engines, steps: Sequence[tuple[str, int, Any]]) -> None:
    with engines.sqlite() as db:
        desk = Desk(db, a_project(db))
        for at, (what, n, value) in enumerate(steps):
            act(desk, 100 + at, what, n, value)
        desk.triage()


def act(desk: Desk, event: int, what: str, n: int, value: Any) -> None:
    match what:
        case "say":
            desk.hear(said(event, value, output_id=make_id(n), minutes=-event))
        case "retract":
            desk.hear(some_feedback(event, output_id=make_id(n), user="bot", retracted=True, minutes=-event))
        case "triage":
            desk.triage()
        case "spam":
            with desk.db.read() as session:
                ids = session.scalars(select(Feedback.id).order_by(Feedback.id)).all()
            if n < len(ids):
                desk.decide(ids[n], is_spam=value)


def a_project(db: Database) -> Project:
    with db.write() as session:
        project = Project(slug="acme", name="Acme Books", timezone="Europe/Oslo", created_at=NOW)
        session.add(project)
    return project
