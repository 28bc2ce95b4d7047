"""Work that comes round: the digests of each period, with their deliveries."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, ForeignKeyConstraint
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base


class DigestRun(Base):
    """One digest of one period (`2026-W47`): planned, then claimed by one worker, then written."""

    __tablename__ = "digest_runs"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    digest_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]  # planned, claimed, written
    token: Mapped[int]
    lease_until: Mapped[datetime | None]
    planned_at: Mapped[datetime]
    written_at: Mapped[datetime | None]
    content: Mapped[dict[str, Any] | None]  # numbers, item numbers and feedback ids; quotes are read when shown


class Delivery(Base):
    """One digest to one recipient. Claimed before it is sent."""

    __tablename__ = "deliveries"
    __table_args__ = (
        ForeignKeyConstraint(
            ["project_id", "digest_id", "period"],
            ["digest_runs.project_id", "digest_runs.digest_id", "digest_runs.period"],
            ondelete="CASCADE",
        ),
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    digest_id: Mapped[str] = mapped_column(primary_key=True)
    period: Mapped[str] = mapped_column(primary_key=True)
    recipient: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]  # planned, claimed, sent, failed
    token: Mapped[int]
    lease_until: Mapped[datetime | None]
    attempts: Mapped[int]
    message_id: Mapped[str | None]
    error: Mapped[str | None]
    sent_at: Mapped[datetime | None]
