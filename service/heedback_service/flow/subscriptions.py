"""Who gets the digest by mail: every member, unless they say no."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from heedback_service.store.tables import Member


def subscribe(session: Session, project_id: int, account_id: UUID) -> None:
    _set(session, project_id, account_id, digest=True)


def unsubscribe(session: Session, project_id: int, account_id: UUID) -> None:
    """Mail that was planned before is not sent either."""
    _set(session, project_id, account_id, digest=False)


def subscribed(session: Session, project_id: int, account_id: UUID) -> bool:
    return bool(session.scalar(select(Member.digest).where(*_place(project_id, account_id))))


def _set(session: Session, project_id: int, account_id: UUID, *, digest: bool) -> None:
    session.execute(update(Member).where(*_place(project_id, account_id)).values(digest=digest))


def _place(project_id: int, account_id: UUID) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return Member.project_id == project_id, Member.account_id == account_id
