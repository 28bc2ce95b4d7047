"""API keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback.tickets import ticket_key
from heedback_service.store.tables import ApiKey, ApiKeyIndex, Project

_PREFIX: Final = "hb_sk_"


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in clear, for the one time it is shown."""

    kid: str
    text: str


def make_key(session: Session, project: Project, now: datetime) -> NewKey:
    """A fresh secret key for the project: `hb_sk_<kid>_<secret>`, 256 random bits."""
    kid, secret = secrets.token_hex(6), secrets.token_hex(32)
    text = f"{_PREFIX}{kid}_{secret}"
    session.add(ApiKeyIndex(kid=kid, project_id=project.id))
    session.add(
        ApiKey(project_id=project.id, kid=kid, sha256=_digest(text), ticket_key=ticket_key(secret), created_at=now)
    )
    return NewKey(kid, text)


def revoke_key(session: Session, project: Project, kid: str, now: datetime) -> bool:
    """From now on the key opens nothing. False when the project has no such living key."""
    key = session.get(ApiKey, (project.id, kid))
    if key is None or key.revoked_at is not None:
        return False
    key.revoked_at = now
    return True


def project_of(session: Session, text: str) -> Project | None:
    """The project that a key in clear opens, or None: unknown, wrong and revoked look the same."""
    kid = text.removeprefix(_PREFIX).partition("_")[0]
    found = session.execute(
        select(Project, ApiKey)
        .join(ApiKeyIndex, ApiKeyIndex.project_id == Project.id)
        .join(ApiKey, (ApiKey.project_id == Project.id) & (ApiKey.kid == ApiKeyIndex.kid))
        .where(ApiKeyIndex.kid == kid)
    ).one_or_none()
    if found is None:
        return None
    project, key = found
    right = hmac.compare_digest(key.sha256, _digest(text))
    return project if right and key.revoked_at is None else None


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
