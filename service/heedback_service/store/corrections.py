"""What people said about which feedback belongs together: a constraint on a pair each, and what it moved."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base, in_project

_ANSWERED = text("score IS NOT NULL")


class Link(Base):
    """A person holds two pieces of feedback to be about the same problem, or not. The newest on a pair counts.

    It goes with its feedback. Undone links count for nothing and are kept for the record.
    """

    __tablename__ = "links"
    __table_args__ = (
        in_project("feedback_a", of="feedback"),
        in_project("feedback_b", of="feedback"),
        Index(None, "project_id", "feedback_b"),
        Index(None, "project_id", "event_id"),
        Index(None, "project_id", "score", sqlite_where=_ANSWERED, postgresql_where=_ANSWERED),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    feedback_a: Mapped[UUID] = mapped_column(primary_key=True)  # the lower id of the two
    feedback_b: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)  # the item event by which it was said; ids grow with time
    kind: Mapped[str]  # same or not_same
    score: Mapped[float | None]  # on the nearest pair of each answer: how alike its words were, 0 to 1
    actor: Mapped[UUID]  # an account
    at: Mapped[datetime]
    undone_at: Mapped[datetime | None]


class MovedFeedback(Base):
    """Where a piece of feedback was, and why, before a person moved it: what undo restores."""

    __tablename__ = "moved_feedback"
    __table_args__ = (
        in_project("feedback_id", of="feedback"),
        in_project("from_item", of="items"),
        Index(None, "project_id", "feedback_id"),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    feedback_id: Mapped[UUID] = mapped_column(primary_key=True)
    from_item: Mapped[UUID]
    placed_by: Mapped[str]
    why: Mapped[str]
    grouping_version: Mapped[int]
    undone_at: Mapped[datetime | None]
