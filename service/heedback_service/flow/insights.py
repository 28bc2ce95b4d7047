"""The numbers of a week, by day of the *output*. Outputs and people are counted once, however much is said about them.

Most of it comes from the roll-ups. They count ratings, and several people can rate one output: how many outputs were
rated down is asked of the feedback itself, in `rated_down`, and that is the numerator of every rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, and_, case, distinct, func, or_, select
from sqlalchemy.orm import Session

from heedback_service.store.tables import (
    DroppedDay,
    Feature,
    Feedback,
    Item,
    ItemEvent,
    PersonDay,
    Project,
    RollupDay,
    Slice,
)

Days = Sequence[date]
Down = Mapping[tuple[date, UUID], int]  # by day and feature


@dataclass(frozen=True, slots=True)
class Week:
    """Sums over the days of a week, and the distinct people of that week.

    Attributes:
        outputs: what was shown, the denominator of every rate.
        rated: pieces of feedback with a rating; `up` and `neutral` of them are that.
        down: outputs that at least one person rated down, as everywhere in this module.
        unlinked: pieces of feedback whose output is not known; in none of the other numbers.
        people: who was shown an output; whoever rated one was shown it, even if the output named nobody.
        raters: those of them who rated.
    """

    outputs: int
    rated: int
    up: int
    neutral: int
    down: int
    flagged: int
    corrected: int
    unlinked: int
    people: int
    raters: int


@dataclass(frozen=True, slots=True)
class Day:
    """One day; `dropped` is how many events SDKs said they had to drop, at most."""

    day: date
    outputs: int
    rated: int
    down: int
    dropped: int


@dataclass(frozen=True, slots=True)
class FeatureWeek:
    name: str
    outputs: int
    rated: int
    down: int
    outputs_before: int
    down_before: int
    raters: int


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Median hours from an item's making to the first thing a person did to it, over the `items` of a week."""

    hours: float | None
    items: int


@dataclass(frozen=True, slots=True)
class Praise:
    """`up` ratings by `people`, of which the one with the most gave `loudest`; `quote` is a feedback id."""

    up: int
    people: int
    loudest: int
    quote: UUID | None


def rated_down(session: Session, project_id: int, days: Days) -> Down:
    """How many outputs at least one person rated down.

    Of days whose feedback is purged only the ratings are still counted: then it is at most as many, and at most all.
    """
    kept = session.scalars(select(Project.purged_before).where(Project.id == project_id)).one() or date.min
    rows = session.execute(
        select(Feedback.day, Slice.feature_id, func.count(distinct(Feedback.output_id)))
        .join(Slice, and_(Slice.project_id == Feedback.project_id, Slice.id == Feedback.slice_id))
        .where(*_in(Feedback, project_id, [day for day in days if day >= kept]))
        .where(Feedback.counts, Feedback.polarity == -1, Feedback.output_id.is_not(None))
        .group_by(Feedback.day, Slice.feature_id)
    )
    found = {(day, feature): n for day, feature, n in rows}
    purged = session.execute(
        select(RollupDay.day, Slice.feature_id, _sum(RollupDay.down), _sum(RollupDay.outputs))
        .join(Slice, and_(Slice.project_id == RollupDay.project_id, Slice.id == RollupDay.slice_id))
        .where(*_in(RollupDay, project_id, [day for day in days if day < kept]))
        .group_by(RollupDay.day, Slice.feature_id)
    )
    return found | {(day, feature): min(down, outputs) for day, feature, down, outputs in purged}


def week(session: Session, project_id: int, days: Days, downs: Down) -> Week:
    columns = ("outputs", "rated", "up", "neutral", "flagged", "corrected", "unlinked")
    sums = [_sum(getattr(RollupDay, name)).label(name) for name in columns]
    counts = session.execute(select(*sums).where(*_in(RollupDay, project_id, days))).one()._mapping
    seen = or_(PersonDay.outputs > 0, PersonDay.rated > 0)
    people, raters = session.execute(
        select(_people(seen), _people(PersonDay.rated > 0)).where(*_in(PersonDay, project_id, days))
    ).one()
    return Week(**counts, down=_down(downs, days), people=people, raters=raters)


def by_day(session: Session, project_id: int, days: Days, downs: Down) -> list[Day]:
    sums = (_sum(RollupDay.outputs), _sum(RollupDay.rated))
    counted = session.execute(
        select(RollupDay.day, *sums).where(*_in(RollupDay, project_id, days)).group_by(RollupDay.day)
    )
    numbers = {day: (outputs, rated) for day, outputs, rated in counted}
    told = session.execute(
        select(DroppedDay.day, _sum(DroppedDay.events))
        .where(*_in(DroppedDay, project_id, days))
        .group_by(DroppedDay.day)
    )
    dropped: dict[date, int] = dict(told.all())
    return [Day(day, *numbers.get(day, (0, 0)), down=_down(downs, [day]), dropped=dropped.get(day, 0)) for day in days]


def by_feature(session: Session, project_id: int, days: Days, before: Days, downs: Down) -> list[FeatureWeek]:
    """Every feature that showed something in the week, the most rated first."""
    now, then = RollupDay.day.in_(days), RollupDay.day.in_(before)
    sums = (
        _sum(case((now, RollupDay.outputs))).label("outputs"),
        _sum(case((now, RollupDay.rated))).label("rated"),
        _sum(case((then, RollupDay.outputs))).label("outputs_before"),
    )
    rows = session.execute(
        select(Feature.id, Feature.name.label("name"), *sums)
        .select_from(RollupDay)
        .join(Slice, and_(Slice.project_id == RollupDay.project_id, Slice.id == RollupDay.slice_id))
        .join(Feature, and_(Feature.project_id == Slice.project_id, Feature.id == Slice.feature_id))
        .where(*_in(RollupDay, project_id, [*days, *before]))
        .group_by(Feature.id, Feature.name)
    ).all()
    raters = _raters_by_feature(session, project_id, days)
    found = [
        FeatureWeek(
            name=row.name,
            outputs=row.outputs,
            rated=row.rated,
            down=_down(downs, days, row.id),
            outputs_before=row.outputs_before,
            down_before=_down(downs, before, row.id),
            raters=raters.get(row.id, 0),
        )
        for row in rows
    ]
    return sorted((f for f in found if f.outputs or f.rated), key=lambda f: (-f.rated, -f.outputs, f.name))


def first_look(session: Session, project_id: int, start: datetime, end: datetime) -> FirstLook:
    first = func.min(ItemEvent.at, type_=ItemEvent.at.type)
    rows = session.execute(
        select(first, Item.created_at)
        .join(Item, and_(Item.project_id == ItemEvent.project_id, Item.id == ItemEvent.item_id))
        .where(ItemEvent.project_id == project_id, ItemEvent.actor.is_not(None))
        .group_by(Item.id, Item.created_at)
        .having(and_(first >= start, first < end))
    ).all()
    waits = [(looked - made).total_seconds() / 3600 for looked, made in rows]
    return FirstLook(round(median(waits), 2) if waits else None, len(waits))


def praise(session: Session, project_id: int, days: Days) -> Praise:
    """Ratings without a person are in `up`, but are nobody's share."""
    liked = (*_in(Feedback, project_id, days), Feedback.counts, Feedback.polarity == 1, Feedback.output_id.is_not(None))
    shares = session.execute(
        select(Feedback.person, func.count()).where(*liked).group_by(Feedback.person).order_by(func.count().desc())
    ).all()
    named = [(person, n) for person, n in shares if person is not None]
    loudest, most = named[0] if named else (None, 0)
    quote = session.execute(
        select(Feedback.id)
        .where(*liked, Feedback.comment.is_not(None))
        .order_by(Feedback.person.is_not_distinct_from(loudest), Feedback.last_at.desc(), Feedback.id)
        .limit(1)
    ).scalar_one_or_none()
    return Praise(sum(n for _, n in shares), len(named), most, quote)


def _raters_by_feature(session: Session, project_id: int, days: Days) -> dict[UUID, int]:
    rows = session.execute(
        select(Slice.feature_id, _people(PersonDay.rated > 0))
        .join(Slice, and_(Slice.project_id == PersonDay.project_id, Slice.id == PersonDay.slice_id))
        .where(*_in(PersonDay, project_id, days))
        .group_by(Slice.feature_id)
    )
    return dict(rows.all())


def _down(downs: Down, days: Days, feature_id: UUID | None = None) -> int:
    """Summed: an output has one day and one feature."""
    return sum(n for (day, its), n in downs.items() if day in days and feature_id in (None, its))


def _in(table: Any, project_id: int, days: Days) -> tuple[Any, Any]:
    return table.project_id == project_id, table.day.in_(days)


def _sum(column: Any) -> Any:
    return func.coalesce(func.sum(column), 0).cast(Integer)


def _people(condition: Any) -> Any:
    return func.count(distinct(case((condition, PersonDay.person))))
