"""A replay groups history by today's rules, says so before, and undoes nothing that people did."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from correcting import SLOW, TYPO, VAT, Desk
from engines import Engines
from heedback_service.flow import backlog, corrections, replay
from heedback_service.flow.replay import Plan
from heedback_service.store.db import Database
from heedback_service.store.tables import ItemEvent, ItemFeedback, ItemKey, Project
from support import NOW

# Each end differs from the middle by one word, and the ends from each other by two, which is one too many.
LEFT = "the quarterly summary leaves out page seven and every single footnote again today"
MIDDLE = "the quarterly summary leaves out page seven and every single footnote again"
RIGHT = "the quarterly summary leaves out page seven and every single footnote"


@pytest.fixture
def desk(db: Database) -> Desk:
    return Desk(db)


def plan(desk: Desk, at: float | None = None) -> Plan:
    with desk.db.read() as session:
        (only,) = replay.plans(session, desk.project.id, NOW, at)
        return only


def apply(desk: Desk) -> int:
    done = 0
    for change in plan(desk).changes:
        with desk.db.write() as session:
            done += replay.apply(session, desk.project.id, change, NOW, desk.new_id)
    desk.check()
    return done


def set_threshold(desk: Desk, at: float) -> None:
    with desk.db.write() as session:
        session.execute(update(Project).values(join_at=at))


def test_a_higher_threshold_splits_what_joined_and_a_lower_one_joins_it_again(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO, c=SLOW, d=VAT)
    assert plan(desk).changes == ()
    set_threshold(desk, 1.0)
    tried = plan(desk)
    assert (tried.feature, tried.reports, tried.splits, tried.joins, tried.moves, tried.kept) == (
        "summary",
        4,
        1,
        0,
        1,
        0,
    )
    assert desk.parts() == {1: "a b d", 2: "c"}  # nothing was changed yet
    assert apply(desk) == 1
    assert desk.parts() == {1: "a d", 2: "c", 3: "b"}
    desk.told(e=TYPO)
    assert desk.parts() == {1: "a d", 2: "c", 3: "b e"}
    set_threshold(desk, 0.88)
    assert (plan(desk).joins, plan(desk).moves) == (1, 2)
    apply(desk)
    assert desk.parts() == {1: "a b d e", 2: "c"}
    assert plan(desk).changes == ()
    with desk.db.read() as session:
        merged = session.scalars(select(ItemEvent.after).where(ItemEvent.verb == "merged")).all()
    assert merged == [{"into": 1}]


def test_a_threshold_can_be_tried_without_being_the_project_s(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO)
    assert plan(desk, 1.0).splits == 1
    assert plan(desk).changes == ()


def test_what_held_an_item_together_and_is_gone_lets_it_come_apart(desk: Desk) -> None:
    """Read again one by one, either half would go on holding the other."""
    desk.told(a=LEFT, b=LEFT, c=RIGHT, d=RIGHT, e=MIDDLE)
    assert desk.parts() == {1: "a b c d e"}
    set_threshold(desk, 0.99)
    apply(desk)
    assert sorted(desk.parts().values()) == ["a b", "c d", "e"]


@pytest.mark.parametrize("decision", ["accept", "merge", "move", "not_same"])
def test_no_decision_of_a_person_is_undone(desk: Desk, decision: str) -> None:
    desk.told(a=VAT, b=TYPO, c=SLOW)
    if decision == "accept":
        desk.do(backlog.accept, 1)
    elif decision == "merge":
        desk.do(corrections.merge, 2, into=1)
    elif decision == "move":
        desk.do(corrections.move, 1, feedback=["b"], to=2)
    else:
        desk.do(corrections.not_same, 1, other=2)
    before = desk.parts()
    for at in (1.0, 0.7):
        set_threshold(desk, at)
        assert apply(desk) == 0
        assert desk.parts() == before


def test_an_item_that_people_decided_about_takes_in_what_nobody_touched(desk: Desk) -> None:
    set_threshold(desk, 1.0)
    desk.told(a=VAT, b=TYPO)
    desk.do(backlog.accept, 2)
    set_threshold(desk, 0.88)
    assert plan(desk).kept == 1
    apply(desk)
    assert desk.parts() == {2: "a b"}


def test_what_somebody_decided_after_the_plan_was_made_stays(desk: Desk) -> None:
    desk.told(a=VAT, b=TYPO)
    set_threshold(desk, 1.0)
    (change,) = plan(desk).changes
    desk.do(backlog.accept, 1)
    with desk.db.write() as session:
        assert not replay.apply(session, desk.project.id, change, NOW, desk.new_id)
    assert desk.parts() == {1: "a b"}


def test_items_of_an_older_version_are_found_by_today_s_keys_again(desk: Desk) -> None:
    desk.told(a=VAT, b=SLOW)
    with desk.db.write() as session:
        session.execute(update(ItemFeedback).values(grouping_version=0))
        today = set(session.scalars(select(ItemKey.key)))
        session.execute(update(ItemKey).values(key=ItemKey.key / 2))
    with desk.db.read() as session:
        old = replay.outdated(session, desk.project.id)
    assert len(old) == 2
    for feature_id, item_id in old:
        with desk.db.write() as session:
            replay.renew(session, desk.project.id, feature_id, item_id)
    with desk.db.read() as session:
        assert replay.outdated(session, desk.project.id) == []
        assert set(session.scalars(select(ItemKey.key))) == today
    desk.told(c=TYPO)
    assert desk.parts() == {1: "a c", 2: "b"}


@pytest.fixture(scope="session")
def fresh(engines: Engines) -> Callable[[], AbstractContextManager[Desk]]:
    @contextmanager
    def make() -> Iterator[Desk]:
        with engines.sqlite() as db:
            yield Desk(db)

    return make


TEXTS = st.sampled_from([None, "no vat", VAT, TYPO, SLOW, LEFT, MIDDLE, RIGHT])


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(said=st.lists(TEXTS, min_size=1, max_size=7), at=st.sampled_from([0.8, 0.93, 1.0]))
def test_a_replay_makes_of_history_what_triage_would_have_made_and_then_has_nothing_to_do(
    fresh: Callable[[], AbstractContextManager[Desk]], said: list[str | None], at: float
) -> None:
    with fresh() as desk, fresh() as other:
        people = dict(zip("abcdefg", said, strict=False))
        desk.told(**people)
        assert plan(desk).changes == ()
        for each in (desk, other):
            set_threshold(each, at)
        other.told(**people)
        apply(desk)
        assert sorted(desk.parts().values()) == sorted(other.parts().values())
        assert plan(desk).changes == ()
