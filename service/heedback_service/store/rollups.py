"""Counts by slice and project-local day of the output. Changed only by `flow.rollup.write`, never by hand."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import BigInteger
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base


class RollupDay(Base):
    """Additive counts. `shard` lets several writers keep out of each other's way; readers sum over it."""

    __tablename__ = "rollup_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    slice_id: Mapped[UUID] = mapped_column(primary_key=True)
    shard: Mapped[int] = mapped_column(primary_key=True)

    outputs: Mapped[int]
    errors: Mapped[int]
    timed: Mapped[int]  # outputs that told their latency
    latency_us: Mapped[int] = mapped_column(BigInteger)
    input_tokens: Mapped[int] = mapped_column(BigInteger)
    output_tokens: Mapped[int] = mapped_column(BigInteger)
    cost_nano: Mapped[int] = mapped_column(BigInteger)
    # Outputs with at least one such signal.
    shown: Mapped[int]
    asked: Mapped[int]
    copied: Mapped[int]
    edited: Mapped[int]
    regenerated: Mapped[int]
    accepted: Mapped[int]
    dismissed: Mapped[int]
    # Feedback that counts, whose output is known.
    rated: Mapped[int]
    up: Mapped[int]
    neutral: Mapped[int]
    down: Mapped[int]
    flagged: Mapped[int]
    corrected: Mapped[int]
    unlinked: Mapped[int]  # feedback that counts, but whose output has not come


class PersonDay(Base):
    """How often each person appears in a day's slice. Distinct people are counted here, never summed over days."""

    __tablename__ = "person_day"
    __table_args__ = ({"sqlite_with_rowid": False},)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    slice_id: Mapped[UUID] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)

    outputs: Mapped[int]
    rated: Mapped[int]
    down: Mapped[int]
    flagged: Mapped[int]


class DroppedDay(Base):
    """What SDKs said they had to drop: the day's rates are incomplete. Told again on a retry, so an upper bound."""

    __tablename__ = "dropped_day"

    project_id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(primary_key=True)
    events: Mapped[int] = mapped_column(BigInteger)
