"""Making projects, how long they keep what they take in, and what they weigh."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from heedback_service.core.priority import HEAVIEST, Weights
from heedback_service.flow import placement
from heedback_service.flow.refusal import Refused
from heedback_service.flow.standing import OPEN
from heedback_service.store.tables import Feature, Item, Project

# At least as long as a digest looks back and a sender may try again; an event sent again later would count again.
RETENTION_DAYS: Final = (30, 3650)
# As browsers send it in the header Origin: lower case, no path, and a name that is not ASCII in its xn-- form.
_ORIGIN: Final = re.compile(r"https?://([a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\])(:[1-9][0-9]{0,4})?")
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def create_project(
    session: Session, slug: str, name: str, timezone: str, now: datetime, retention_days: int = 400
) -> Project | Refused:
    """A new project. Its days and weeks are cut in `timezone`, an IANA name; what it takes in goes after
    `retention_days` (30 to 3650)."""
    if not _SLUG.fullmatch(slug):
        return Refused(f"{slug!r} is not a slug: use a-z, 0-9 and hyphens, at most 64")
    if session.scalar(select(Project.id).where(Project.slug == slug)) is not None:
        return Refused(f"project {slug} exists already")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return Refused(f"{timezone!r} is not a time zone; use a name such as Europe/Oslo")
    project = Project(slug=slug, name=name, timezone=timezone, created_at=now)
    if refused := set_retention(project, retention_days):
        return refused
    session.add(project)
    session.flush()
    return project


def set_retention(project: Project, days: int) -> Refused | None:
    """Keep outputs and feedback for so many days (30 to 3650). A longer time brings back nothing that is gone."""
    shortest, longest = RETENTION_DAYS
    if not shortest <= days <= longest:
        return Refused(f"retention is {shortest} to {longest} days, not {days}")
    project.retention_days = days
    return None


def set_weights(session: Session, project: Project, named: Mapping[str, float]) -> Refused | None:
    """Weigh these factors of priority so, 0 to 3, and leave the others. Open items are due to be ranked anew at once,
    by the job that does so every few minutes, or by whoever calls `aging.reprioritise`. Waits for those who rank."""
    known = asdict(Weights())
    for name, weight in named.items():
        if name not in known:
            return Refused(f"{name!r} is no factor of priority; those are {', '.join(known)}")
        if not 0 <= weight <= HEAVIEST:
            return Refused(f"a weight is 0 to {HEAVIEST:g}, not {weight:g}")
    features = select(Feature.id).where(Feature.project_id == project.id)
    # Nobody may be about to write a priority by the old weights.
    placement.hold(session, project.id, session.scalars(features).all(), wait=True)
    session.refresh(project, ["weights"], with_for_update={"key_share": True})  # as somebody else may have left it
    project.weights = Weights.of({**(project.weights or {}), **named}).as_json() or None
    session.execute(update(Item).where(Item.project_id == project.id, OPEN).values(prioritised_at=_LONG_AGO))
    return None


def set_origins(project: Project, origins: Sequence[str]) -> Refused | None:
    """Let pages of these origins, and no others, post straight from a browser: `https://www.example.org`."""
    unfit = [origin for origin in origins if not _ORIGIN.fullmatch(origin)]
    if unfit:
        return Refused(f"{unfit[0]!r} is no origin as browsers send it; use one such as https://www.example.org")
    project.origins = sorted({_plain(origin) for origin in origins}) or None
    return None


def _plain(origin: str) -> str:
    """As a browser sends it: without the port that goes without saying."""
    port = {"http": ":80", "https": ":443"}[origin.partition(":")[0]]
    return origin.removesuffix(port)


def new_user_key() -> str:
    """A key by which the host turns its user ids into pseudonyms. 256 random bits; the service never keeps it."""
    return secrets.token_hex(32)
