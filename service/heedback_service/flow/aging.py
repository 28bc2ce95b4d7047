"""What time alone does to items: snoozes end, and priorities change as reports grow old."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from heedback_service.flow import ranking
from heedback_service.store.db import insert_into
from heedback_service.store.tables import Feature, Item, ItemEvent

BATCH: Final = 200
EVERY: Final = timedelta(hours=6)


def wake_due(session: Session, now: datetime, *, new_id: Callable[[], UUID]) -> bool:
    """Bring back items whose snooze is over, with an event `woke`; says whether there were any. The caller commits.

    An item that somebody works on is left for the next time.
    """
    due = select(Item.project_id, Item.id).where(Item.snoozed_until <= now)
    waking = (
        update(Item)
        .where(tuple_(Item.project_id, Item.id).in_(due.with_for_update(key_share=True, skip_locked=True)))
        .values(snoozed_until=None, changed_at=now)
        .returning(Item.project_id, Item.id)
        .execution_options(synchronize_session=False)
    )
    events = [
        {
            "project_id": project_id,
            "id": new_id(),
            "item_id": item_id,
            "verb": "woke",
            "before": {},
            "after": {"snoozed_until": None},
            "at": now,
        }
        for project_id, item_id in session.execute(waking)
    ]
    if events:
        session.execute(insert_into(session, ItemEvent), events)
    return bool(events)


def reprioritise(session: Session, now: datetime, every: timedelta = EVERY) -> bool:
    """Read open items anew that were not read for `every`, a bounded number; says whether there were any.

    Items of a feature that somebody works on are left for the next time.
    """
    due = (
        select(Item.project_id, Item.id)
        .join(Feature, (Feature.project_id == Item.project_id) & (Feature.id == Item.feature_id))
        .where(Item.state.in_(("new", "accepted")), Item.feedback_count > 0, Item.prioritised_at <= now - every)
        .order_by(Item.prioritised_at, Item.project_id, Item.id)
        .limit(BATCH)
        .with_for_update(key_share=True, skip_locked=True, of=Feature)
    )
    by_project: dict[int, list[UUID]] = defaultdict(list)
    for project_id, item_id in session.execute(due):
        by_project[project_id].append(item_id)
    for project_id, items in by_project.items():
        ranking.refresh(session, project_id, items, now)
    return bool(by_project)
