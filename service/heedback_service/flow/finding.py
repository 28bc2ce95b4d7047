"""What finds an item: the keys of the reports it holds, as the store keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from heedback_service.core.grouping import GROUPING_VERSION
from heedback_service.flow import reports
from heedback_service.flow.reports import Keyed
from heedback_service.store.db import insert_into
from heedback_service.store.joins import HELD, PLACED
from heedback_service.store.tables import Feedback, Item, ItemFeedback, ItemKey

HOLDS: Final = (ItemFeedback.project_id == ItemKey.project_id) & (ItemFeedback.feedback_id == ItemKey.feedback_id)
_BITS: Final = (1 << 64) - 1
_REKEYED: Final = 200  # reports of an item that are read to find new holders for the keys of one that left


def number(feature_id: UUID, key: str) -> int:
    """What stands for a key of a report of this feature in the store: 64 bits, with a sign, of 128 or 64.

    That two texts of a feature with a million should share one by chance has odds of one in thirty million.
    """
    return (int(key[:16], 16) ^ (feature_id.int & _BITS)) - (1 << 63)


def key_rows(project_id: int, report: Keyed, bands: Iterable[str]) -> list[dict[str, Any]]:
    """The rows by which `report` makes its item findable, with these of its bands."""
    its = {"project_id": project_id, "feedback_id": report.told.id}
    return [its | {"key": number(report.told.feature_id, key)} for key in (report.keys.signature, *bands)]


def rekey(session: Session, project_id: int, item_id: UUID) -> None:
    """Find the item by today's keys, whatever the keys were when its reports came. The caller holds the feature."""
    its = select(ItemFeedback.feedback_id).where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == item_id)
    session.execute(delete(ItemKey).where(ItemKey.project_id == project_id, ItemKey.feedback_id.in_(its)))
    hand_over(session, project_id, item_id)
    session.execute(
        update(ItemFeedback)
        .where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == item_id)
        .values(grouping_version=GROUPING_VERSION)
        .execution_options(synchronize_session=False)
    )


def hand_over(session: Session, project_id: int, item_id: UUID) -> None:
    """Let those who stay hold the keys of their texts, now that one who held keys for all has left."""
    staying = (
        reports.reading(project_id)
        .join(ItemFeedback, PLACED)
        .join(Item, HELD)
        # Not those that moved to another feature, and will leave: keys find items of their own feature.
        .where(ItemFeedback.item_id == item_id, Feedback.feature_id == Item.feature_id)
        .order_by(Feedback.id.desc())
        .limit(_REKEYED)
    )
    rows: dict[int, list[dict[str, Any]]] = {}  # by the signature
    for report in reports.keyed(session, project_id, map(reports.told, session.execute(staying))):
        signature = number(report.told.feature_id, report.keys.signature)
        if signature not in rows:
            rows[signature] = key_rows(project_id, report, report.keys.bands)
    kept = (
        select(ItemKey.key)
        .join(ItemFeedback, HOLDS)
        .where(ItemKey.project_id == project_id, ItemFeedback.item_id == item_id, ItemKey.key.in_(rows))
    )
    for signature in session.scalars(kept).all() if rows else ():
        rows.pop(signature, None)
    lacking = [row for its in rows.values() for row in its]
    if lacking:
        session.connection().execute(insert_into(session, ItemKey), lacking)
