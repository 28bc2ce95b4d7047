"""An id from more than a day ahead is stored without its time, and known by both its forms from then on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from heedback_service.core.ids import milliseconds
from heedback_service.flow import rollup
from heedback_service.flow.intake import Batch, Taken, take_all
from heedback_service.flow.memory import Memory
from heedback_service.flow.sheet import Intake
from heedback_service.store.db import Database
from heedback_service.store.direct import Line
from heedback_service.store.tables import Feedback, Output, OutputText, Project, RollupDay, Signal
from support import NOW, a_signal, an_output, make_id, numbered_ids, some_feedback

Feed = Callable[..., Taken]

AHEAD = make_id(1, at=NOW + timedelta(hours=30))
SHOWN = {**an_output(1), "id": AHEAD}
SAID = some_feedback(2, user="u-1", down=True, output_id=AHEAD)
HEARD = {**a_signal(3, "copied", 1), "output_id": AHEAD}
TEXT = {**some_feedback(4), "type": "output_text", "output_id": AHEAD, "output": "answer"}
ALL = (SHOWN, SAID, HEARD, TEXT)


@st.composite
def arrivals(draw: st.DrawFn) -> list[tuple[dict[str, Any], timedelta]]:
    """What is about an output from the future, in any order and repeated, while two days go by."""
    events = list(ALL)
    if draw(st.booleans()):  # all of it has ids from there
        events[1:] = [
            {**each, "id": make_id(n, at=NOW + timedelta(hours=24 + n))} for n, each in enumerate(ALL[1:], start=2)
        ]
    order = draw(st.permutations(events + draw(st.lists(st.sampled_from(events), max_size=3))))
    hours = sorted(draw(st.lists(st.integers(0, 60), min_size=len(order), max_size=len(order))))
    return [(event, timedelta(hours=each)) for event, each in zip(order, hours, strict=True)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(arrivals())
def test_it_is_one_output_whenever_what_is_about_it_comes(
    shared_db: Database, arrived: list[tuple[dict[str, Any], timedelta]]
) -> None:
    with Session(shared_db.engine) as session:  # never committed: each example starts empty
        project = Project(slug="acme", name="Acme", timezone="Europe/Oslo", created_at=NOW)
        session.add(project)
        session.flush()
        new_id, memory = numbered_ids(), Memory()
        answers = [taken(session, project, [event], NOW + later, memory, new_id) for event, later in arrived]
        assert sum(each.accepted for each in answers) == len(ALL)
        assert rollup.differences(session, project.id) == []
        its_id = session.scalars(select(Output.id)).one()
        named = [session.scalars(select(each.output_id)).one() for each in (Feedback, Signal, OutputText)]
        assert named == [its_id] * 3
        [counts] = session.execute(select(*map(func.sum, (RollupDay.outputs, RollupDay.down, RollupDay.copied)))).all()
        assert counts == (1, 1, 1)


def taken(
    session: Session, project: Project, events: list[dict[str, Any]], now: datetime, memory: Memory, new_id: Any
) -> Taken:
    intake = Intake(Line(session.connection()), project.id, ZoneInfo(project.timezone), now, new_id, memory)
    return take_all(intake, [Batch(now, events)])[0]


@pytest.mark.parametrize("hours", [0.5, 2, 20, 26, 30, 50])
def test_what_another_process_stored_since_somebody_looked_is_known(
    db: Database, project: Project, hours: float
) -> None:
    ours, theirs, new_id = Memory(), Memory(), numbered_ids()
    times = [(NOW, ours, an_output(5)), (NOW + timedelta(minutes=10), theirs, SHOWN)]
    for now, memory, event in [*times, (NOW + timedelta(hours=hours), ours, SHOWN)]:
        with db.write() as session:
            last = taken(session, project, [event], now, memory, new_id)
    assert last == Taken(0, 1)


def test_what_is_stored_with_its_time_stays_so_when_somebody_names_it_without(db: Database, project: Project) -> None:
    """Where a clock was put back, or another process's is behind: what was said is then edited where it is."""
    near = make_id(1, at=NOW + timedelta(hours=23.5))
    shown, said = {**SHOWN, "id": near}, {**SAID, "output_id": near}
    edit = {**said, "id": make_id(5), "rating": {"value": 1, "scale": "thumbs"}, "occurred_at": NOW}
    times = [(shown, 0.0), (said, 0.0), ({**HEARD, "output_id": near}, -1.0), (shown, 0.1), (edit, 0.1), (shown, 48.0)]
    memory, new_id = Memory(), numbered_ids()
    with db.write() as session:
        for event, hours in times:
            taken(session, project, [event], NOW + timedelta(hours=hours), memory, new_id)
        assert session.scalars(select(Output.id)).all() == [near]
        assert session.scalars(select(Feedback.output_id)).all() == [near]
        assert rollup.differences(session, project.id) == []


@pytest.mark.parametrize("odd", [0, 1, 6 << 76, 8 << 76])
def test_an_id_that_is_merely_small_is_none_without_its_time(db: Database, project: Project, odd: int) -> None:
    memory, new_id = Memory(), numbered_ids()
    with db.write() as session:
        taken(session, project, [{**a_signal(3, "copied", 1), "output_id": UUID(int=odd)}], NOW, memory, new_id)
        later = NOW + timedelta(hours=2)
        taken(session, project, [an_output(2)], later, memory, new_id)
        assert memory.untimed(project.id, milliseconds(later)) is False


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # which tells what it is asked
def test_whether_there_are_any_is_asked_once_an_hour(db: Database, project: Project) -> None:
    memory, new_id, asked = Memory(), numbered_ids(), []
    for n, minutes in enumerate((0, 0, 59, 60, 61, -1), start=1):
        said: list[str] = []
        with db.write() as session:
            driver: Any = session.connection().connection.driver_connection
            driver.set_trace_callback(said.append)
            taken(session, project, [an_output(n)], NOW + timedelta(minutes=minutes), memory, new_id)
            driver.set_trace_callback(None)
        asked.append(sum("output_text" in each for each in said))
    assert asked == [1, 0, 0, 1, 0, 1]
