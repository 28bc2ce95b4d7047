"""The weekly digest: planned once a week and project, claimed by one worker, written once.

A run is `planned`, then `claimed` under a lease, then `written`. Every claim grows the run's token, and what was
composed is saved only under the token it was claimed with: a worker that was thought dead changes nothing when it
wakes up.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.core import periods
from heedback_service.flow import agenda, insights
from heedback_service.store.db import Database, insert_into
from heedback_service.store.tables import Account, Delivery, DigestRun, Member, Project, RollupDay

WEEKLY: Final = "weekly"
DUE: Final = time(7)  # on the Monday after the week, in the project's time zone
LEASE: Final = timedelta(minutes=5)  # composing takes seconds; after this a worker counts as dead


@dataclass(frozen=True, slots=True)
class Claim:
    """A run that is ours until its lease runs out."""

    project_id: int
    digest_id: str
    period: str
    token: int


def plan_due(session: Session, now: datetime) -> bool:
    """Plan the last complete week of every project whose Monday morning has come. True: one was new.

    Earlier weeks are left: a service that slept for months owes its people one digest, not twelve.
    """
    planned = [plan(session, project, period, now) for project, period in _due(session, now)]
    return any(planned)


def plan(session: Session, project: Project, period: str, now: datetime) -> bool:
    """Plan one digest; False if it is there already, in whatever state."""
    row = {"project_id": project.id, "digest_id": WEEKLY, "period": period, "state": "planned", "token": 0}
    made = insert_into(session, DigestRun).values(row | {"planned_at": now}).on_conflict_do_nothing()
    return session.execute(made.returning(DigestRun.period)).first() is not None


def write_next(db: Database, now: datetime) -> bool:
    """Claim one digest, compose it and save it with its deliveries; False: none waits."""
    with db.write() as session:
        claimed = claim(session, now)
    if claimed is None:
        return False
    with db.read() as session:
        content = compose(session, claimed.project_id, claimed.period, now)
    with db.write() as session:
        save(session, claimed, content, now)
    return True


def claim(session: Session, now: datetime) -> Claim | None:
    """Take one run that is planned, or whose worker died: one changed row means it is ours."""
    free = or_(DigestRun.state == "planned", and_(DigestRun.state == "claimed", DigestRun.lease_until <= now))
    key = (DigestRun.project_id, DigestRun.digest_id, DigestRun.period)
    found = session.execute(select(*key).where(free).order_by(DigestRun.planned_at, *key).limit(1)).first()
    if found is None:
        return None
    taken = (
        update(DigestRun)
        .where(free, *(column == value for column, value in zip(key, found, strict=True)))
        .values(state="claimed", lease_until=now + LEASE, token=DigestRun.token + 1)
    )
    row = session.execute(taken.returning(*key, DigestRun.token)).first()
    return Claim(*row) if row else None


def compose(session: Session, project_id: int, period: str, now: datetime) -> dict[str, Any]:
    """The digest of `period` as plain JSON: numbers, item and feedback ids, no word that anybody wrote."""
    project = session.get_one(Project, project_id)
    days, before = periods.days_of(period), periods.days_of(periods.previous(period))
    start, end = periods.bounds(period, project.timezone)
    looked_before = periods.bounds(periods.previous(period), project.timezone)
    downs = insights.rated_down(session, project_id, [*before, *days])
    flags, flagged = agenda.flagged(session, project_id, now)
    content = {
        "first_day": days[0],
        "last_day": days[-1],
        "week": asdict(insights.week(session, project_id, days, downs)),
        "week_before": asdict(insights.week(session, project_id, before, downs)),
        "days": [asdict(day) for day in insights.by_day(session, project_id, days, downs)],
        "features": [asdict(feature) for feature in insights.by_feature(session, project_id, days, before, downs)],
        "first_look": asdict(insights.first_look(session, project_id, start, end)),
        "first_look_before": asdict(insights.first_look(session, project_id, *looked_before)),
        "praise": asdict(insights.praise(session, project_id, days)),
        "new_items": agenda.new_items(session, project_id, start, end),
        "undecided": agenda.undecided(session, project_id, now),
        "flags": flags,
        "flagged": [asdict(line) for line in flagged],
        "first": [asdict(line) for line in agenda.first_on_the_list(session, project_id, now)],
        "settled": asdict(agenda.settled(session, project_id, start, end)),
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def save(session: Session, claimed: Claim, content: dict[str, Any], now: datetime) -> bool:
    """Keep what was composed and plan its deliveries. False: somebody else has taken over; nothing is changed."""
    written = (
        update(DigestRun)
        .where(
            DigestRun.project_id == claimed.project_id,
            DigestRun.digest_id == claimed.digest_id,
            DigestRun.period == claimed.period,
            DigestRun.state == "claimed",
            DigestRun.token == claimed.token,
        )
        .values(state="written", content=content, written_at=now, lease_until=None)
    )
    if session.execute(written.returning(DigestRun.token)).first() is None:
        return False
    for recipient in session.scalars(_subscribers(claimed.project_id)):
        key = {"project_id": claimed.project_id, "digest_id": claimed.digest_id, "period": claimed.period}
        row = key | {"recipient": recipient, "state": "planned", "token": 0, "attempts": 0}
        session.execute(insert_into(session, Delivery).values(row).on_conflict_do_nothing())
    return True


def _due(session: Session, now: datetime) -> list[tuple[Project, str]]:
    due = []
    for project in session.scalars(select(Project).order_by(Project.id)):
        period = periods.last_complete(now, project.timezone)
        _, end = periods.bounds(period, project.timezone)
        zone = ZoneInfo(project.timezone)
        at = datetime.combine(end.astimezone(zone).date(), DUE, zone)
        if now >= at and (project.created_at < end or _has_numbers(session, project.id, period)):
            due.append((project, period))
    return due


def _has_numbers(session: Session, project_id: int, period: str) -> bool:
    """A project made after its week ended has something to tell only if the week's data was brought along."""
    chosen = RollupDay.project_id == project_id, RollupDay.day.in_(periods.days_of(period))
    return session.execute(select(RollupDay.day).where(*chosen).limit(1)).first() is not None


def _subscribers(project_id: int) -> Any:
    wants = Member.project_id == project_id, Member.digest
    return select(Account.email).join(Member, Member.account_id == Account.id).where(*wants).order_by(Account.email)


def _plain(value: Any) -> Any:
    match value:
        case dict():
            return {key: _plain(inner) for key, inner in value.items()}
        case list():
            return [_plain(inner) for inner in value]
        case date() | UUID():
            return str(value)
    return value
