"""What an item is called, how bad it is and how much it matters, read off the reports it holds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Boolean, Case, ColumnElement, Select, bindparam, case, func, literal_column, select, update
from sqlalchemy.orm import Session

from heedback_service.core import classify, priority, severity
from heedback_service.core.priority import Factors, Weights
from heedback_service.core.severity import Voice
from heedback_service.core.titles import title
from heedback_service.flow import reports, standing
from heedback_service.flow.reports import Told
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.joins import PLACED
from heedback_service.store.tables import Feedback, Item, ItemFeedback, ItemPerson, Project, Slice

# An item is named and judged by its newest reports: what it is about shows in these, and the work stays bounded.
JUDGED: Final = 50

_JUDGEMENT: Final = (
    *("severity", "severity_why", "people", "feedback_count"),
    *("first_at", "last_at", "factors", "priority"),
)
_LEFT: Final = ("people", "feedback_count", "priority")


def _newest_of(dialect: str) -> Select[Any]:
    place = func.row_number().over(partition_by=ItemFeedback.item_id, order_by=ItemFeedback.feedback_id.desc())
    ranked = (
        select(ItemFeedback.item_id, ItemFeedback.feedback_id, place.label("place"))
        .where(ItemFeedback.project_id == bindparam("project"), among(dialect, ItemFeedback.item_id, "items"))
        .subquery()
    )
    return (
        reports.reading(bindparam("project"))
        .add_columns(ranked.c.item_id, Slice.user_group)
        .join(ranked, ranked.c.feedback_id == Feedback.id)
        .where(ranked.c.place <= literal_column(f"{JUDGED}"))
        .order_by(Feedback.id)
    )


def _counting(dialect: str) -> Select[Any]:
    recent = Feedback.first_at > bindparam("since")
    earlier = Feedback.first_at.between(bindparam("past"), bindparam("since"))
    voices = func.count(case((recent, Feedback.person)).distinct()) + _count_if(recent & Feedback.person.is_(None))
    moments = (func.min(Feedback.first_at), func.max(Feedback.last_at))
    return (
        select(ItemFeedback.item_id, func.count(), _count_if(recent), _count_if(earlier), voices, *moments)
        .join(Feedback, PLACED)
        .where(ItemFeedback.project_id == bindparam("project"), among(dialect, ItemFeedback.item_id, "items"))
        .group_by(ItemFeedback.item_id)
    )


def _count_if(condition: ColumnElement[bool]) -> Any:
    return func.sum(case((condition, literal_column("1")), else_=literal_column("0")))


def _setting(*names: str, **others: Any) -> Direct:
    values = {name: bindparam(name) for name in (*names, "prioritised_at")} | others
    its = (Item.project_id == bindparam("its_project"), Item.id == bindparam("its_id"))
    return Direct(lambda _: update(Item).where(*its).values(values))


_NEWEST: Final = Direct(_newest_of)
_TALLIES: Final = Direct(_counting)
_PEOPLE: Final = Direct(
    lambda dialect: (
        select(ItemPerson.item_id, func.count())
        .where(ItemPerson.project_id == bindparam("project"), among(dialect, ItemPerson.item_id, "items"))
        .group_by(ItemPerson.item_id)
    )
)
_WEIGHTS: Final = Direct(lambda _: select(Project.weights).where(Project.id == bindparam("project")))

# What a person said about an item stays, but a reason that is no harm, once people flag harm.
_RULE: Final[ColumnElement[str]] = literal_column("'rule'")
_BY_RULE: Final = (Item.category_by == _RULE) | (bindparam("its_harm", type_=Boolean) & ~standing.FLAGGED)
_UNLESS_GIVEN: Final[dict[str, Case[str]]] = {
    "title": case((Item.title_by == _RULE, bindparam("its_title")), else_=Item.title),
    "category": case((_BY_RULE, bindparam("its_category")), else_=Item.category),
    "category_why": case((_BY_RULE, bindparam("its_category_why")), else_=Item.category_why),
    "category_by": case((_BY_RULE, _RULE), else_=Item.category_by),
}
_JUDGE: Final = _setting(*_JUDGEMENT, **_UNLESS_GIVEN)
_EMPTY: Final = _setting(*_LEFT)


@dataclass(frozen=True, slots=True)
class _Tally:
    """All reports of one item, counted."""

    reports: int
    recent: int
    earlier: int
    voices: int  # of the recent ones: people, and reports by nobody we know
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True, slots=True)
class _Heard:
    """One report of an item."""

    told: Told
    group: str | None

    @property
    def voice(self) -> Voice:
        ways = {
            "flag": self.told.flag,
            "rating": self.told.polarity == -1,
            "correction": self.told.correction is not None,
        }
        said = frozenset(way for way, is_so in ways.items() if is_so)
        return Voice(self.told.judgement[1], self.told.person, self.group, said)


def refresh(session: Session, project_id: int, items: Collection[UUID], now: datetime) -> None:
    """Read title and category (unless a person gave them), severity, counts and priority of these items anew.

    `Item.version` stays: it is for what people decide, and their decisions must not fail because a report came in.
    """
    session.flush()  # what is read below goes past the session
    newest = _newest(session, project_id, items)
    tallies = _tallies(session, project_id, items, now)
    people = _people(session, project_id, items)
    weights = _weights(session, project_id)
    columns = [
        _columns(item_id, newest.get(item_id, []), tallies.get(item_id), people.get(item_id, 0), weights, now)
        for item_id in sorted(items)
    ]
    _write(session, project_id, columns, now)


def rehearse(session: Session, project_id: int, items: Collection[UUID], joining: Iterable[Told]) -> None:
    """Judge what is in these items or about to join them, and forget it: `core` remembers, and `refresh` is quick."""
    held = _newest(session, project_id, items).values()
    for each in chain(joining, (each.told for each in chain(*held))):
        category, _ = each.judgement
        title(filter(None, [each.comment]), category.name)


def _columns(
    item_id: UUID, newest: list[_Heard], tally: _Tally | None, people: int, weights: Weights, now: datetime
) -> dict[str, Any]:
    if tally is None:  # everybody has left: it keeps its name and its past, and has no weight
        return {"its_id": item_id, "its_title": None, "people": 0, "feedback_count": 0, "priority": 0}
    category, category_why = classify.of_item(each.told.judgement[0] for each in newest)
    worst = severity.of_item(each.voice for each in newest)
    trend = priority.trend(tally.recent, tally.earlier, tally.first_at, now, voices=tally.voices)
    factors = Factors(people, tally.reports, worst.level, worst.why, trend, tally.first_at, tally.last_at, weights)
    return {
        "its_id": item_id,
        "its_title": title((each.told.comment for each in newest if each.told.comment), category),
        "its_category": category,
        "its_category_why": category_why,
        "its_harm": classify.is_harm(category),
        "severity": worst.level,
        "severity_why": worst.why,
        "people": people,
        "feedback_count": tally.reports,
        "first_at": tally.first_at,
        "last_at": tally.last_at,
        "factors": factors.as_json(),
        "priority": priority.score(factors, now),
    }


def _write(session: Session, project_id: int, columns: list[dict[str, Any]], now: datetime) -> None:
    line, its = Line(session.connection()), {"its_project": project_id, "prioritised_at": now}
    _JUDGE.many(line, [row | its for row in columns if row["feedback_count"]])
    _EMPTY.many(line, [row | its for row in columns if not row["feedback_count"]])


def _newest(session: Session, project_id: int, items: Collection[UUID]) -> dict[UUID, list[_Heard]]:
    found: dict[UUID, list[_Heard]] = defaultdict(list)
    for row in _NEWEST.rows(Line(session.connection()), project=project_id, items=list(items)):
        *_, item_id, group = row
        found[item_id].append(_Heard(reports.told(row), group))
    return found


def _tallies(session: Session, project_id: int, items: Collection[UUID], now: datetime) -> Mapping[UUID, _Tally]:
    since = now - priority.WEEK
    span = {"since": since, "past": since - priority.WEEK * priority.PAST_WEEKS}
    rows = _TALLIES.rows(Line(session.connection()), project=project_id, items=list(items), **span)
    return {item_id: _Tally(*counts) for item_id, *counts in rows}


def _people(session: Session, project_id: int, items: Collection[UUID]) -> dict[UUID, int]:
    return dict(_PEOPLE.rows(Line(session.connection()), project=project_id, items=list(items)))


def _weights(session: Session, project_id: int) -> Weights:
    """As the store has them now, not as a project was read before we had our turn."""
    [(stored,)] = _WEIGHTS.rows(Line(session.connection()), project=project_id)
    return Weights.of(stored)
