"""Making projects."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.store.tables import Project

_SLUG: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was made; `why` is a sentence for the person who asked."""

    why: str


def create_project(session: Session, slug: str, name: str, timezone: str, now: datetime) -> Project | Refused:
    """A new project. Its days and weeks are cut in `timezone`, an IANA name."""
    if not _SLUG.fullmatch(slug):
        return Refused(f"{slug!r} is not a slug: use a-z, 0-9 and hyphens, at most 64")
    if session.scalar(select(Project.id).where(Project.slug == slug)) is not None:
        return Refused(f"project {slug} exists already")
    try:
        ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError):
        return Refused(f"{timezone!r} is not a time zone; use a name such as Europe/Oslo")
    project = Project(slug=slug, name=name, timezone=timezone, created_at=now)
    session.add(project)
    session.flush()
    return project


def new_user_key() -> str:
    """A key by which the host turns its user ids into pseudonyms. 256 random bits; the service never keeps it."""
    return secrets.token_hex(32)
