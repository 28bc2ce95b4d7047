"""API keys: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from heedback.tickets import ticket_key
from heedback_service.store.db import Database
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.tables import ApiKey, ApiKeyIndex, Project

_PREFIX: Final = "hb_sk_"
_REMEMBERED: Final = 10_000

_BY_KID: Final = (
    select(ApiKey.project_id, Project.timezone, ApiKey.sha256, ApiKey.corrects)
    .join(ApiKeyIndex, (ApiKeyIndex.project_id == ApiKey.project_id) & (ApiKeyIndex.kid == ApiKey.kid))
    .join(Project, Project.id == ApiKey.project_id)
    .where(ApiKey.kid == bindparam("kid"), ApiKey.revoked_at.is_(None))
)
_LIVING: Final = Direct(
    lambda dialect: (
        select(ApiKey.kid)
        .join(ApiKeyIndex, (ApiKeyIndex.project_id == ApiKey.project_id) & (ApiKeyIndex.kid == ApiKey.kid))
        .where(among(dialect, ApiKeyIndex.kid, "kids"), ApiKey.revoked_at.is_(None))
    )
)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key in clear, for the one time it is shown."""

    kid: str
    text: str


def make_key(session: Session, project: Project, now: datetime, *, corrects: bool = False) -> NewKey:
    """A fresh secret key for the project: `hb_sk_<kid>_<secret>`, 256 random bits.

    `corrects`: it may correct triage, too. A key that apps have should not: whoever finds it could rewrite the backlog.
    """
    kid, secret = secrets.token_hex(6), secrets.token_hex(32)
    text = f"{_PREFIX}{kid}_{secret}"
    session.add(ApiKeyIndex(kid=kid, project_id=project.id))
    kept = {"sha256": _digest(text), "ticket_key": ticket_key(secret), "corrects": corrects}
    session.add(ApiKey(project_id=project.id, kid=kid, created_at=now, **kept))
    return NewKey(kid, text)


def keys_of(session: Session, project: Project) -> list[ApiKey]:
    """Every key the project has ever had, the oldest first."""
    return list(
        session.scalars(select(ApiKey).where(ApiKey.project_id == project.id).order_by(ApiKey.created_at, ApiKey.kid))
    )


def revoke_key(session: Session, project: Project, kid: str, now: datetime) -> bool:
    """From now on the key opens nothing. False when the project has no such living key."""
    key = session.get(ApiKey, (project.id, kid))
    if key is None or key.revoked_at is not None:
        return False
    key.revoked_at = now
    return True


@dataclass(frozen=True, slots=True)
class Access:
    """What a key opens."""

    kid: str
    project_id: int
    timezone: str
    corrects: bool = False


def access(session: Session, text: str) -> Access | None:
    """What a key in clear opens, or None: unknown, wrong and revoked look the same."""
    kid = text.removeprefix(_PREFIX).partition("_")[0]
    if not (kid.isascii() and kid.isalnum()):  # PostgreSQL cannot even be asked for NUL
        return None
    row = session.connection().execute(_BY_KID, {"kid": kid}).one_or_none()
    if row is None:
        return None
    project_id, timezone, sha256, corrects = row
    return Access(kid, project_id, timezone, corrects) if hmac.compare_digest(sha256, _digest(text)) else None


def living(line: Line, kids: Collection[str]) -> set[str]:
    """Those of the keys that are not revoked."""
    return {kid for (kid,) in _LIVING.rows(line, kids=list(kids))}


class Doorkeeper:
    """Remembers which keys were good, so that most requests need no look-up. Safe for several threads.

    A revoked key may get past for as long as it is remembered, but not further: whoever writes asks `living` again in
    the transaction that stores.
    """

    def __init__(self) -> None:
        self._good: dict[bytes, Access] = {}

    def access(self, db: Database, text: str) -> Access | None:
        """What a key in clear opens, or None."""
        digest = _digest(text)
        found = self._good.get(digest)
        if found is None:
            with db.read() as session:
                found = access(session, text)
            if found is not None:
                if len(self._good) >= _REMEMBERED:
                    self._good.clear()
                self._good[digest] = found
        return found

    def forget(self) -> None:
        """Ask the store again, for everybody."""
        self._good.clear()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
