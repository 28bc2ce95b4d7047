"""Feedback in items: who is in, who is out, with the refcounts that keep an item's people exact."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from heedback_service.store.tables import Feedback, Item, ItemFeedback, ItemKey, ItemPerson


def withdraw(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> list[UUID]:
    """Take feedback out of its items, with the keys it holds; returns the items that lost some."""
    leaving = (
        select(ItemFeedback.item_id, Feedback.person)
        .join(Feedback, (Feedback.project_id == ItemFeedback.project_id) & (Feedback.id == ItemFeedback.feedback_id))
        .where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(feedback_ids))
        .order_by(ItemFeedback.item_id, Feedback.person)
    )
    rows = session.execute(leaving).all()
    if not rows:
        return []
    for item_id, person in rows:
        session.execute(
            update(ItemPerson)
            .where(ItemPerson.project_id == project_id, ItemPerson.item_id == item_id, ItemPerson.person == person)
            .values(n=ItemPerson.n - 1)
        )
    items = sorted({item_id for item_id, _ in rows})
    gone = (ItemPerson.project_id == project_id, ItemPerson.item_id.in_(items), ItemPerson.n <= 0)
    session.execute(delete(ItemPerson).where(*gone))
    for table in (ItemFeedback, ItemKey):
        session.execute(delete(table).where(table.project_id == project_id, table.feedback_id.in_(feedback_ids)))
    recount(session, project_id, items)
    return items


def recount(session: Session, project_id: int, items: Collection[UUID]) -> None:
    """Set each item's people and feedback from what it holds."""
    people = select(func.count()).where(ItemPerson.project_id == project_id, ItemPerson.item_id == Item.id)
    feedback = select(func.count()).where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == Item.id)
    session.execute(
        update(Item)
        .where(Item.project_id == project_id, Item.id.in_(items))
        .values(people=people.scalar_subquery(), feedback_count=feedback.scalar_subquery())
        .execution_options(synchronize_session=False)
    )
