"""What a language model proposes about items, and what people decided about it. It is nothing that holds of an item."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base, in_project


class Proposal(Base):
    """A title, a category or a merge, and by which model. It goes when the texts go that it was made from."""

    __tablename__ = "proposals"
    __table_args__ = (
        in_project("item_id", of="items"),
        in_project("other_id", of="items"),
        Index(None, "project_id", "item_id"),
        Index(None, "project_id", "other_id"),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    kind: Mapped[str]  # title, category or merge
    value: Mapped[str | None]  # the title or the category
    other_id: Mapped[UUID | None]  # the item to merge into
    model: Mapped[str]
    proposed_at: Mapped[datetime]
    decision: Mapped[str | None]  # accepted or refused; it stands until `event_id` is taken back
    decided_by: Mapped[UUID | None]  # an account
    decided_at: Mapped[datetime | None]
    event_id: Mapped[UUID | None]  # the item's event by which it was decided


class ProposalRun(Base):
    """When a model was last asked about an item, how many reports it had then, and whether an answer came."""

    __tablename__ = "proposal_runs"
    __table_args__ = (in_project("item_id", of="items"), Index(None, "project_id", "asked_at"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    asked_at: Mapped[datetime]
    reports: Mapped[int]
    answered: Mapped[bool]
    token: Mapped[UUID]  # of who asked: an answer that comes after the next question is dropped
