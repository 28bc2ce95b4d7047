"""Triage beside intake, purge, decisions and other workers, on PostgreSQL, where all of them run side by side.

Each test stops one of them in the middle, lets another go as far as it gets, and then lets the first go on. SQLite
lets one writer in at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import func, select, text, update

from heedback_service.core.ids import new_id
from heedback_service.flow import aging, backlog, placement, projects, purge, ranking, rollup, triage
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.joining import Board
from heedback_service.store.db import Database
from heedback_service.store.tables import Feature, Feedback, Item, ItemFeedback, Project
from people import settle
from support import NOW, an_output, make_id, some_feedback

pytestmark = pytest.mark.parametrize("db", ["postgresql"], indirect=True)

Event = dict[str, Any]
Between = Callable[[Any, str, Callable[[], Any]], Callable[[], Any]]
VAT = "The total leaves out the VAT"
TRACE = "a" * 32
# The ends differ by two words, which is one too many; the middle differs from each by one.
LEFT = "the quarterly summary leaves out page seven and every single footnote again today"
RIGHT = "the quarterly summary leaves out page seven and every single footnote"
MIDDLE = "the quarterly summary leaves out page seven and every single footnote again"


@pytest.fixture(autouse=True)
def _all_is_true_in_the_end(db: Database, project: Project) -> Iterator[None]:
    yield
    with db.read() as session:
        assert placement.differences(session, project.id) == []
    _triage(db)
    with db.read() as session:
        assert placement.differences(session, project.id) == []
        assert rollup.differences(session, project.id) == []
        lost = select(ItemFeedback.feedback_id).where(ItemFeedback.feedback_id.not_in(select(Feedback.id)))
        assert session.scalars(lost).all() == []
        assert session.scalars(select(Feedback.id).where(Feedback.triaged_at.is_(None))).all() == []
        strays = (
            select(Feedback.id)
            .join(ItemFeedback, ItemFeedback.feedback_id == Feedback.id)
            .join(Item, Item.id == ItemFeedback.item_id)
            .where(Item.feature_id != Feedback.feature_id)
        )
        assert session.scalars(strays).all() == []


@pytest.fixture
def between(db: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Let something else happen, as far as it gets, when a function has returned for the first time.

    Returns what waits for the end of it.
    """
    started: list[Future[Any]] = []
    with ThreadPoolExecutor(1) as pool:

        def arrange(where: Any, name: str, other: Callable[[], Any]) -> Callable[[], Any]:
            real = getattr(where, name)

            def stopped(*args: Any, **named: Any) -> Any:
                found = real(*args, **named)
                if not started:
                    started.append(pool.submit(other))
                    _until_done_or_waiting(db, started[0])
                return found

            monkeypatch.setattr(where, name, stopped)
            return lambda: started[0].result(timeout=30)

        yield arrange
        assert started, "nothing happened in between"
        started[0].result(timeout=30)


def test_feedback_that_intake_merges_away_while_triage_reads_it_is_in_no_item(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_trace(11), by_output(12))
    between(triage, "_told", lambda: _hear(db, project, an_output(1, trace_id=TRACE)))
    _triage(db)


def test_feedback_that_triage_files_while_intake_merges_it_away_is_in_no_item(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_trace(11), by_output(12))
    between(placement, "withdraw", lambda: _step(db))
    _hear(db, project, an_output(1, trace_id=TRACE))


@pytest.mark.parametrize("when", ["_unread", "_told"])
def test_feedback_that_moves_to_another_feature_while_triage_reads_it_gets_there(
    db: Database, project: Project, between: Between, when: str
) -> None:
    """And another worker, who finds it there at once, does not stumble over the first."""
    _hear(db, project, by_trace(11))
    moved = an_output(1, feature="chat", trace_id=TRACE)
    between(triage, when, lambda: (_hear(db, project, moved), _step(db)))
    _triage(db)


def test_feedback_that_intake_merges_away_leaves_its_item_while_others_join_it(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_trace(11), by_output(12))
    _triage(db)
    _hear(db, project, by_output(13, output=3, user="bob"))
    between(ranking, "refresh", lambda: _hear(db, project, an_output(1, trace_id=TRACE)))
    _step(db)


def test_two_that_merge_feedback_away_and_name_new_versions_do_not_wait_for_each_other(
    db: Database, project: Project, between: Between
) -> None:
    """One names a version before it takes feedback out of its item, the other one after."""
    other = "b" * 32
    _hear(db, project, by_trace(11), by_output(12), by_trace(13, other), by_output(14, output=4))
    _triage(db)
    first = an_output(4, trace_id=other, prompt_version="v1")
    between(placement, "withdraw", lambda: _hear(db, project, first))
    later = by_output(15, output=5) | {"context": {"prompt_version": "v2"}}
    _hear(db, project, an_output(1, trace_id=TRACE), later)


def test_feedback_leaves_an_item_of_another_feature_while_others_join_it(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_trace(11), by_output(12, output=2))
    _triage(db)
    _hear(db, project, by_output(13, output=3, user="bob"))
    _hear(db, project, an_output(1, feature="chat", trace_id=TRACE), now=NOW + timedelta(seconds=1))
    between(ranking, "_people", lambda: _step(db))
    _step(db)


def test_purged_feedback_leaves_an_item_of_another_feature_while_others_join_it(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_trace(11), by_output(12, output=2))
    _triage(db)
    _hear(db, project, by_output(13, output=3, user="bob"))
    _hear(db, project, an_output(1, feature="chat", trace_id=TRACE), now=NOW + timedelta(seconds=1))
    between(ranking, "_people", lambda: _purge(db, project))
    _step(db)
    _purge(db, project)
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Feedback)) == 2


@pytest.mark.parametrize("decision", ["accept", "assign"])
def test_an_item_that_somebody_decides_about_while_it_is_to_be_merged_stays(
    db: Database, project: Project, between: Between, decision: str
) -> None:
    """Or the decision comes too late, and is refused."""
    _hear(db, project, by_output(11, LEFT), by_output(12, RIGHT, output=2))
    _triage(db)
    _hear(db, project, by_output(13, MIDDLE, output=3))
    actor = _member(db, project)
    decided = []

    def decide() -> None:
        with db.write() as session:
            item = backlog.find_item(session, project.id, 2)
            assert item is not None
            if backlog.changed_since(session, item, None) is None:
                how = {"owner": actor} if decision == "assign" else {}
                getattr(backlog, decision)(session, item, actor, NOW, new_id, **how)
                decided.append(item.id)

    between(Board, "_joined", decide)
    _triage(db)
    with db.read() as session:
        held = dict(session.execute(select(Item.id, Item.feedback_count)).all())
    assert all(held[item_id] for item_id in decided)


def test_a_decision_made_just_before_an_item_is_to_be_merged_counts(
    db: Database, project: Project, between: Between
) -> None:
    """Triage waits for it, and then sees all of it: such an item takes in the other one."""
    _hear(db, project, by_output(11, LEFT), by_output(12, RIGHT, output=2))
    _triage(db)
    _hear(db, project, by_output(13, MIDDLE, output=3))
    actor = _member(db, project)
    finished = between(backlog, "find_item", lambda: _step(db))
    with db.write() as session:
        item = backlog.find_item(session, project.id, 2)
        assert item is not None
        backlog.assign(session, item, actor, NOW, new_id, owner=actor)
    finished()
    assert _counts(db) == {1: 0, 2: 3}


def test_counts_that_triage_changes_while_items_are_prioritised_are_kept(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_output(11))
    _triage(db)
    _hear(db, project, by_output(12, output=2))
    between(ranking, "_people", lambda: _step(db))
    with db.write() as session:
        aging.reprioritise(session, NOW + timedelta(hours=7))


def test_weights_that_are_set_while_an_item_is_ranked_reach_it(
    db: Database, project: Project, between: Between
) -> None:
    _hear(db, project, by_output(11))
    _triage(db)
    _hear(db, project, by_output(12, output=2))
    finished = between(ranking, "_weights", lambda: _weigh(db, project, people=2))
    _triage(db)
    assert finished() is None
    with db.write() as session:
        aging.reprioritise(session, NOW + timedelta(minutes=2))
    with db.read() as session:
        assert [item.factors["weights"] for item in session.scalars(select(Item))] == [{"people": 2}]


def test_what_somebody_works_on_is_woken_and_prioritised_later(db: Database, project: Project) -> None:
    """Nobody waits for an item while others may wait for theirs."""
    _hear(db, project, by_output(11), by_output(12, "It takes forever to load", output=2))
    _triage(db)
    with db.write() as session:
        session.execute(update(Item).values(snoozed_until=NOW))
    with ThreadPoolExecutor(1) as pool, db.write() as session:
        backlog.find_item(session, project.id, 1)
        assert pool.submit(_wake, db).result(timeout=10)
    assert _snoozed(db) == [1]
    with ThreadPoolExecutor(1) as pool, db.write() as session:
        session.execute(select(Feature).with_for_update())
        assert not pool.submit(_prioritise, db).result(timeout=10)
    assert _prioritise(db)


def by_trace(n: int, trace: str = TRACE) -> Event:
    return some_feedback(n, down=True, trace_id=trace, user="ann", comment=VAT)


def by_output(n: int, comment: str = VAT, output: int = 1, user: str = "ann") -> Event:
    return some_feedback(n, down=True, output_id=make_id(output), user=user, comment=comment)


def _hear(db: Database, project: Project, *events: Event, now: datetime = NOW) -> None:
    with db.write() as session:
        take(session, project, Batch(NOW, events), now, new_id)


def _purge(db: Database, project: Project) -> None:
    """One step: the outputs go first, with what was said about them."""
    with db.write() as session:
        purge.purge_step(session, project.id, NOW + timedelta(days=1000))


def _step(db: Database) -> bool:
    return triage.triage_step(db, NOW + timedelta(minutes=1), new_id=new_id)


def _triage(db: Database) -> None:
    while _step(db):
        pass


def _wake(db: Database) -> bool:
    with db.write() as session:
        return aging.wake_due(session, NOW, new_id=new_id)


def _prioritise(db: Database) -> bool:
    with db.write() as session:
        return aging.reprioritise(session, NOW + timedelta(hours=7))


def _weigh(db: Database, project: Project, **named: float) -> Any:
    with db.write() as session:
        return projects.set_weights(session, session.get_one(Project, project.id), named)


def _member(db: Database, project: Project) -> UUID:
    with db.write() as session:
        return settle(session, project.id).alice


def _counts(db: Database) -> dict[int, int]:
    with db.read() as session:
        return dict(session.execute(select(Item.number, Item.feedback_count)).all())


def _snoozed(db: Database) -> list[int]:
    with db.read() as session:
        return list(session.scalars(select(Item.number).where(Item.snoozed_until.is_not(None))))


def _until_done_or_waiting(db: Database, other: Future[Any]) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1000):
        if wait([other], timeout=0.01).done:
            return
        with db.read() as session:
            if session.scalar(waiting):
                return
    raise AssertionError("it neither ended nor waited for a lock")
