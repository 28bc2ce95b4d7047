"""How the service is doing, in a few numbers of the whole database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from heedback_service.store.tables import Delivery, Feedback

_STATES: Final = ("planned", "claimed", "sent", "failed")
_SIZE: Final = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}


@dataclass(frozen=True, slots=True)
class Vitals:
    """`oldest_untriaged_seconds` is 0 when nothing waits; `deliveries` counts digests to recipients by state."""

    untriaged: int
    oldest_untriaged_seconds: float
    deliveries: Mapping[str, int]
    database_bytes: int


def vitals(session: Session, now: datetime) -> Vitals:
    """The numbers at `now`."""
    waiting = select(func.count(), func.min(Feedback.changed_at)).where(Feedback.triaged_at.is_(None))
    untriaged, oldest = session.execute(waiting).one()
    counted = dict(session.execute(select(Delivery.state, func.count()).group_by(Delivery.state)).all())
    return Vitals(
        untriaged=untriaged,
        oldest_untriaged_seconds=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
        deliveries={state: counted.get(state, 0) for state in _STATES},
        database_bytes=session.scalar(text(_SIZE[session.get_bind().dialect.name])) or 0,
    )
