"""Intake: a batch of valid events becomes rows and counts, in one transaction, whatever order they arrive in.

Classifying, grouping and everything else that may fail comes later and elsewhere: what is accepted here is never lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import itemgetter
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from heedback_service.core import privacy
from heedback_service.core.ids import horizon, milliseconds, tamed
from heedback_service.flow import locks, naming, rollup
from heedback_service.flow.said import relink, take_feedback
from heedback_service.flow.sheet import Intake
from heedback_service.flow.shown import (
    keep_texts,
    output_values,
    signal_values,
    take_outputs,
    take_signals,
    text_values,
)
from heedback_service.flow.untimed import as_stored
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Line
from heedback_service.store.tables import DroppedDay, Project
from heedback_widgets.rules import correcting

Event = dict[str, Any]

_IDS: Final = ("id", "output_id")


@dataclass(frozen=True, slots=True)
class Batch:
    """Valid events of one request, as the wire schema loads them: UUIDs and aware datetimes, the rest as JSON."""

    sent_at: datetime
    events: Sequence[Event]
    dropped: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, sent_at: datetime, events: Sequence[Event], dropped: Mapping[str, int], redactor: int | None) -> Batch:
        """The batch as it may be stored: redacted here, unless the sender has applied the same version of the rules.

        Redaction takes a while on long texts, so it is done before anybody holds the database.
        """
        clean = events if redactor == privacy.VERSION else [privacy.redacted(event) for event in events]
        return cls(sent_at, clean, dropped)


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were new, and how many had been taken before."""

    accepted: int
    duplicates: int


def take(session: Session, project: Project, batch: Batch, now: datetime, new_id: Callable[[], UUID]) -> Taken:
    """Store one batch. The caller commits, and only then answers."""
    return take_all(Intake(Line(session.connection()), project.id, ZoneInfo(project.timezone), now, new_id), [batch])[0]


def take_all(intake: Intake, batches: Sequence[Batch]) -> list[Taken]:
    """Store several batches of one project as if they were one, which costs little more; an answer for each.

    An event that stands in two of them is new in the first and a duplicate in the second.
    """
    now = milliseconds(intake.now)
    given = [(owner, event) for owner, batch in enumerate(batches) for event in _by_our_clock(batch, intake.now, now)]
    locks.take_turns(intake.line, intake.project_id, [event for _, event in given])
    firsts = _once_each(_as_stored_before(intake, given, now))
    events = [event for _, event in firsts]
    names = {event["feature"] for event in events}
    features = naming.features(intake.line, intake.project_id, names, intake.now, intake.new_id, intake.memory)
    fresh = _take_shown(intake, events, features)
    fresh["feedback"] = take_feedback(intake, _of(events, "feedback"), features)
    rollup.write(intake.line, intake.project_id, intake.delta)
    for batch in batches:
        _mark_incomplete(intake, batch.dropped)
    if sum(map(len, fresh.values())) < len(firsts):
        firsts = [(owner, event) for owner, event in firsts if event["id"] in fresh[event["type"]]]
    accepted = Counter(map(itemgetter(0), firsts))
    return [Taken(accepted[owner], len(batch.events) - accepted[owner]) for owner, batch in enumerate(batches)]


def _take_shown(intake: Intake, events: Sequence[Event], features: Mapping[str, UUID]) -> dict[str, set[UUID]]:
    line, project_id, now = intake.line, intake.project_id, intake.now
    shown, follows, signals = (_of(events, kind) for kind in ("output", "output_text", "signal"))
    places = [(features[event["feature"]], naming.dims_of(event)) for event in shown]
    slices = naming.slices(line, project_id, set(places), intake.memory) if places else {}
    rows = [
        output_values(project_id, event, slices[place], event["at"].astimezone(intake.timezone).date(), now)
        for event, place in zip(shown, places, strict=True)
    ]
    texts = [row for event in shown if (row := text_values(project_id, event, now)) is not None]
    arrived = take_outputs(line, project_id, rows, texts, intake.delta)
    later = [row for event in follows if (row := text_values(project_id, event, now)) is not None]
    kept = keep_texts(line, project_id, later)
    heard = take_signals(line, project_id, [signal_values(project_id, event) for event in signals], intake.delta)
    relink(intake, arrived)
    return {"output": arrived, "output_text": kept, "signal": heard}


def _once_each(given: Iterable[tuple[int, Event]]) -> list[tuple[int, Event]]:
    """The first of each id, with its batch: the same id again is the same event. So are two that are stored as one."""
    first: dict[tuple[str, UUID], tuple[int, Event]] = {}
    for owner, event in given:
        first.setdefault((event["type"], event["id"]), (owner, event))
    return list(first.values())


def _by_our_clock(batch: Batch, now: datetime, in_ids: int) -> list[Event]:
    """The events with their moments by our clock as `at`, and with ids that sort where they should."""
    by_ours, beyond = correcting(batch.sent_at, now), horizon(in_ids)
    events = [{**event, "at": by_ours(event["occurred_at"])} for event in batch.events]
    for event in events:
        for name in _IDS:
            if (its := event.get(name)) is not None and its.int >= beyond:
                event[name] = tamed(its, in_ids)
    return events


def _as_stored_before(intake: Intake, given: list[tuple[int, Event]], now: int) -> list[tuple[int, Event]]:
    """The events, with the ids that are stored without their time as they are stored."""
    ids = [event.get(name) for _, event in given for name in _IDS]
    stored = as_stored(intake.line, intake.project_id, ids, now, intake.memory)
    if not stored:
        return given
    return [
        (owner, {**event, **{name: stored[event[name]] for name in _IDS if event.get(name) in stored}})
        for owner, event in given
    ]


def _of(events: Iterable[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def _mark_incomplete(intake: Intake, dropped: Mapping[str, int]) -> None:
    if not dropped:
        return
    day = intake.now.astimezone(intake.timezone).date()
    rows = [
        {"project_id": intake.project_id, "day": day, "reason": reason, "events": n}
        for reason, n in sorted(Counter(dropped).items())
        if n > 0
    ]
    if rows:
        new = insert_for(intake.line.dialect.name, DroppedDay)
        adding = new.on_conflict_do_update(
            index_elements=["project_id", "day", "reason"], set_={"events": DroppedDay.events + new.excluded.events}
        )
        intake.line.connection.execute(adding, rows)
