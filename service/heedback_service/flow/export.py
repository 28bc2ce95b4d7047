"""Everything that is stored about outputs and what was said of them, as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.flow.naming import DIMENSIONS
from heedback_service.store.tables import Feature, Feedback, FeedbackEvent, Output, OutputText, Signal, Slice

_CHUNK: Final = 500


def exported(session: Session, project_id: int) -> Iterator[dict[str, Any]]:
    """Outputs with their texts and slices, feedback with the ids of its events, and signals; a dict of JSON each."""
    names = _feature_names(session, project_id)
    yield from _outputs(session, project_id, names)
    yield from _texts_that_follow(session, project_id)
    yield from _feedback(session, project_id, names)
    for signal in session.scalars(_all(Signal, project_id)):
        yield _line("signal", signal)


def _outputs(session: Session, project_id: int, names: dict[UUID, str]) -> Iterator[dict[str, Any]]:
    text = (OutputText.project_id == Output.project_id) & (OutputText.output_id == Output.id)
    place = (Slice.project_id == Output.project_id) & (Slice.id == Output.slice_id)
    found = select(Output, OutputText, Slice).join(Slice, place).outerjoin(OutputText, text)
    chosen = found.where(Output.project_id == project_id).order_by(Output.id)
    for output, its_text, where in session.execute(chosen.execution_options(yield_per=_CHUNK)):
        line = _line("output", output, leave_out=("slice_id",))
        line["feature"] = names[where.feature_id]
        line |= {name: getattr(where, name) for name in DIMENSIONS}
        line |= {"input": its_text and its_text.input, "output": its_text and its_text.output}
        yield line


def _texts_that_follow(session: Session, project_id: int) -> Iterator[dict[str, Any]]:
    for text in session.scalars(_all(OutputText, project_id)):
        for event_id in sorted({text.input_event, text.output_event} - {None, UUID(int=0)}):
            yield {"type": "output_text", "id": str(event_id), "output_id": str(text.output_id)}


def _feedback(session: Session, project_id: int, names: dict[UUID, str]) -> Iterator[dict[str, Any]]:
    for chunk in session.scalars(_all(Feedback, project_id).order_by(Feedback.id)).partitions():
        events = _event_ids(session, project_id, [feedback.id for feedback in chunk])
        for feedback in chunk:
            line = _line("feedback", feedback, leave_out=("slice_id", "feature_id", "stamps", "person_key"))
            yield line | {"feature": names[feedback.feature_id], "events": events.get(feedback.id, [])}


def _event_ids(session: Session, project_id: int, feedback: list[UUID]) -> dict[UUID, list[str]]:
    """Of these pieces of feedback alone: a project's whole ledger need not fit into memory."""
    found: dict[UUID, list[str]] = {}
    ledger = select(FeedbackEvent.feedback_id, FeedbackEvent.id).where(
        FeedbackEvent.project_id == project_id, FeedbackEvent.feedback_id.in_(feedback)
    )
    for feedback_id, event_id in session.execute(ledger.order_by(FeedbackEvent.id)):
        found.setdefault(feedback_id, []).append(str(event_id))
    return found


def _feature_names(session: Session, project_id: int) -> dict[UUID, str]:
    found = select(Feature.id, Feature.name).where(Feature.project_id == project_id)
    return dict(session.execute(found).all())


def _all(table: type[Any], project_id: int) -> Any:
    return select(table).where(table.project_id == project_id).execution_options(yield_per=_CHUNK)


def _line(kind: str, row: Any, leave_out: tuple[str, ...] = ()) -> dict[str, Any]:
    names = [column.name for column in row.__table__.columns if column.name not in ("project_id", *leave_out)]
    return {"type": kind, **{name: _plain(getattr(row, name)) for name in names}}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
