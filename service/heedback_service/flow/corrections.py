"""The verbs by which people correct triage: merge, split off, move, not the same. `undoing` takes them back.

Each moves reports, ties them to others (`links`), so that triage keeps to it from now on, and leaves an event on both
items, in the caller's transaction; or returns `Refused` and changes nothing.

Take items from `find_items`, which locks the feature and then the items by id: of two that merge A into B and B into A
the second waits, and finds that its item is empty.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, Uuid, literal, select, update
from sqlalchemy.orm import Session

from heedback_service.flow import backlog, links, placement, ranking
from heedback_service.flow.backlog import Done, NewId, Outcome
from heedback_service.flow.filing import make_items
from heedback_service.flow.joining import Scope
from heedback_service.flow.learning import learn
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import insert_into
from heedback_service.store.tables import Item, ItemEvent, ItemFeedback, MovedFeedback

VERBS: Final = frozenset({"merge", "take_in", "split_off", "split_from", "move_out", "move_in", "not_same"})
PUT_BY_PERSON: Final = "a person put it here"


@dataclass(frozen=True, slots=True)
class Split(Done):
    """As `Done`; `number` is the new item's."""

    number: int


def find_items(session: Session, project_id: int, *numbers: int) -> list[Item] | None:
    """These items, in the order asked for, ours until the transaction ends; None if one of them does not exist."""
    wanted = (Item.project_id == project_id, Item.number.in_(numbers))
    features = set(session.scalars(select(Item.feature_id).where(*wanted)))
    placement.hold(session, project_id, features, wait=True)
    query = select(Item).where(*wanted).order_by(Item.id).with_for_update()
    found = {item.number: item for item in session.scalars(query.execution_options(populate_existing=True))}
    return [found[number] for number in numbers] if found.keys() >= set(numbers) else None


def merge(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, into: Item) -> Outcome:
    """All reports of `item` become part of another one. `item` keeps its number and its past, and is empty."""
    if refused := _unless_two(session, item, into):
        return refused
    act = _Act(session, item, actor, now, new_id)
    its, theirs = act.reports(item), act.reports(into)
    act.move(item, into)
    links.together(session, act.answer, its, theirs)
    return act.done("merge", {"into": into.number}, "take_in", into)


def split_off(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, feedback: Collection[UUID]
) -> Split | Refused:
    """These reports of `item` become an item of their own."""
    act = _Act(session, item, actor, now, new_id)
    staying = act.reports(item) - set(feedback)
    if refused := _unless_some(act, item, feedback, staying):
        return refused
    made = new_id()
    make_items(Scope(session, item.project_id, item.feature_id, now, new_id), [made])
    part = session.get_one(Item, (item.project_id, made))
    act.move(item, part, feedback)
    links.together(session, act.answer, feedback)
    _leave(act, feedback, staying)
    done = act.done("split_off", {"to": part.number}, "split_from", part)
    return Split(done.event_id, done.verb, part.number)


def move(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, feedback: Collection[UUID], to: Item
) -> Outcome:
    """These reports of `item` belong to another one."""
    act = _Act(session, item, actor, now, new_id)
    staying = act.reports(item) - set(feedback)
    if refused := _unless_two(session, item, to) or _unless_some(act, item, feedback, staying):
        return refused
    there = act.reports(to)
    act.move(item, to, feedback)
    links.together(session, act.answer, feedback, there)
    _leave(act, feedback, staying)
    return act.done("move_out", {"to": to.number}, "move_in", to)


def not_same(
    session: Session,
    item: Item,
    actor: UUID,
    now: datetime,
    new_id: NewId,
    *,
    other: Item,
    feedback: Collection[UUID] | None = None,
) -> Outcome:
    """What `other` holds is not about the same problem as `item`, or as these reports of it."""
    act = _Act(session, item, actor, now, new_id)
    its = act.reports(item)
    chosen = its if feedback is None else set(feedback)
    refused = _unless_two(session, item, other) or (None if chosen and chosen <= its else _NOT_IN_IT)
    if refused:
        return refused
    links.apart(session, act.answer, chosen, act.reports(other))
    ranking.refresh(session, item.project_id, [item.id, other.id], now)  # so that their themes are looked at again
    return act.done("not_same", {"other": other.number}, "not_same", other)


_NOT_IN_IT: Final = Refused("Choose reports that are in this item.")


class _Act:
    """One verb at work: the event that tells of it, the answer that it gives."""

    def __init__(self, session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> None:
        self.session, self.item, self.actor, self.now = session, item, actor, now
        # The event that is told of is the newer: who has seen it has seen both.
        self.half, self.event_id = new_id(), new_id()
        self.answer = links.Answer(item.project_id, self.event_id, actor, now)

    def reports(self, item: Item) -> set[UUID]:
        query = select(ItemFeedback.feedback_id).where(
            ItemFeedback.project_id == item.project_id, ItemFeedback.item_id == item.id
        )
        return set(self.session.scalars(query))

    def move(self, item: Item, into: Item, feedback: Collection[UUID] | None = None) -> None:
        """Note where reports of `item` are, all or these, then move them."""
        project_id = item.project_id
        columns = ("project_id", "event_id", "feedback_id", "from_item", "placed_by", "why", "grouping_version")
        noted = select(
            *(ItemFeedback.project_id, literal(self.event_id, Uuid()).label("event_id"), ItemFeedback.feedback_id),
            *(ItemFeedback.item_id, ItemFeedback.placed_by, ItemFeedback.why, ItemFeedback.grouping_version),
        ).where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == item.id)
        if feedback is not None:
            noted = noted.where(ItemFeedback.feedback_id.in_(feedback))
        connection = self.session.connection()
        connection.execute(insert_into(self.session, MovedFeedback).from_select(columns, noted))
        moved = moved_by(project_id, self.event_id)
        left = placement.move(self.session, project_id, moved, into.id)
        connection.execute(
            update(ItemFeedback)
            .where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(moved))
            .values(placed_by="person", why=PUT_BY_PERSON)
        )
        ranking.refresh(self.session, project_id, [*left, into.id], self.now)

    def done(self, verb: str, after: dict[str, Any], mirrored: str, other: Item) -> Done:
        """Write the event, and its counterpart on the other item."""
        self.session.flush()
        learn(self.session, self.item.project_id)
        told = {"from": self.item.number, "half_of": str(self.event_id)}
        log(self.session, self.actor, self.now, self.event_id, self.item, verb, after | {"half": str(self.half)})
        log(self.session, self.actor, self.now, self.half, other, mirrored, told)
        return Done(self.event_id, verb)


def _leave(act: _Act, leaving: Collection[UUID], staying: Collection[UUID]) -> None:
    """`leaving` is none of what stays, and what stays is together also without it."""
    links.together(act.session, act.answer, staying)
    links.apart(act.session, act.answer, leaving, staying)


def log(
    session: Session,
    actor: UUID,
    now: datetime,
    event_id: UUID,
    item: Item,
    verb: str,
    after: dict[str, Any],
    undoes: UUID | None = None,
) -> None:
    """Write an event, with the item's new version: whoever decided on what it held before is refused."""
    told = {"id": event_id, "verb": verb, "before": {}, "after": after, "undoes": undoes}
    session.add(ItemEvent(project_id=item.project_id, item_id=item.id, actor=actor, at=now, **told))
    session.refresh(item)  # its counts were changed beside it
    item.changed_at = now
    session.flush()


def moved_by(project_id: int, event_id: UUID) -> Select[UUID]:
    """The reports that this event moved."""
    return select(MovedFeedback.feedback_id).where(
        MovedFeedback.project_id == project_id, MovedFeedback.event_id == event_id
    )


def _unless_two(session: Session, item: Item, other: Item) -> Refused | None:
    if item.id == other.id:
        return Refused("That is the same item. Name another one.")
    if item.feature_id != other.feature_id:
        return Refused("They are about two features: such reports are never about one problem.")
    for each in (item, other):
        if not each.feedback_count:
            return backlog.emptied(session, each)
    return None


def _unless_some(act: _Act, item: Item, feedback: Collection[UUID], staying: Collection[UUID]) -> Refused | None:
    if not item.feedback_count:
        return backlog.emptied(act.session, item)
    if not feedback or not set(feedback) <= act.reports(item):
        return _NOT_IN_IT
    return None if staying else Refused("Those are all its reports. Leave one, or merge the whole item.")
