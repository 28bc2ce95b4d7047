"""The improvement backlog: items, what belongs to them, the keys that find them, and everything done to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base, in_project


class Item(Base):
    """Feedback that describes the same problem. `state`: new, accepted, declined or resolved; snoozing is beside it."""

    __tablename__ = "items"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        in_project("feature_id", of="features"),
        Index(None, "project_id", "state", "priority"),
        Index(None, "project_id", "feature_id", "prioritised_at"),
        Index(None, "project_id", "theme_id"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[int]
    feature_id: Mapped[UUID]
    title: Mapped[str]
    title_by: Mapped[str]  # rule or person
    category: Mapped[str]  # `list:key`, such as `down:incorrect` or `flag:private_data`, or `unknown`
    category_why: Mapped[str]
    category_by: Mapped[str] = mapped_column(server_default="rule")  # rule or person
    severity: Mapped[int]
    severity_why: Mapped[str]
    priority: Mapped[int]  # 0 to 100
    factors: Mapped[dict[str, Any]]  # what the priority is made of, to be put into words when it is read
    prioritised_at: Mapped[datetime]
    people: Mapped[int]
    feedback_count: Mapped[int]
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    theme_id: Mapped[UUID | None]  # one of its feature; no foreign key: what is worked out anew comes and goes

    state: Mapped[str]
    verdict: Mapped[str | None]
    cause: Mapped[str | None]
    assignee: Mapped[UUID | None]  # an account
    due_on: Mapped[date | None]
    resolved_in: Mapped[str | None]  # what fixed it, in the maintainer's words
    snoozed_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    version: Mapped[int] = mapped_column()

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy's own spelling


class ItemFeedback(Base):
    """One item a piece of feedback. `placed_by` a person stays; by rule may move when the feedback changes."""

    __tablename__ = "item_feedback"
    __table_args__ = (in_project("item_id", of="items"), Index(None, "project_id", "item_id"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    feedback_id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    placed_by: Mapped[str]  # rule or person
    why: Mapped[str]
    grouping_version: Mapped[int]


class ItemPerson(Base):
    """How many pieces of feedback each person has in an item; an item's people are the rows here."""

    __tablename__ = "item_person"
    __table_args__ = (in_project("item_id", of="items"), Index(None, "project_id", "person"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]


class ItemKey(Base):
    """What finds an item: a signature or a band of a report it holds, as a number that no two features share.

    A row goes when the report leaves. Reports with one signature are alike, so the first of them holds its keys for
    all. Each has up to 17, in no order: the rows are short, so that those of many items lie on few pages.
    """

    __tablename__ = "item_keys"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "feedback_id"],
            ["item_feedback.project_id", "item_feedback.feedback_id"],
            ondelete="CASCADE",
        ),
        Index(None, "project_id", "feedback_id"),
        {"sqlite_with_rowid": False},
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    feedback_id: Mapped[UUID] = mapped_column(primary_key=True)


class ItemEvent(Base):
    """What was done to an item, in the transaction that did it. `undoes` names the event this one takes back."""

    __tablename__ = "item_events"
    __table_args__ = (in_project("item_id", of="items"), Index(None, "project_id", "item_id", "id"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    item_id: Mapped[UUID]
    actor: Mapped[UUID | None]  # an account; None: the service itself
    verb: Mapped[str]
    before: Mapped[dict[str, Any]]
    after: Mapped[dict[str, Any]]
    undoes: Mapped[UUID | None]
    at: Mapped[datetime]
