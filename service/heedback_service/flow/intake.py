"""Intake: a batch of valid events becomes rows and counts, in one transaction, whatever order they arrive in.

Classifying, grouping and everything else that may fail comes later and elsewhere: what is accepted here is never lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from heedback_service.core import privacy
from heedback_service.core.ids import tamed
from heedback_service.core.moments import corrected, microseconds
from heedback_service.flow import naming, rollup
from heedback_service.flow.said import Said, relink, take_feedback
from heedback_service.flow.sheet import END_USER, Intake
from heedback_service.flow.shown import (
    keep_texts,
    output_values,
    signal_values,
    take_outputs,
    take_signals,
    text_values,
)
from heedback_service.store.db import insert_into
from heedback_service.store.tables import DroppedDay, Project

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Valid events of one request, as the wire schema loads them: UUIDs and aware datetimes, the rest as JSON."""

    sent_at: datetime
    events: Sequence[Event]
    dropped: Mapping[str, int] = field(default_factory=dict)
    redactor: int | None = None  # the version of the rules that the sender has applied


@dataclass(frozen=True, slots=True)
class Taken:
    """How many events were new, and how many had been taken before."""

    accepted: int
    duplicates: int


def take(session: Session, project: Project, batch: Batch, now: datetime, new_id: Callable[[], UUID]) -> Taken:
    """Store the batch. The caller commits, and only then answers."""
    intake = Intake(session, project.id, ZoneInfo(project.timezone), now, new_id)
    events = [_by_our_clock(event, batch.sent_at, now) for event in _once_each(batch.events)]
    if batch.redactor != privacy.VERSION:
        events = [privacy.redacted(event) for event in events]
    features = naming.features(session, project.id, {event["feature"] for event in events}, now, new_id)
    fresh = _take_shown(intake, events, features)
    said = [
        Said({"source": END_USER, **event}, features[event["feature"]], microseconds(event["at"]), event["at"])
        for event in _of(events, "feedback")
    ]
    fresh += len(take_feedback(intake, said))
    rollup.write(session, project.id, intake.delta)
    _mark_incomplete(intake, batch.dropped)
    return Taken(fresh, len(batch.events) - fresh)


def _take_shown(intake: Intake, events: Sequence[Event], features: Mapping[str, UUID]) -> int:
    session, project_id, now = intake.session, intake.project_id, intake.now
    shown, follows, signals = (_of(events, kind) for kind in ("output", "output_text", "signal"))
    places = [(features[event["feature"]], naming.dims_of(event)) for event in shown]
    slices = naming.slices(session, project_id, set(places)) if places else {}
    rows = [
        output_values(project_id, event, slices[place], event["at"].astimezone(intake.timezone).date(), now)
        for event, place in zip(shown, places, strict=True)
    ]
    texts = [row for event in shown if (row := text_values(project_id, event, now)) is not None]
    arrived = take_outputs(session, project_id, rows, texts, intake.delta)
    later = [row for event in follows if (row := text_values(project_id, event, now)) is not None]
    kept = keep_texts(session, later)
    heard = take_signals(session, project_id, [signal_values(project_id, event) for event in signals], intake.delta)
    relink(intake, arrived)
    return len(arrived) + len(kept) + len(heard)


def _once_each(events: Iterable[Event]) -> list[Event]:
    """The first of each id: the same id again is the same event."""
    first: dict[tuple[str, UUID], Event] = {}
    for event in events:
        first.setdefault((event["type"], event["id"]), event)
    return list(first.values())


def _by_our_clock(event: Event, sent_at: datetime, now: datetime) -> Event:
    at = corrected(event["occurred_at"], sent_at, now)
    ids = {name: tamed(event[name], now) for name in ("id", "output_id") if event.get(name) is not None}
    return {**event, **ids, "at": at}


def _of(events: Iterable[Event], kind: str) -> list[Event]:
    return [event for event in events if event["type"] == kind]


def _mark_incomplete(intake: Intake, dropped: Mapping[str, int]) -> None:
    day = intake.now.astimezone(intake.timezone).date()
    rows = [
        {"project_id": intake.project_id, "day": day, "reason": reason, "events": n}
        for reason, n in sorted(Counter(dropped).items())
        if n > 0
    ]
    if rows:
        new = insert_into(intake.session, DroppedDay)
        adding = new.on_conflict_do_update(
            index_elements=["project_id", "day", "reason"], set_={"events": DroppedDay.events + new.excluded.events}
        )
        intake.session.execute(adding, rows)
