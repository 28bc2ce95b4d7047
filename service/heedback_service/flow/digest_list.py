"""The digests of a project, and how the mail of one of them went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.core.wording import count, days, listed
from heedback_service.flow.digest import WEEKLY
from heedback_service.flow.digest_words import headline
from heedback_service.store.tables import Delivery, DigestRun, Project

SHOWN: Final = 104  # two years of weeks


@dataclass(frozen=True, slots=True)
class Issue:
    """A written digest on the list."""

    period: str
    dates: str
    headline: str
    written_at: datetime | None


def issues(session: Session, project: Project) -> list[Issue]:
    """What was written, the latest week first."""
    written = select(DigestRun).where(
        DigestRun.project_id == project.id, DigestRun.digest_id == WEEKLY, DigestRun.state == "written"
    )
    return [_issue(run) for run in session.scalars(written.order_by(DigestRun.period.desc()).limit(SHOWN))]


def written_run(session: Session, project: Project, period: str) -> DigestRun | None:
    run = session.get(DigestRun, (project.id, WEEKLY, period))
    return run if run is not None and run.state == "written" else None


def mail_status(session: Session, run: DigestRun) -> str | None:
    """`Mailed to alice@example.com. Still trying bob@example.com: 450 mailbox busy.` None: to nobody."""
    rows = session.scalars(
        select(Delivery)
        .where(
            Delivery.project_id == run.project_id, Delivery.digest_id == run.digest_id, Delivery.period == run.period
        )
        .order_by(Delivery.recipient)
    ).all()
    sent = [row.recipient for row in rows if row.state == "sent"]
    said = [f"Mailed to {listed(sent)}."] if sent else []
    said += [f"Not mailed to {row.recipient}: {row.error}." for row in rows if row.state == "failed"]
    waiting = [row for row in rows if row.state in ("planned", "claimed")]
    said += [f"Trying {row.recipient} again: {row.error}." for row in waiting if row.error]
    fresh = [row for row in waiting if not row.error]
    said += [f"Mail to {row.recipient} is begun and not known to be done." for row in fresh if row.state == "claimed"]
    if new := sum(row.state == "planned" for row in fresh):
        said.append(f"{count(new, 'mail')} on the way.")
    return " ".join(said) or None


def _issue(run: DigestRun) -> Issue:
    content = run.content or {}
    first, last = (date.fromisoformat(content[key]) for key in ("first_day", "last_day"))
    return Issue(run.period, f"{days(first, last)} {last.year}", headline(content), run.written_at)
