"""All feedback there is, newest first: also the praise, and what was taken back. Nothing is out of sight."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from heedback_service.core.moments import from_microseconds, microseconds
from heedback_service.store.tables import Feature, Feedback, Item, ItemFeedback, Output, OutputText

PAGE: Final = 50
EXCERPT_CHARS: Final = 600
KINDS: Final = ("up", "neutral", "down", "unrated", "flagged", "corrected", "retracted", "spam")

_CONDITIONS: Final[dict[str, ColumnElement[bool]]] = {
    "up": Feedback.polarity == 1,
    "neutral": Feedback.polarity == 0,
    "down": Feedback.polarity == -1,
    "unrated": Feedback.polarity.is_(None),
    "flagged": Feedback.flag.is_(True),
    "corrected": Feedback.correction.is_not(None),
    "retracted": Feedback.retracted.is_(True),
    "spam": Feedback.spam.is_(True),
}


@dataclass(frozen=True, slots=True)
class Said:
    """One piece of feedback in a list, or whole on its own page; `item` is None when it belongs to none."""

    feedback: Feedback
    feature: str
    item: Item | None
    input: str | None
    output: str | None
    trace_id: str | None


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where the next page goes on: after this piece of feedback."""

    last_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{microseconds(self.last_at)}.{self.id.hex}"

    @classmethod
    def read(cls, written: str) -> Cursor | None:
        """The inverse of `str()`; None when it is none of ours."""
        micros, _, hexed = written.partition(".")
        try:
            return cls(from_microseconds(int(micros)), UUID(hexed))
        except (ValueError, OverflowError):
            return None


@dataclass(frozen=True, slots=True)
class Slip:
    """One page of the list; `older` continues it, None at its end."""

    said: tuple[Said, ...]
    older: Cursor | None


def feedback_list(
    session: Session,
    project_id: int,
    *,
    feature: str | None = None,
    kind: str | None = None,
    after: Cursor | None = None,
) -> Slip:
    """50 pieces of feedback, newest last word first; of one feature, of one kind of `KINDS`."""
    query = _said(EXCERPT_CHARS).where(Feedback.project_id == project_id)
    if feature is not None:
        query = query.where(Feature.name == feature)
    if kind is not None:
        query = query.where(_CONDITIONS[kind])
    if after is not None:
        tied = or_(Feedback.last_at < after.last_at, Feedback.id < after.id)
        query = query.where(Feedback.last_at <= after.last_at, tied)
    query = query.order_by(Feedback.last_at.desc(), Feedback.id.desc()).limit(PAGE + 1)
    found = [Said(*row) for row in session.execute(query)]
    shown = tuple(found[:PAGE])
    last = shown[-1].feedback if len(found) > PAGE else None
    return Slip(shown, Cursor(last.last_at, last.id) if last else None)


def one_feedback(session: Session, project_id: int, feedback_id: UUID) -> Said | None:
    """One piece of feedback with the whole texts of its output."""
    query = _said(None).where(Feedback.project_id == project_id, Feedback.id == feedback_id)
    found = session.execute(query).one_or_none()
    return None if found is None else Said(*found)


def feature_names(session: Session, project_id: int) -> list[str]:
    return list(session.scalars(select(Feature.name).where(Feature.project_id == project_id).order_by(Feature.name)))


def _said(excerpt: int | None) -> Any:
    def text(column: Any) -> Any:
        return column if excerpt is None else func.substr(column, 1, excerpt + 1)

    same_project = Feedback.project_id
    return (
        select(Feedback, Feature.name, Item, text(OutputText.input), text(OutputText.output), Output.trace_id)
        .join(Feature, and_(Feature.project_id == same_project, Feature.id == Feedback.feature_id))
        .outerjoin(ItemFeedback, and_(ItemFeedback.project_id == same_project, ItemFeedback.feedback_id == Feedback.id))
        .outerjoin(Item, and_(Item.project_id == same_project, Item.id == ItemFeedback.item_id))
        .outerjoin(OutputText, and_(OutputText.project_id == same_project, OutputText.output_id == Feedback.output_id))
        .outerjoin(Output, and_(Output.project_id == same_project, Output.id == Feedback.output_id))
    )
