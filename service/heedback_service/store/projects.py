"""Who owns what: projects, their keys and members; accounts and their sessions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, LargeBinary, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from heedback_service.store.base import Base, in_project


class Project(Base):
    """Global. One host application."""

    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    timezone: Mapped[str]  # changing it rebuilds the roll-ups: their days are project-local
    retention_days: Mapped[int] = mapped_column(default=400)
    origins: Mapped[list[str] | None]  # of pages that may post to `/v1/widget` straight from a browser; NULL: none
    purged_before: Mapped[date | None]  # rows of earlier days may be gone while their counts stay
    texts_sifted_until: Mapped[datetime | None]  # texts received by then were kept only if somebody gave feedback
    join_at: Mapped[float | None]  # nearness at which reports join; learnt from people's answers, NULL: none yet
    weights: Mapped[dict[str, Any] | None]  # of priority's factors, those that are not 1; NULL: all are
    last_item_number: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]


class ApiKeyIndex(Base):
    """Global. Which project a key id belongs to: the one look-up made before the project is known."""

    __tablename__ = "api_key_index"

    kid: Mapped[str] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"))


class ApiKey(Base):
    """A secret key, as its SHA-256; `ticket_key` checks the tickets that the host signs."""

    __tablename__ = "api_keys"

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    kid: Mapped[str] = mapped_column(primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary)
    ticket_key: Mapped[bytes] = mapped_column(LargeBinary)
    corrects: Mapped[bool] = mapped_column(default=False, server_default=text("false"))  # triage: apps' keys may not
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class Account(Base):
    """Global. A person who signs in."""

    __tablename__ = "accounts"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    password_hash: Mapped[str | None]  # argon2; None: signs in by link only
    created_at: Mapped[datetime]


class AccountSession(Base):
    """Global. A signed-in browser (`kind` session) or a one-time link (`kind` link), as the SHA-256 of its secret."""

    __tablename__ = "account_sessions"

    sha256: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str]
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Member(Base):
    """An account's place in a project. `role` is `owner` or `maintainer`."""

    __tablename__ = "members"
    __table_args__ = (Index(None, "account_id"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[str]
    digest: Mapped[bool] = mapped_column(default=True, server_default=text("true"))


class Feature(Base):
    """One AI use case of a project. Made on first sight, up to a cap; then events count for `other`."""

    __tablename__ = "features"
    __table_args__ = (UniqueConstraint("project_id", "name"),)

    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    technical_owner: Mapped[str | None]
    workflow_owner: Mapped[str | None]
    created_at: Mapped[datetime]


class Slice(Base):
    """The tuple by which everything is split. `id` is derived from the tuple, so no two workers can make it twice."""

    __tablename__ = "slices"
    __table_args__ = (in_project("feature_id", of="features"), Index(None, "project_id", "feature_id"))

    project_id: Mapped[int] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    feature_id: Mapped[UUID]
    provider: Mapped[str | None]
    request_model: Mapped[str | None]
    response_model: Mapped[str | None]
    system_fingerprint: Mapped[str | None]
    prompt_name: Mapped[str | None]
    prompt_version: Mapped[str | None]
    app_version: Mapped[str | None]
    environment: Mapped[str | None]
    surface: Mapped[str | None]
    user_group: Mapped[str | None]
    overflow: Mapped[bool] = mapped_column(default=False)  # the slice of what came after the cap
