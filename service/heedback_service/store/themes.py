"""What is probably about one thing: themes, candidates, and when each feature was last looked at for them.

All of it is worked out from the items and can be thrown away: no decision is kept here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base, in_project


class Theme(Base):
    """Items of one feature that are probably about one thing; `items.theme_id` says which."""

    __tablename__ = "themes"
    __table_args__ = (in_project("feature_id", of="features"), Index(None, "project_id", "feature_id"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    feature_id: Mapped[UUID]
    title: Mapped[str]
    grouping_version: Mapped[int]


class Candidate(Base):
    """An earlier item that `item_id` may repeat, with the words that tie the two."""

    __tablename__ = "candidates"
    __table_args__ = (
        in_project("item_id", of="items"),
        in_project("other_id", of="items"),
        Index(None, "project_id", "other_id"),
        {"sqlite_with_rowid": False},
    )

    project_id: Mapped[int] = mapped_column(primary_key=True)
    item_id: Mapped[UUID] = mapped_column(primary_key=True)
    other_id: Mapped[UUID] = mapped_column(primary_key=True)
    score: Mapped[float]
    why: Mapped[list[str]]
    grouping_version: Mapped[int]


class ThemeRun(Base):
    """When a feature's items were last read for their themes, and until when somebody is at it."""

    __tablename__ = "theme_runs"
    __table_args__ = (in_project("feature_id", of="features"),)

    project_id: Mapped[int] = mapped_column(primary_key=True)
    feature_id: Mapped[UUID] = mapped_column(primary_key=True)
    looked_at: Mapped[datetime | None]
    lease_until: Mapped[datetime]
    token: Mapped[UUID]
