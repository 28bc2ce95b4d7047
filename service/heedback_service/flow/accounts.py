"""Who signs in, and how: accounts, members, passwords, one-time links, sessions.

Every secret has 256 random bits; the store keeps its SHA-256 only, so that who reads the database cannot sign in.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Final, Literal
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError, VerifyMismatchError
from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database, insert_into
from heedback_service.store.tables import Account, AccountSession, Member, Project

LINK_LIVES: Final = timedelta(hours=24)
SESSION_LIVES: Final = timedelta(days=14)
SLIDES_EVERY: Final = timedelta(days=1)
PASSWORD_CHARS: Final = (12, 1024)
# An account takes so many wrong passwords in so much time; then only a link opens it. Kept in the store, so that it
# holds for all processes together. Nobody is locked out for good, and a link works all along.
WRONG_PASSWORDS: Final = 10
WRONG_COUNTED_FOR: Final = timedelta(minutes=15)

# Argon2id with OWASP's 19 MiB and two passes: about 30 ms, and many at once do not exhaust a small machine.
_HASHER: Final = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)

Role = Literal["owner", "maintainer"]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """`secret` belongs into the browser's cookie and nowhere else."""

    account_id: UUID
    secret: str


NO_MATCH: Final = Refused("This e-mail address and password do not match, or there were too many tries lately.")
LINK_SPENT: Final = Refused("This link was used already or is older than a day. Ask for a new one.")


def new_secret() -> str:
    """256 random bits, 43 characters that need no quoting in a URL."""
    return secrets.token_urlsafe(32)


def create_account(
    session: Session, email: str, name: str, now: datetime, new_id: Callable[[], UUID], password: str | None = None
) -> Account | Refused:
    """A new account; without `password` it signs in by link only. E-mail addresses differ by more than case."""
    address = _address(email)
    if address.count("@") != 1 or any(part == "" for part in address.split("@")) or address.split() != [address]:
        return Refused(f"{email!r} is not an e-mail address.")
    if session.scalar(select(Account.id).where(Account.email == address)) is not None:
        return Refused(f"{address} has an account already.")
    shortest, longest = PASSWORD_CHARS
    if password is not None and not shortest <= len(password) <= longest:
        return Refused(f"A password has at least {shortest} characters (at most {longest}).")
    hashed = None if password is None else _HASHER.hash(password)
    account = Account(id=new_id(), email=address, name=name.strip() or address, password_hash=hashed, created_at=now)
    session.add(account)
    session.flush()
    return account


def find_account(session: Session, email: str) -> Account | None:
    return session.scalar(select(Account).where(Account.email == _address(email)))


def add_member(session: Session, project_id: int, account_id: UUID, role: Role = "maintainer") -> None:
    """Give the account a place in the project; if it has one, its role becomes `role`."""
    row = {"project_id": project_id, "account_id": account_id, "role": role}
    added = insert_into(session, Member).values(row)
    session.execute(added.on_conflict_do_update(index_elements=["project_id", "account_id"], set_={"role": role}))


def make_link(session: Session, account_id: UUID, now: datetime, new_secret: Callable[[], str] = new_secret) -> str:
    """The secret of a link that signs in once, within 24 hours: `/signin/link/SECRET`."""
    return _keep(session, account_id, "link", now, LINK_LIVES, new_secret())


def sign_in_link(
    session: Session, link: str, now: datetime, new_secret: Callable[[], str] = new_secret
) -> SignedIn | Refused:
    """Use up a link. Of two browsers that come at once, one gets in: the row changes once."""
    claim = (
        update(AccountSession)
        .where(
            AccountSession.sha256 == _hashed(link),
            AccountSession.kind == "link",
            AccountSession.used_at.is_(None),
            AccountSession.expires_at > now,
        )
        .values(used_at=now)
    )
    account_id: UUID | None = session.execute(claim.returning(AccountSession.account_id)).scalar_one_or_none()
    return LINK_SPENT if account_id is None else open_session(session, account_id, now, new_secret)


def sign_in_password(
    db: Database, email: str, password: str, now: datetime, new_secret: Callable[[], str] = new_secret
) -> SignedIn | Refused:
    """Sign in by password. Unknown accounts, wrong passwords and too many tries look and last the same.

    Takes the database, not a session: while argon2 works, nobody should wait for the write lock.
    """
    with db.read() as session:
        account = find_account(session, email)
    stored = account.password_hash if account is not None else None
    matches = _verify(stored or _nobodys_hash(), password) and stored is not None
    with db.write() as session:  # for an unknown account too: who waits for the lock would otherwise tell them apart
        if account is None:
            return NO_MATCH
        if _wrong_passwords(session, account.id, now) >= WRONG_PASSWORDS:
            return NO_MATCH
        if not matches:
            _keep(session, account.id, "wrong_password", now, WRONG_COUNTED_FOR, new_secret())
            return NO_MATCH
        return open_session(session, account.id, now, new_secret)


def open_session(
    session: Session, account_id: UUID, now: datetime, new_secret: Callable[[], str] = new_secret
) -> SignedIn:
    """A signed-in browser. What has expired of this account goes."""
    expired = (AccountSession.account_id == account_id, AccountSession.expires_at <= now)
    session.execute(delete(AccountSession).where(*expired))
    return SignedIn(account_id, _keep(session, account_id, "session", now, SESSION_LIVES, new_secret()))


def signed_in(db: Database, secret: str, now: datetime) -> Account | None:
    """Whose session this is. It lives 14 days from the last day it was used; a day's first use writes that down."""
    alive = (
        AccountSession.sha256 == _hashed(secret),
        AccountSession.kind == "session",
        AccountSession.expires_at > now,
    )
    with db.read() as session:
        query = select(Account, AccountSession.expires_at).join(AccountSession).where(*alive)
        found = session.execute(query).one_or_none()
    if found is None:
        return None
    account, expires_at = found
    if expires_at <= now + SESSION_LIVES - SLIDES_EVERY:
        with db.write() as session:
            session.execute(update(AccountSession).where(*alive).values(expires_at=now + SESSION_LIVES))
    return account


def sign_out(session: Session, secret: str) -> None:
    session.execute(delete(AccountSession).where(AccountSession.sha256 == _hashed(secret)))


def projects_of(session: Session, account_id: UUID) -> list[Project]:
    """The projects in which this account has a place, by name."""
    query = select(Project).join(Member).where(Member.account_id == account_id).order_by(Project.name, Project.id)
    return list(session.scalars(query))


def project_of(session: Session, account_id: UUID, slug: str) -> Project | None:
    """The project, if this account is a member; to a stranger it looks as if there were none."""
    return session.scalar(select(Project).join(Member).where(Member.account_id == account_id, Project.slug == slug))


def members_of(session: Session, project_id: int) -> list[Account]:
    """Who can own an item here, by name."""
    query = select(Account).join(Member).where(Member.project_id == project_id).order_by(Account.name, Account.id)
    return list(session.scalars(query))


def _keep(session: Session, account_id: UUID, kind: str, now: datetime, lives: timedelta, secret: str) -> str:
    row = AccountSession(
        sha256=_hashed(secret), account_id=account_id, kind=kind, created_at=now, expires_at=now + lives
    )
    session.add(row)
    session.flush()
    return secret


def _wrong_passwords(session: Session, account_id: UUID, now: datetime) -> int:
    recent = (
        AccountSession.account_id == account_id,
        AccountSession.kind == "wrong_password",
        AccountSession.expires_at > now,
    )
    return session.scalar(select(func.count()).select_from(AccountSession).where(*recent)) or 0


def _verify(hashed: str, password: str) -> bool:
    try:
        return _HASHER.verify(hashed, password[: PASSWORD_CHARS[1]])
    except (VerifyMismatchError, VerificationError):
        return False


@cache
def _nobodys_hash() -> str:
    """What an unknown account is checked against, so that its answer takes as long."""
    return _HASHER.hash(new_secret())


def _address(email: str) -> str:
    return email.strip().casefold()


def _hashed(secret: str) -> bytes:
    return hashlib.sha256(secret.encode(errors="surrogatepass")).digest()
