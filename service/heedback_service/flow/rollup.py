"""Roll-ups in the store: the only writer, and the check that they say what the rows say."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, delete, func, literal_column, select
from sqlalchemy.orm import Session

from heedback_service.core import rollup as counting
from heedback_service.core.rollup import DAY_COUNTS, PERSON_COUNTS, Counts, Delta, Row
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, Line
from heedback_service.store.tables import Feedback, Output, PersonDay, Project, RollupDay, Signal

_CHUNK: Final = 1000
_NO_DAY: Final = dict.fromkeys(DAY_COUNTS, 0)
_NO_PERSON: Final = dict.fromkeys(PERSON_COUNTS, 0)


def _adding(dialect: str, table: type[RollupDay] | type[PersonDay], names: tuple[str, ...]) -> Any:
    new = insert_for(dialect, table)
    keys = [column.name for column in table.__table__.primary_key]
    return new.on_conflict_do_update(
        index_elements=keys, set_={name: getattr(table, name) + new.excluded[name] for name in names}
    )


def _forgetting(_: str) -> Any:
    nobody = [getattr(PersonDay, name) == literal_column("0") for name in PERSON_COUNTS]
    key = [column == bindparam(column.name) for column in PersonDay.__table__.primary_key]
    return delete(PersonDay).where(*key, *nobody)


_ADD_DAYS: Final = Direct(lambda dialect: _adding(dialect, RollupDay, DAY_COUNTS))
_ADD_PEOPLE: Final = Direct(lambda dialect: _adding(dialect, PersonDay, PERSON_COUNTS))
_FORGET_ABSENT: Final = Direct(_forgetting)


def write(line: Line, project_id: int, delta: Delta, shard: int = 0) -> None:
    """Add `delta` to the roll-ups, one upsert a key, in key order so that two writers never lock each other out."""
    days = [
        {**_NO_DAY, **counts, "project_id": project_id, "day": day, "slice_id": slice_id, "shard": shard}
        for (day, slice_id), counts in sorted(delta.days.items(), key=_in_order)
        if any(counts.values())
    ]
    people, fewer = list[dict[str, Any]](), list[dict[str, Any]]()
    for (day, slice_id, person), counts in sorted(delta.people.items(), key=_in_order):
        if any(counts.values()):
            key = {"project_id": project_id, "day": day, "slice_id": slice_id, "person": person}
            people.append({**_NO_PERSON, **counts, **key})
            if min(counts.values()) < 0:
                fewer.append(key)
    _ADD_DAYS.many(line, days)
    _ADD_PEOPLE.many(line, people)
    _FORGET_ABSENT.many(line, fewer)


def _in_order(keyed: tuple[tuple[date, UUID, *tuple[str, ...]], Any]) -> tuple[Any, ...]:
    # By the digits: UUIDs compare themselves in Python, seven times a row.
    day, slice_id, *person = keyed[0]
    return day, slice_id.hex, *person


def differences(session: Session, project_id: int) -> list[str]:
    """Where the roll-ups and the rows disagree, a line each; empty when all is well.

    Days before the project's `purged_before` are left out: their rows may be gone, and their counts stay.
    """
    since = session.scalars(select(Project.purged_before).where(Project.id == project_id)).one() or date.min
    expected, stored = counting.total(rows(session, project_id, since)), _stored(session, project_id, since)
    return [*_unlike("day", expected.days, stored.days), *_unlike("person", expected.people, stored.people)]


def rows(session: Session, project_id: int, since: date) -> Iterator[Row]:
    """What every stored row of the day `since` and later counts for."""
    yield from _output_rows(session, project_id, since)
    yield from _signal_rows(session, project_id, since)
    yield from _feedback_rows(session, project_id, since)


def _output_rows(session: Session, project_id: int, since: date) -> Iterator[Row]:
    outputs = select(Output).where(Output.project_id == project_id, Output.day >= since)
    for output in session.scalars(outputs.execution_options(yield_per=_CHUNK)):
        yield counting.output_row(
            output.day,
            output.slice_id,
            output.person,
            error=output.error_type is not None,
            latency_us=output.latency_us,
            input_tokens=output.input_tokens,
            output_tokens=output.output_tokens,
            cost_nano=output.cost_nano,
        )


def _signal_rows(session: Session, project_id: int, since: date) -> Iterator[Row]:
    signals = (
        select(Output.day, Output.slice_id, Signal.name)
        .join(Signal, (Signal.project_id == Output.project_id) & (Signal.output_id == Output.id))
        .where(Output.project_id == project_id, Output.day >= since)
        .group_by(Output.id, Output.day, Output.slice_id, Signal.name)
    )
    for day, slice_id, name in session.execute(signals.execution_options(yield_per=_CHUNK)):
        yield counting.signal_row(day, slice_id, name)


def _feedback_rows(session: Session, project_id: int, since: date) -> Iterator[Row]:
    feedback = select(Feedback).where(Feedback.project_id == project_id, Feedback.day >= since, Feedback.counts)
    for said in session.scalars(feedback.execution_options(yield_per=_CHUNK)):
        row = counted(said, counts=said.counts)
        if row is not None:
            yield row


def counted(said: Any, *, counts: bool) -> Row | None:
    """What a row of `feedback`, with its columns as attributes, counts for if it `counts`."""
    return counting.feedback_row(
        said.day,
        said.slice_id,
        said.person,
        counts=counts,
        linked=said.output_id is not None,
        polarity=said.polarity,
        flag=said.flag,
        correction=said.correction is not None,
    )


def _unlike(kind: str, expected: Mapping[Any, Counts], stored: Mapping[Any, Counts]) -> Iterator[str]:
    for key in sorted(expected.keys() | stored.keys(), key=repr):
        should, is_ = _nonzero(expected.get(key)), _nonzero(stored.get(key))
        if should != is_:
            yield f"{kind} {' '.join(str(part) for part in key)}: the rows say {should}, the roll-up says {is_}"


def _stored(session: Session, project_id: int, since: date) -> Delta:
    stored = Delta()
    sums = [func.sum(getattr(RollupDay, name)) for name in DAY_COUNTS]
    days = select(RollupDay.day, RollupDay.slice_id, *sums)
    days = days.where(RollupDay.project_id == project_id, RollupDay.day >= since)
    for day, slice_id, *values in session.execute(days.group_by(RollupDay.day, RollupDay.slice_id)):
        stored.days[day, slice_id] = defaultdict(int, zip(DAY_COUNTS, map(int, values), strict=True))
    columns = [getattr(PersonDay, name) for name in PERSON_COUNTS]
    people = select(PersonDay.day, PersonDay.slice_id, PersonDay.person, *columns)
    people = people.where(PersonDay.project_id == project_id, PersonDay.day >= since)
    for day, slice_id, person, *values in session.execute(people):
        stored.people[day, slice_id, person] = defaultdict(int, zip(PERSON_COUNTS, values, strict=True))
    return stored


def _nonzero(counts: Counts | None) -> dict[str, int]:
    return {name: n for name, n in sorted((counts or {}).items()) if n}
