"""Taking back what people did to an item, whichever verb it was.

A correction is undone on both its items at once: its reports go back where they were, with the reason for which they
were there, and what was said and learnt is withdrawn. The caller has the item from `corrections.find_items`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import exists, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.flow import backlog, links, placement, ranking
from heedback_service.flow.backlog import Done, NewId, Outcome
from heedback_service.flow.corrections import VERBS, log, moved_by
from heedback_service.flow.learning import learn
from heedback_service.flow.refusal import Refused
from heedback_service.store.tables import Item, ItemEvent, ItemFeedback, Link, MovedFeedback


def undo(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, event_id: UUID | None = None
) -> Outcome:
    """Take back the last thing done to the item that still stands; with `event_id`, only if that is the last one."""
    last = backlog.to_undo(session, item, event_id)
    if isinstance(last, Refused):
        return last
    if last.verb in VERBS:
        return _take_back(session, item, last, actor, now, new_id)
    return backlog.undo(session, item, actor, now, new_id, event_id=event_id)


def unmerge(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    """Take back that `item` was merged into another one, whatever was decided there since."""
    event = next((event for event in backlog.standing(session, item) if event.verb == "merge"), None)
    if event is None:
        return Refused("No person merged it into another one.")
    return _take_back(session, item, event, actor, now, new_id)


def _take_back(session: Session, item: Item, event: ItemEvent, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    project_id = item.project_id
    first, second = _halves(session, event)
    if _overtaken(session, project_id, first.id):
        return Refused("Something newer was done to these reports. Take that back first.")
    _move_back(session, project_id, first.id, now)
    links.withdraw(session, project_id, first.id, now)
    ranking.refresh(session, project_id, {half.item_id for half in (first, second)}, now)
    learn(session, project_id)
    other, done = new_id(), new_id()
    for half in (first, second):
        its = session.get_one(Item, (project_id, half.item_id))
        log(session, actor, now, done if its.id == item.id else other, its, "undo", {}, undoes=half.id)
    return Done(done, "undo")


def _halves(session: Session, event: ItemEvent) -> tuple[ItemEvent, ItemEvent]:
    """The event of the item that the verb was used on, and its counterpart."""
    first, second = event.after.get("half_of", str(event.id)), event.after.get("half", str(event.id))
    found = [session.get_one(ItemEvent, (event.project_id, UUID(each))) for each in (first, second)]
    return found[0], found[1]


def _overtaken(session: Session, project_id: int, event_id: UUID) -> bool:
    """Whether reports that this event moved were moved or tied by a newer one."""
    its = moved_by(project_id, event_id)
    tied = exists().where(
        Link.project_id == project_id,
        Link.event_id > event_id,
        Link.undone_at.is_(None),
        or_(Link.feedback_a.in_(its), Link.feedback_b.in_(its)),
    )
    moved = exists().where(
        MovedFeedback.project_id == project_id,
        MovedFeedback.event_id > event_id,
        MovedFeedback.undone_at.is_(None),
        MovedFeedback.feedback_id.in_(its),
    )
    return bool(session.scalar(select(or_(tied, moved))))


def _move_back(session: Session, project_id: int, event_id: UUID, now: datetime) -> None:
    noted: tuple[Any, ...] = (MovedFeedback.project_id == project_id, MovedFeedback.event_id == event_id)
    home = session.scalar(select(MovedFeedback.from_item).where(*noted).limit(1))
    if home is None:  # it moved nothing, or what it moved is gone
        return
    its = moved_by(project_id, event_id)
    left = placement.move(session, project_id, its, home)
    note = (*noted, MovedFeedback.feedback_id == ItemFeedback.feedback_id)
    columns = ("placed_by", "why", "grouping_version")
    was = {name: select(getattr(MovedFeedback, name)).where(*note).scalar_subquery() for name in columns}
    back = update(ItemFeedback).where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(its))
    session.execute(back.values(was).execution_options(synchronize_session=False))
    undone = update(MovedFeedback).where(*noted).values(undone_at=now)
    session.execute(undone.execution_options(synchronize_session=False))
    ranking.refresh(session, project_id, [*left, home], now)
