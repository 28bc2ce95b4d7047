"""What a digest puts in front of people: what is flagged, what is first on the list, what was settled.

Flagged, waiting and first mean here what they mean in the queue.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from heedback_service.core.priority import Factors, phrases
from heedback_service.flow.standing import FLAGGED, OPEN, ORDER
from heedback_service.store.joins import PLACED
from heedback_service.store.tables import Feedback, Item, ItemEvent, ItemFeedback, RollupDay, Slice

FIRST: Final = 5  # how many items a digest names; the list itself has the rest
SINCE_REPORTS: Final = 3  # fewer reports say nothing about when something began
_QUOTABLE: Final = (12, 160)  # characters: neither "no" nor a letter, if there is something between
_DIMENSIONS: Final = {"prompt_version": "prompt", "response_model": "model", "app_version": "app"}
_DECISIONS: Final = ("accept", "decline", "resolve")


@dataclass(frozen=True, slots=True)
class Line:
    """One item as it stood when the digest was written. Its title and quote are looked up when it is read.

    Attributes:
        since: what all its reports have in common and what other outputs did not have before: `prompt v13`.
        quote: a feedback id.
    """

    item: UUID
    number: int
    state: str
    priority: int
    people: int
    feedback_count: int
    open_hours: float
    trend: str
    since: str | None
    quote: UUID | None


@dataclass(frozen=True, slots=True)
class Settled:
    """Decisions of a week that still stand: items resolved and declined, and how many a person decided on at all."""

    resolved: list[UUID]
    declined: list[UUID]
    decided: int


def undecided(session: Session, project_id: int, now: datetime) -> int:
    """Items nobody has accepted or declined, and nobody has put off."""
    return _count(session, *_open(project_id, now), Item.state == "new")


def new_items(session: Session, project_id: int, start: datetime, end: datetime) -> int:
    """Items whose first report came in the week, whatever became of them."""
    return _count(session, *_in(project_id), Item.first_at >= start, Item.first_at < end)


def flagged(session: Session, project_id: int, now: datetime) -> tuple[int, list[Line]]:
    """How many open items are about harm, and the most urgent of them."""
    chosen = (*_open(project_id, now), FLAGGED)
    return _count(session, *chosen), _lines(session, now, *chosen)


def first_on_the_list(session: Session, project_id: int, now: datetime) -> list[Line]:
    """The items with the highest priority, without the flagged ones, which are told apart."""
    return _lines(session, now, *_open(project_id, now), ~FLAGGED)


def settled(session: Session, project_id: int, start: datetime, end: datetime) -> Settled:
    def ids(state: str, verb: str) -> list[UUID]:
        done = exists().where(*_event_of_item(), ItemEvent.verb == verb, ItemEvent.at >= start, ItemEvent.at < end)
        chosen = select(Item.id).where(Item.project_id == project_id, Item.state == state, done)
        return list(session.scalars(chosen.order_by(Item.people.desc(), Item.number)))

    decided = session.scalar(
        select(func.count(ItemEvent.item_id.distinct()))
        .join(Item, and_(*_event_of_item()))
        .where(
            Item.project_id == project_id,
            Item.state != "new",
            ItemEvent.actor.is_not(None),
            ItemEvent.verb.in_(_DECISIONS),
            ItemEvent.at >= start,
            ItemEvent.at < end,
        )
    )
    return Settled(ids("resolved", "resolve"), ids("declined", "decline"), decided or 0)


def _lines(session: Session, now: datetime, *chosen: Any) -> list[Line]:
    items = session.scalars(select(Item).where(*chosen).order_by(*ORDER).limit(FIRST))
    return [_line(session, item, now) for item in items]


def _line(session: Session, item: Item, now: datetime) -> Line:
    return Line(
        item=item.id,
        number=item.number,
        state=item.state,
        priority=item.priority,
        people=item.people,
        feedback_count=item.feedback_count,
        open_hours=round((now - item.first_at).total_seconds() / 3600, 1),
        trend=_trend(item, now),
        since=_since(session, item),
        quote=_quote(session, item),
    )


def _trend(item: Item, now: datetime) -> str:
    _people, _severity, trend, _freshness = phrases(Factors.from_json(item.factors), now)
    return trend


def _since(session: Session, item: Item) -> str | None:
    """What the reports began with. A claim, so it is made only if every report agrees and there was a time before."""
    columns = [getattr(Slice, dimension) for dimension in _DIMENSIONS]
    told = session.execute(
        select(*[part for column in columns for part in (func.count(column), func.min(column), func.max(column))])
        .join(Feedback, and_(Feedback.project_id == Slice.project_id, Feedback.slice_id == Slice.id))
        .join(ItemFeedback, PLACED)
        .where(ItemFeedback.project_id == item.project_id, ItemFeedback.item_id == item.id, Feedback.counts)
    ).one()
    for n, (dimension, word) in enumerate(_DIMENSIONS.items()):
        reports, value, other = told[3 * n : 3 * n + 3]
        if reports < SINCE_REPORTS or value != other:
            continue
        began = _first_days(session, item, dimension)
        start = began.get(value)
        if start and any(day < start for other, day in began.items() if other != value):
            return f"{word} {value}"
    return None


def _first_days(session: Session, item: Item, dimension: str) -> dict[str, date]:
    column = getattr(Slice, dimension)
    rows = session.execute(
        select(column, func.min(RollupDay.day))
        .join(RollupDay, and_(RollupDay.project_id == Slice.project_id, RollupDay.slice_id == Slice.id))
        .where(Slice.project_id == item.project_id, Slice.feature_id == item.feature_id)
        .where(RollupDay.outputs > 0, column.is_not(None))
        .group_by(column)
    )
    return {row[0]: row[1] for row in rows}


def _quote(session: Session, item: Item) -> UUID | None:
    return session.execute(
        select(Feedback.id)
        .join(ItemFeedback, PLACED)
        .where(ItemFeedback.project_id == item.project_id, ItemFeedback.item_id == item.id)
        .where(Feedback.counts, func.length(Feedback.comment) > 0)
        .order_by(func.length(Feedback.comment).between(*_QUOTABLE).desc(), Feedback.last_at.desc(), Feedback.id)
        .limit(1)
    ).scalar_one_or_none()


def _open(project_id: int, now: datetime) -> tuple[Any, ...]:
    awake = or_(Item.snoozed_until.is_(None), Item.snoozed_until <= now)
    return (*_in(project_id), OPEN, awake)


def _in(project_id: int) -> tuple[Any, Any]:
    """Without items that lost all their reports: those are kept for their history."""
    return Item.project_id == project_id, Item.feedback_count > 0


def _event_of_item() -> tuple[Any, Any]:
    return ItemEvent.project_id == Item.project_id, ItemEvent.item_id == Item.id


def _count(session: Session, *chosen: Any) -> int:
    return session.scalar(select(func.count()).select_from(Item).where(*chosen)) or 0
