"""Digests on their way: claimed before they are sent, marked afterwards, tried again when the server is away.

At least once: a sender that dies between sending and marking is taken over after its lease, and the twin carries the
same Message-ID, by which a mail reader can drop it.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any, Final

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.channels import email, outbox
from heedback_service.channels.email import Outcome, Refused, Sent, TryLater
from heedback_service.flow.digest_mail import mail, message_id
from heedback_service.flow.digest_view import view
from heedback_service.logs import FIELDS
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Account, Delivery, DigestRun, Member, Project

LEASE: Final = timedelta(minutes=10)  # an SMTP conversation of ten answers at 20 s each ends well before
FIRST_WAIT: Final = timedelta(minutes=2)  # doubled at every attempt, up to
LONGEST_WAIT: Final = timedelta(hours=4)
ATTEMPTS: Final = 20  # two days and six hours; after that the week is old news
UNWANTED: Final = Refused("not a member who wants the digest any more")  # which is as it should be
DIED: Final = Refused("every sender ended before it was done")

_KEY: Final = (Delivery.project_id, Delivery.digest_id, Delivery.period, Delivery.recipient)
_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that is ours until its lease runs out."""

    project_id: int
    digest_id: str
    period: str
    recipient: str
    token: int
    attempts: int
    project: str  # its slug


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to go; `name` is its file's in the outbox."""

    message: EmailMessage
    name: str


def deliver_next(db: Database, settings: Settings, now: datetime) -> Outcome | None:
    """Send one mail that is due, and say what came of it; None: none is.

    No transaction is open while the mail server is spoken to. What could not be delivered is a line in the log. Before
    any is sent, what killed its senders is given up, which is an outcome of its own.
    """
    with db.write() as session:
        if _give_up(session, now):
            return DIED
        claimed = claim(session, now, settings.mail_from)
    if claimed is None:
        return None
    with db.read() as session:
        letter = _letter(session, claimed, settings, now)
    outcome = letter if isinstance(letter, Refused) else _send(letter, claimed, settings)
    with db.write() as session:
        ours = mark(session, claimed, outcome, now)
    if ours and (trouble := trouble_in(outcome)):
        _tell(claimed, trouble)
    return outcome


def trouble_in(outcome: Outcome) -> TryLater | Refused | None:
    """The outcome, if somebody does not get by it what they want."""
    return None if isinstance(outcome, Sent) or outcome == UNWANTED else outcome


def undelivered(session: Session, project_id: int, digest_id: str, period: str) -> tuple[int, int]:
    """How many mails of a digest were tried in vain, whether they are tried again or not; and how many there are.

    One that was begun and neither sent nor given up is one of them: its sender may have died.
    """
    its = (Delivery.project_id == project_id, Delivery.digest_id == digest_id, Delivery.period == period)
    begun = Delivery.state == "claimed"
    in_vain = func.count().filter(Delivery.state != "sent", or_(begun, Delivery.error != UNWANTED.reason))
    tried, all_of_them = session.execute(select(in_vain, func.count()).where(*its)).one()
    return tried, all_of_them


def claim(session: Session, now: datetime, sender: str) -> Claim | None:
    """Take one delivery that is due, or whose sender died. It is an attempt whether or not we live to mark it."""
    due = and_(
        or_(Delivery.lease_until.is_(None), Delivery.lease_until <= now), Delivery.state.in_(("planned", "claimed"))
    )
    found = session.execute(select(*_KEY).where(due).order_by(Delivery.attempts, *_KEY).limit(1)).first()
    if found is None:
        return None
    project = session.get_one(Project, found.project_id)
    taken = (
        update(Delivery)
        .where(due, *_is(found))
        .values(
            state="claimed",
            lease_until=now + LEASE,
            token=Delivery.token + 1,
            attempts=Delivery.attempts + 1,
            message_id=message_id(project, found.digest_id, found.period, found.recipient, sender),
        )
    )
    row = session.execute(taken.returning(*_KEY, Delivery.token, Delivery.attempts)).first()
    return Claim(*row, project.slug) if row else None


def mark(session: Session, claimed: Claim, outcome: Outcome, now: datetime) -> bool:
    """Write down what came of it. False: somebody else took the delivery over; nothing is changed."""
    match outcome:
        case Sent():
            values = {"state": "sent", "sent_at": now, "lease_until": None, "error": None}
        case TryLater(reason) if claimed.attempts < ATTEMPTS:
            values = {"state": "planned", "lease_until": now + wait(claimed.attempts), "error": reason}
        case TryLater(reason) | Refused(reason):
            values = {"state": "failed", "lease_until": None, "error": reason}
    ours = (*_is(claimed), Delivery.state == "claimed", Delivery.token == claimed.token)
    changed = session.execute(update(Delivery).where(*ours).values(values).returning(Delivery.token)).first()
    return changed is not None


def wait(attempts: int) -> timedelta:
    """How long to leave a mail alone after `attempts` (at least 1) in vain."""
    doublings: int = 2 ** (attempts - 1)
    return min(FIRST_WAIT * doublings, LONGEST_WAIT)


def _give_up(session: Session, now: datetime) -> int:
    """What killed its sender every time is not tried for ever. How many these were, each a line in the log."""
    hopeless = (Delivery.state == "claimed", Delivery.lease_until <= now, Delivery.attempts >= ATTEMPTS)
    died = {"state": "failed", "lease_until": None, "error": DIED.reason}
    rows = session.execute(update(Delivery).where(*hopeless).values(died).returning(*_KEY, Delivery.attempts)).all()
    for row in rows:
        slug = session.get_one(Project, row.project_id).slug
        _log.error("digest not delivered: %s", DIED.reason, extra=_fields(slug, row))
    return len(rows)


def _letter(session: Session, claimed: Claim, settings: Settings, now: datetime) -> Letter | Refused:
    if not _still_wanted(session, claimed):
        return UNWANTED
    run = session.get_one(DigestRun, (claimed.project_id, claimed.digest_id, claimed.period))
    project = session.get_one(Project, claimed.project_id)
    delivery = session.get_one(Delivery, tuple(getattr(claimed, column.key) for column in _KEY))
    shown = view(session, project, run, settings.public_url)
    name = f"{project.slug}-{claimed.digest_id}-{claimed.period}-{_hash(claimed.recipient)}"
    try:
        return Letter(email.build(mail(shown, delivery, settings.mail_from, run.written_at or now)), name)
    except ValueError as error:
        return Refused(f"cannot be addressed: {error}")


def _send(letter: Letter, claimed: Claim, settings: Settings) -> Outcome:
    kept = outbox.put(letter.message, settings.outbox, letter.name)
    if settings.smtp_url is None:
        return kept
    if isinstance(kept, TryLater):
        _log.warning("digest not kept: %s", kept.brief, extra=_fields(claimed.project, claimed))
    return email.send(letter.message, settings.smtp_url)


def _tell(claimed: Claim, outcome: TryLater | Refused) -> None:
    """What a mail server said is left out: it can quote the address. The foot of the digest's page has it."""
    why = outcome.brief or outcome.reason
    if isinstance(outcome, TryLater) and claimed.attempts < ATTEMPTS:
        told = "digest not delivered: %s; trying again in %s"
        _log.warning(told, why, wait(claimed.attempts), extra=_fields(claimed.project, claimed))
    else:
        _log.error("digest not delivered: %s", why, extra=_fields(claimed.project, claimed))


def _fields(project: str, row: Any) -> dict[str, Any]:
    return {FIELDS: {"project": project, "digest": row.digest_id, "period": row.period, "attempts": row.attempts}}


def _still_wanted(session: Session, claimed: Claim) -> bool:
    wants = select(Member.role).join(Account, Account.id == Member.account_id)
    chosen = Member.project_id == claimed.project_id, Member.digest, Account.email == claimed.recipient
    return session.execute(wants.where(*chosen)).first() is not None


def _is(row: Any) -> list[Any]:
    return [column == getattr(row, column.key) for column in _KEY]


def _hash(recipient: str) -> str:
    return hashlib.sha256(recipient.encode()).hexdigest()[:12]
