"""What the queue shows: its views, their counts, the items of a view in the order they should be looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, case, exists, func, or_, select
from sqlalchemy.orm import Session

from heedback_service.core.periods import bounds, week_of
from heedback_service.flow.standing import FLAGGED, OPEN, ORDER, is_flagged, is_open
from heedback_service.store.tables import Account, Feature, Item, ItemEvent, Project

VIEWS: Final = ("new", "mine", "flagged", "snoozed", "accepted", "resolved", "declined", "all")
PAGE: Final = 50

_HARM: Final = case((and_(FLAGGED, OPEN), 1), else_=0)
_ORDER: Final = (_HARM.desc(), *ORDER)


@dataclass(frozen=True, slots=True)
class Row:
    """An item with the names that stand beside it. `owner` is None while nobody owns it."""

    item: Item
    feature: str
    owner: str | None


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a view. `counts` has the number of items of every view."""

    rows: tuple[Row, ...]
    counts: Mapping[str, int]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Progress:
    """`decided` items were accepted or declined this week and stay so; `of` adds those that still wait."""

    decided: int
    of: int


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whose queue it is, in which project, and when: "mine" and "snoozed" depend on that."""

    project_id: int
    account_id: UUID
    now: datetime


def listing(session: Session, viewer: Viewer, view: str, page: int = 1) -> Listing:
    """Page `page` (from 1) of a view, 50 items each. A page that is not there is empty."""
    counts = _counts(session, viewer)
    query = (
        select(Item, Feature.name, Account.name)
        .join(Feature, and_(Feature.project_id == Item.project_id, Feature.id == Item.feature_id))
        .outerjoin(Account, Account.id == Item.assignee)
        .where(*_in(viewer), _views(viewer)[view])
        .order_by(*_ORDER)
        .limit(PAGE)
        .offset(PAGE * (page - 1))
    )
    rows = tuple(Row(item, feature, owner) for item, feature, owner in session.execute(query))
    return Listing(rows, counts, page, max(1, -(-counts[view] // PAGE)))


def home_view(session: Session, viewer: Viewer, number: int) -> str:
    """The view in which the item is found when it is opened from elsewhere; "new" if there is no such item."""
    found = session.scalar(select(Item).where(Item.project_id == viewer.project_id, Item.number == number))
    if found is None:
        return "new"
    asleep = found.snoozed_until is not None and found.snoozed_until > viewer.now
    return "snoozed" if is_open(found) and asleep else found.state


def following(session: Session, viewer: Viewer, view: str, number: int) -> int | None:
    """The number of the item after `number` in the view; after the last one, the first of the others; else None.

    Ask before a verb is done: it may take the item out of the view.
    """
    current = session.scalar(select(Item).where(Item.project_id == viewer.project_id, Item.number == number))
    others = select(Item.number).where(*_in(viewer), _views(viewer)[view], Item.number != number)
    others = others.order_by(*_ORDER).limit(1)
    if current is None:
        return session.scalar(others)
    after = session.scalar(others.where(_behind(current)))
    return after if after is not None else session.scalar(others)


def progress(session: Session, viewer: Viewer, project: Project) -> Progress:
    """How far this week's triage has come, in the project's own week."""
    monday, _ = bounds(week_of(viewer.now, project.timezone), project.timezone)
    decision = exists().where(
        ItemEvent.project_id == Item.project_id,
        ItemEvent.item_id == Item.id,
        ItemEvent.verb.in_(("accept", "decline")),
        ItemEvent.at >= monday,
    )
    decided = and_(Item.state != "new", Item.changed_at >= monday, decision)
    waiting = _views(viewer)["new"]
    query = select(func.count().filter(decided), func.count().filter(waiting)).where(*_in(viewer))
    done, left = session.execute(query).one()
    return Progress(done, done + left)


def _counts(session: Session, viewer: Viewer) -> dict[str, int]:
    views = _views(viewer)
    query = select(*(func.count().filter(condition) for condition in views.values())).where(*_in(viewer))
    return dict(zip(views, session.execute(query).one(), strict=True))


def _in(viewer: Viewer) -> tuple[ColumnElement[bool], ...]:
    # An item whose reports were all retracted, or moved elsewhere, is kept for its history but asks for nothing.
    return Item.project_id == viewer.project_id, Item.feedback_count > 0


def _views(viewer: Viewer) -> dict[str, ColumnElement[bool]]:
    asleep = func.coalesce(Item.snoozed_until > viewer.now, False)  # a snooze ends by itself
    awake = and_(OPEN, ~asleep)
    conditions: dict[str, ColumnElement[bool]] = {
        "new": and_(Item.state == "new", ~asleep),
        "mine": and_(Item.assignee == viewer.account_id, awake),
        "flagged": and_(FLAGGED, awake),
        "snoozed": and_(OPEN, asleep),
        "accepted": and_(Item.state == "accepted", ~asleep),
        "resolved": Item.state == "resolved",
        "declined": Item.state == "declined",
        "all": Item.number > 0,
    }
    return conditions


def _behind(item: Item) -> ColumnElement[bool]:
    """Later than `item` in `_ORDER`, whatever view it is in."""
    harm = 1 if is_flagged(item) and is_open(item) else 0
    steps: tuple[tuple[Any, Any], ...] = (
        (_HARM, harm),
        (Item.priority, item.priority),
        (Item.last_at, item.last_at),
        (Item.number, item.number),
    )
    return or_(
        *(
            and_(*(column == value for column, value in steps[:n]), column < value)
            for n, (column, value) in enumerate(steps)
        )
    )
