"""What was shown and what was said about it: outputs, their texts, signals, feedback and its events."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base

# Feedback that triage has read at least once, also if it waits again because something changed. Both databases use the
# index on these only where a query has the same words.
READ_ONCE: Final = text("(triaged_at IS NOT NULL OR version > 1)")


class Output(Base):
    """One AI output shown to somebody. No foreign keys here: on PostgreSQL whole partitions will be dropped."""

    __tablename__ = "outputs"
    __table_args__ = (
        Index(None, "project_id", "trace_id", postgresql_where=text("trace_id IS NOT NULL")),
        Index(None, "project_id", "response_id", postgresql_where=text("response_id IS NOT NULL")),
        Index(None, "project_id", "join_key", postgresql_where=text("join_key IS NOT NULL")),
        Index(None, "project_id", "slice_id", "day"),
        {"sqlite_with_rowid": False},
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    slice_id: Mapped[UUID]
    day: Mapped[date]  # project-local
    person: Mapped[str | None]
    occurred_at: Mapped[datetime]  # corrected by the sender's clock
    received_at: Mapped[datetime]
    trace_id: Mapped[str | None]
    span_id: Mapped[str | None]
    response_id: Mapped[str | None]
    join_key: Mapped[str | None]
    session_id: Mapped[str | None]
    conversation_id: Mapped[str | None]
    locale: Mapped[str | None]
    latency_us: Mapped[int | None] = mapped_column(BigInteger)
    input_tokens: Mapped[int | None] = mapped_column(BigInteger)
    output_tokens: Mapped[int | None] = mapped_column(BigInteger)
    cost_nano: Mapped[int | None] = mapped_column(BigInteger)  # billionths of a US dollar: sums stay exact
    error_type: Mapped[str | None]
    finish_reasons: Mapped[list[str] | None]
    probe: Mapped[bool]
    extra: Mapped[dict[str, Any] | None]  # `metadata` on the wire; that name is taken by the mapper


class OutputText(Base):
    """What was asked and answered. Kept apart so that it can be purged while every count stays."""

    __tablename__ = "output_text"
    __table_args__ = (Index(None, "project_id", "received_at"), {"sqlite_with_rowid": False})

    project_id: Mapped[int] = mapped_column(primary_key=True)
    output_id: Mapped[UUID] = mapped_column(primary_key=True)
    # Beside each text the event it is of: the smallest wins. The output's own carries the nil UUID and always wins.
    input: Mapped[str | None]
    input_event: Mapped[UUID | None]
    output: Mapped[str | None]
    output_event: Mapped[UUID | None]
    received_at: Mapped[datetime]


class Signal(Base):
    __tablename__ = "signals"
    __table_args__ = (
        Index(None, "project_id", "output_id"),
        Index(None, "project_id", "occurred_at"),
        {"sqlite_with_rowid": False},
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    output_id: Mapped[UUID]
    person: Mapped[str | None]
    name: Mapped[str]
    value: Mapped[float | None]
    occurred_at: Mapped[datetime]
    extra: Mapped[dict[str, Any] | None]


class FeedbackEvent(Base):
    """Append-only: the idempotency ledger and the history of every piece of feedback.

    `ref` is how the event named its output when it did not know the id (`t:TRACE`, `r:RESPONSE`, `j:KEY`); a later
    output can change what it means, and then the event moves to the feedback it belongs to.
    """

    __tablename__ = "feedback_events"
    __table_args__ = (
        Index(None, "project_id", "feedback_id"),
        Index(
            None,
            "project_id",
            "ref",
            "span_id",
            "feature_id",
            sqlite_where=text("ref IS NOT NULL"),
            postgresql_where=text("ref IS NOT NULL"),
        ),
        {"sqlite_with_rowid": False},
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    feedback_id: Mapped[UUID]
    ref: Mapped[str | None]
    span_id: Mapped[str | None]  # with the feature, what narrows a reference that several outputs carry
    feature_id: Mapped[UUID]
    body: Mapped[dict[str, Any]]
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    order_at: Mapped[int] = mapped_column(BigInteger)  # microseconds since 1970, corrected by the sender's clock


class Feedback(Base):
    """What one person said about one output: the fold of its events, newest word on each field.

    `subject` is `o:OUTPUT`, or `t:…`, `r:…`, `j:…` while the output is not known (then `output_id` is NULL and the
    row counts as unlinked). `person_key` is the pseudonym, or `anon:` + subject, which never counts as a person; a
    pseudonym that begins with `anon:` has `anon::` before it.
    """

    __tablename__ = "feedback"
    __table_args__ = (
        UniqueConstraint("project_id", "subject", "person_key", "source"),
        Index(
            None,
            "project_id",
            "feature_id",
            "changed_at",
            "id",
            sqlite_where=text("triaged_at IS NULL"),
            postgresql_where=text("triaged_at IS NULL"),
        ),
        Index(None, "project_id", "last_at"),
        # What one person said before. People come in no order, so that an entry costs a page: triage makes it, and no
        # request waits for it.
        Index(
            None,
            "project_id",
            "person",
            "first_at",
            sqlite_where=READ_ONCE,
            postgresql_where=READ_ONCE,
        ),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str]
    person_key: Mapped[str]
    source: Mapped[str]
    person: Mapped[str | None]
    feature_id: Mapped[UUID]
    output_id: Mapped[UUID | None]
    slice_id: Mapped[UUID]
    day: Mapped[date]

    rating_value: Mapped[float | None]
    rating_scale: Mapped[str | None]
    polarity: Mapped[int | None]
    flag: Mapped[bool]
    flag_reasons: Mapped[list[str] | None]
    reasons: Mapped[list[str] | None]
    reasons_version: Mapped[int | None]
    comment: Mapped[str | None]
    correction: Mapped[str | None]
    asked: Mapped[bool | None]
    surface: Mapped[str | None]
    locale: Mapped[str | None]
    extra: Mapped[dict[str, Any] | None]
    context: Mapped[dict[str, Any] | None]

    stamps: Mapped[dict[str, Any]]  # {field: [order_at, event id]}
    first_at: Mapped[datetime]  # of its events, by the senders' corrected clocks
    last_at: Mapped[datetime]
    changed_at: Mapped[
        datetime
    ]  # by our clock: triage leaves it alone for a while after that; later, if it cannot read it
    retracted: Mapped[bool]
    spam: Mapped[bool] = mapped_column(default=False)
    spam_by: Mapped[str | None]  # rule or person: who said whether it is spam last; what a person said stays
    spam_why: Mapped[str | None]
    counts: Mapped[bool]  # not retracted, not spam, and from an end user
    triaged_at: Mapped[datetime | None]  # NULL: new, or changed since triage last read it
    version: Mapped[int] = mapped_column(default=1)
