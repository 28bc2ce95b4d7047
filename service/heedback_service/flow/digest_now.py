"""A digest on demand, for the command line: the same steps that the jobs take, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from heedback_service.core import periods
from heedback_service.flow import deliver, digest
from heedback_service.flow.digest_mail import as_text
from heedback_service.flow.digest_view import view
from heedback_service.flow.refusal import Refused
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import DigestRun, Project


@dataclass(frozen=True, slots=True)
class Edition:
    """One digest, as people get it; `mails` are the files it was put into.

    Of `recipients` people who are to get it by mail, for `in_vain` that failed, for now or for good.
    """

    period: str
    subject: str
    text: str
    mails: tuple[Path, ...]
    in_vain: int
    recipients: int


def digest_now(
    db: Database, settings: Settings, project: Project, period: str | None, now: datetime
) -> Edition | Refused:
    """The digest of a week, by default the last complete one; written and sent first if it was not yet."""
    last = periods.last_complete(now, project.timezone)
    wanted = period or last
    try:
        if periods.bounds(wanted, project.timezone)[1] > now:
            return Refused(f"{wanted} is not over yet; the last complete week is {last}")
    except ValueError as error:
        return Refused(str(error))
    with db.write() as session:
        digest.plan(session, project, wanted, now)
    while digest.write_next(db, now) or deliver.deliver_next(db, settings, now) is not None:
        pass
    with db.read() as session:
        run = session.get_one(DigestRun, (project.id, digest.WEEKLY, wanted))
        if run.state != "written":
            return Refused(f"another process is writing the digest of {wanted}; try again in a minute")
        shown = view(session, project, run, settings.public_url)
        in_vain, recipients = deliver.undelivered(session, project.id, digest.WEEKLY, wanted)
    mails = sorted(settings.outbox.glob(f"{project.slug}-{digest.WEEKLY}-{wanted}-*.eml"))
    return Edition(wanted, shown.subject, as_text(shown), tuple(mails), in_vain, recipients)
