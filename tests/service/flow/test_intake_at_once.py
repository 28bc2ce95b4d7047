"""Several connections that take in events about the same outputs, references and people at once, on PostgreSQL.

SQLite lets one writer in at a time: `test_intake_order.py` is all there is to say about it.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, text

from heedback_service.core.ids import new_id
from heedback_service.flow import rollup
from heedback_service.flow.intake import Batch, Taken, take
from heedback_service.flow.locks import take_turns
from heedback_service.store.db import Database
from heedback_service.store.direct import Line
from heedback_service.store.tables import Feature, Feedback, OutputText, PersonDay, Project, RollupDay, Slice
from support import NOW, a_signal, an_output, make_id, some_feedback

pytestmark = pytest.mark.parametrize("db", ["postgresql"], indirect=True)

Event = dict[str, Any]
THREADS = 8


@pytest.mark.parametrize("seed", range(3))
def test_eight_that_send_overlapping_batches_twice_leave_what_one_would(
    db: Database, project: Project, seed: int
) -> None:
    events = _history(random.Random(seed))
    with db.write() as session:
        other = Project(slug="other", name="Other", timezone="Europe/Oslo", created_at=NOW)
        session.add(other)
    _take(db, other, events)
    work = [_batches(random.Random(f"{seed}/{n}"), events) for n in range(THREADS)]
    together = threading.Barrier(THREADS)

    def send(batches: Sequence[Sequence[Event]]) -> int:
        together.wait()
        return sum(_take(db, project, batch).accepted for batch in batches)

    with ThreadPoolExecutor(THREADS) as pool:
        accepted = sum(pool.map(send, work))
    assert accepted == len(events)  # of each event exactly one copy was new
    with db.read() as session:
        assert rollup.differences(session, project.id) == []
    assert _state(db, project) == _state(db, other)


@pytest.mark.parametrize("first", ["output", "feedback"])
@pytest.mark.parametrize("reference", [{"output_id": make_id(1)}, {"trace_id": "a" * 32}, {"join_key": "k"}])
def test_an_output_and_feedback_on_it_that_do_not_see_each_other_are_linked(
    db: Database, project: Project, first: str, reference: Event
) -> None:
    events = {
        "output": an_output(1, trace_id="a" * 32, join_key="k", user="ann"),
        "feedback": some_feedback(2, down=True, user="ann", **reference),
    }
    second = "feedback" if first == "output" else "output"
    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            take(session, project, Batch(NOW, [events[first]]), NOW, new_id)
            waiting = pool.submit(_take, db, project, [events[second]])
            _until_somebody_waits(db)
        waiting.result(timeout=30)
    with db.read() as session:
        assert [row.output_id for row in session.scalars(select(Feedback))] == [make_id(1)]
        assert rollup.differences(session, project.id) == []


def test_whoever_changes_what_a_reference_means_waits_for_feedback_on_the_outputs_that_carry_it(
    db: Database, project: Project
) -> None:
    _take(db, project, [an_output(1, trace_id="a" * 32), some_feedback(2, down=True, user="ann", trace_id="a" * 32)])
    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:  # says more on the row that the second output moves away
            more = some_feedback(3, comment="wrong", user="ann", output_id=make_id(1))
            take(session, project, Batch(NOW, [more]), NOW, new_id)
            waiting = pool.submit(_take, db, project, [an_output(4, trace_id="a" * 32)])
            _until_somebody_waits(db)
        waiting.result(timeout=30)
    with db.read() as session:
        rows = {row.output_id: (row.polarity, row.comment) for row in session.scalars(select(Feedback))}
        assert rows == {None: (-1, None), make_id(1): (None, "wrong")}
        assert rollup.differences(session, project.id) == []


def test_a_carrier_that_came_while_we_waited_is_locked_too(db: Database, project: Project) -> None:
    named = an_output(1, trace_id="a" * 32)
    with ThreadPoolExecutor(1) as pool:
        with db.write() as session:
            take(session, project, Batch(NOW, [named]), NOW, new_id)
            waiting = pool.submit(_locks_of, db, project, [some_feedback(2, trace_id="a" * 32)])
            _until_somebody_waits(db)
        both = waiting.result(timeout=30)
    assert _locks_of(db, project, [some_feedback(3, output_id=make_id(1))]) & both


def test_two_that_meet_new_versions_in_opposite_order_do_not_lock_each_other_out(
    db: Database, project: Project
) -> None:
    """An output makes its slice first, and feedback without an output makes its own after: a circle, if they could."""

    def meeting(n: int, shown: str, said: str) -> list[Event]:
        adrift = some_feedback(n + 1, output_id=make_id(n + 2), down=True, context={"prompt_version": said})
        return [an_output(n, prompt_version=shown), adrift]

    together = threading.Barrier(2)

    def send(first: str, second: str, start: int) -> int:
        taken = 0
        for n in range(30):
            together.wait(timeout=20)
            versions = f"{first}{n}", f"{second}{n}"
            taken += _take(db, project, meeting(start + 10 * n, *versions)).accepted
        return taken

    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(send, "ab", "ba", (1000, 2000)))
    assert taken == [60, 60]


def test_single_events_about_different_things_do_not_wait(db: Database, project: Project) -> None:
    _take(db, project, [an_output(1), an_output(2)])
    with db.write() as session:
        take_turns(Line(session.connection()), project.id, [some_feedback(11, output_id=make_id(1))])
        with ThreadPoolExecutor(1) as pool:
            said = some_feedback(12, output_id=make_id(2), up=True)
            assert pool.submit(_take, db, project, [said]).result(timeout=10).accepted == 1


def _history(chance: random.Random) -> list[Event]:
    """Few outputs, references, people and versions, so that the batches meet all the time."""
    traces, keys, people = ["a" * 32, "b" * 32, None], ["k1", "k2", None], ["u1", "u2", None]
    features = ["summary", "chat", "search"]
    events: list[Event] = []
    for n in range(1, 25):
        about = {"trace_id": chance.choice(traces), "join_key": chance.choice(keys), "user": chance.choice(people)}
        version = chance.choice(["v1", "v2", "v3"])
        shown = {"prompt_version": version, "output": "An answer.", "feature": chance.choice(features)}
        events.append(an_output(n, minutes=chance.choice([0, 1440]), **shown, **about))
    for n in range(100, 160):
        by_id, by_key = {"output_id": make_id(chance.randint(1, 26))}, {"join_key": chance.choice(keys[:2])}
        reference = chance.choice([by_id, by_key, {"trace_id": "a" * 32}])
        words = chance.choice([{"down": True}, {"up": True}, {"comment": f"number {n}"}, {"flag": True}])
        context = {"context": {"prompt_version": f"v{chance.randint(1, 5)}"}}
        said = {"user": chance.choice(people), "feature": chance.choice(features), "minutes": chance.randint(0, 9)}
        events.append(some_feedback(n, **reference, **words, **context, **said))
    names = ["shown", "copied"]
    return events + [a_signal(n, chance.choice(names), chance.randint(1, 26)) for n in range(200, 230)]


def _batches(chance: random.Random, events: Sequence[Event]) -> list[list[Event]]:
    """All of the events, shuffled and cut; some batches are sent again, as after an answer that got lost."""
    shuffled = chance.sample(events, len(events))
    cut: list[list[Event]] = []
    while shuffled:
        size = chance.choice([1, 1, 3, 10, 30])
        cut.append(shuffled[:size])
        shuffled = shuffled[size:]
    return cut + chance.sample(cut, len(cut) // 3)


def _take(db: Database, project: Project, events: Sequence[Event]) -> Taken:
    with db.write() as session:
        return take(session, project, Batch(NOW, events), NOW + timedelta(seconds=1), new_id)


def _locks_of(db: Database, project: Project, events: Sequence[Event]) -> set[int]:
    """The buckets that these events lock."""
    with db.write() as session:
        take_turns(Line(session.connection()), project.id, events)
        held = "SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        return set(session.scalars(text(held)))


def _until_somebody_waits(db: Database) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    for _ in range(1000):
        with db.read() as session:
            if session.scalar(waiting):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waited for a turn")


def _state(db: Database, project: Project) -> dict[str, list[tuple[str, ...]]]:
    """All rows by what they say: ids that the service made are put into words, those of the sender stay."""
    with db.read() as session:
        features = dict(session.execute(select(Feature.id, Feature.name).where(Feature.project_id == project.id)).all())
        slices = {
            row.id: f"{features[row.feature_id]}/{row.prompt_version}"
            for row in session.scalars(select(Slice).where(Slice.project_id == project.id))
        }
        named: dict[Any, str] = {**features, **slices}
        ours = {"id", "project_id", "version", "changed_at", "received_at"}
        state = {}
        for table in (Feedback, RollupDay, PersonDay, OutputText):
            columns = [column for column in table.__table__.columns if column.name not in ours]
            rows = session.execute(select(*columns).where(table.project_id == project.id))
            worded = [tuple(_worded(value, named) for value in row) for row in rows]
            state[table.__tablename__] = sorted(row for row in worded if table is not RollupDay or _counts(row))
        return state


def _worded(value: Any, named: dict[Any, str]) -> str:
    if isinstance(value, UUID) and value in named:
        return named[value]
    said = repr(value)
    for id_, name in named.items():
        said = said.replace(id_.hex, name)
    return said


def _counts(row: tuple[str, ...]) -> bool:
    """A row of zeros is no row."""
    return any(value != "0" for value in row[3:])
