"""Everything there is to know about one item: who said what about which output, how often, since when, and what was
done about it. A fixed number of queries, however many reports there are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import and_, case, func, select
from sqlalchemy.orm import Session

from heedback_service.core.periods import local_day
from heedback_service.core.statistics import Interval, wilson
from heedback_service.flow import tongue
from heedback_service.store.tables import (
    Account,
    Feature,
    Feedback,
    Item,
    ItemEvent,
    ItemFeedback,
    OutputText,
    Project,
    RollupDay,
    Slice,
)

EVIDENCE_PAGE: Final = 20
HISTORY: Final = 50
DAYS: Final = 14
# An output is cut here where it is one of many; the feedback's own page has it whole.
EXCERPT_CHARS: Final = 6000


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of feedback, with as much of its output's texts as may be shown beside others.

    `why` is what put it into the item, as a clause: "the same words".
    """

    feedback: Feedback
    why: str
    input: str | None
    output: str | None


@dataclass(frozen=True, slots=True)
class Share:
    """`outputs` of the feature's `of` outputs from `first` to `last` (project-local days) have such feedback."""

    outputs: int
    of: int
    first: date
    last: date
    interval: Interval


@dataclass(frozen=True, slots=True)
class Deed:
    """A line of the item's history. `who` is None when the service did it itself."""

    event: ItemEvent
    who: str | None
    taken_back: bool


@dataclass(frozen=True, slots=True)
class Dossier:
    """An item with its evidence.

    Attributes:
        reports: pieces of feedback in the item that stand (not retracted, not spam).
        share: None while no output of it is known.
        versions: dimension -> value -> how many of the `reports` carry it, most frequent first.
        days: reports on each of the last 14 project-local days, oldest first.
        evidence: one page of the reports: flags first, then those with words, newest first.
        tongue: the language most of the project's feedback is in, as a code; None if it cannot be told.
    """

    item: Item
    feature: Feature
    owner: Account | None
    reports: int
    share: Share | None
    versions: Mapping[str, Mapping[str, int]]
    days: tuple[tuple[date, int], ...]
    evidence: tuple[Evidence, ...]
    history: tuple[Deed, ...]
    tongue: str | None


def dossier(session: Session, project: Project, number: int, now: datetime, page: int = 1) -> Dossier | None:
    """The item with that number in the project, with page `page` of its evidence; None if there is none."""
    query = (
        select(Item, Feature, Account)
        .join(Feature, and_(Feature.project_id == Item.project_id, Feature.id == Item.feature_id))
        .outerjoin(Account, Account.id == Item.assignee)
        .where(Item.project_id == project.id, Item.number == number)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        return None
    item, feature, owner = found
    parts = _parts(session, item)
    return Dossier(
        item=item,
        feature=feature,
        owner=owner,
        reports=sum(part.reports for part in parts),
        share=_share(session, item, parts),
        versions=_versions(parts),
        days=_days(session, item, project.timezone, now),
        evidence=_evidence(session, item, page),
        history=_history(session, item),
        tongue=tongue.usual(session, project.id),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """The item's reports within one slice; `first` and `last` are days of known outputs, None without any."""

    slice_: Slice
    reports: int
    outputs: int
    first: date | None
    last: date | None


def _parts(session: Session, item: Item) -> list[_Part]:
    """An output is in one slice, so that distinct outputs may be summed over them."""
    known = Feedback.output_id.is_not(None)
    counted = (
        select(
            Feedback.slice_id,
            func.count().label("reports"),
            func.count(Feedback.output_id.distinct()).label("outputs"),
            func.min(Feedback.day).filter(known).label("first"),
            func.max(Feedback.day).filter(known).label("last"),
        )
        .where(*_standing(item))
        .group_by(Feedback.slice_id)
        .subquery()
    )
    query = select(Slice, counted.c.reports, counted.c.outputs, counted.c.first, counted.c.last)
    query = query.join(counted, Slice.id == counted.c.slice_id).where(Slice.project_id == item.project_id)
    return [_Part(*row) for row in session.execute(query)]


def _versions(parts: list[_Part]) -> dict[str, dict[str, int]]:
    counted: dict[str, Counter[str]] = {}
    for part in parts:
        for name, value in _dimensions(part.slice_).items():
            if value:
                counted.setdefault(name, Counter())[value] += part.reports
    return {name: dict(values.most_common()) for name, values in counted.items()}


def _dimensions(slice_: Slice) -> dict[str, str]:
    asked, answered = slice_.request_model, slice_.response_model
    models = [asked, answered] if asked != answered else [asked]
    return {
        "Prompt": " ".join(filter(None, (slice_.prompt_name, slice_.prompt_version))),
        "Model": " → ".join(filter(None, models)),
        "App": slice_.app_version or "",
        "Environment": slice_.environment or "",
        "Surface": slice_.surface or "",
        "User group": slice_.user_group or "",
    }


def _share(session: Session, item: Item, parts: list[_Part]) -> Share | None:
    outputs = sum(part.outputs for part in parts)
    if not outputs:
        return None
    first = min(part.first for part in parts if part.first)
    last = max(part.last for part in parts if part.last)
    shown = (
        select(func.coalesce(func.sum(RollupDay.outputs), 0))
        .join(Slice, and_(Slice.project_id == RollupDay.project_id, Slice.id == RollupDay.slice_id))
        .where(
            RollupDay.project_id == item.project_id,
            RollupDay.day.between(first, last),
            Slice.feature_id == item.feature_id,
        )
    )
    of = max(session.scalar(shown) or 0, outputs)
    return Share(outputs, of, first, last, wilson(outputs, of))


def _days(session: Session, item: Item, timezone: str, now: datetime) -> tuple[tuple[date, int], ...]:
    today = local_day(now, timezone)
    days = [today - timedelta(days=n) for n in reversed(range(-1, DAYS))]
    starts = [datetime.combine(day, time(), ZoneInfo(timezone)) for day in days]
    within = [and_(Feedback.first_at >= start, Feedback.first_at < end) for start, end in pairwise(starts)]
    counts = select(*(func.count().filter(each) for each in within))
    found = session.execute(counts.where(*_standing(item), Feedback.first_at >= starts[0])).one()
    return tuple(zip(days, found, strict=False))


def _evidence(session: Session, item: Item, page: int) -> tuple[Evidence, ...]:
    has_words = case((func.coalesce(Feedback.comment, Feedback.correction).is_not(None), 1), else_=0)
    order = (Feedback.flag.desc(), has_words.desc(), Feedback.last_at.desc(), Feedback.id.desc())
    # First which, then their texts: an item may have thousands.
    chosen = select(Feedback.id).where(*_standing(item)).order_by(*order)
    ids = list(session.scalars(chosen.limit(EVIDENCE_PAGE).offset(EVIDENCE_PAGE * (page - 1))))
    query = _with_texts().where(Feedback.project_id == item.project_id, Feedback.id.in_(ids)).order_by(*order)
    return tuple(Evidence(*row) for row in session.execute(query))


def _with_texts() -> Any:
    # A correction can only be compared with the whole text.
    compared = case((Feedback.correction.is_not(None), OutputText.output), else_=_excerpt(OutputText.output))
    texts = and_(OutputText.project_id == Feedback.project_id, OutputText.output_id == Feedback.output_id)
    placed = and_(ItemFeedback.project_id == Feedback.project_id, ItemFeedback.feedback_id == Feedback.id)
    query = select(Feedback, ItemFeedback.why, _excerpt(OutputText.input), compared)
    return query.join(ItemFeedback, placed).outerjoin(OutputText, texts)


def _excerpt(text: Any) -> Any:
    return func.substr(text, 1, EXCERPT_CHARS + 1)


def _history(session: Session, item: Item) -> tuple[Deed, ...]:
    query = (
        select(ItemEvent, Account.name)
        .outerjoin(Account, Account.id == ItemEvent.actor)
        .where(ItemEvent.project_id == item.project_id, ItemEvent.item_id == item.id)
        .order_by(ItemEvent.id.desc())
        .limit(HISTORY)
    )
    rows = list(session.execute(query))
    undone: set[UUID | None] = {event.undoes for event, _ in rows}
    return tuple(Deed(event, who, event.id in undone) for event, who in rows)


def _standing(item: Item) -> tuple[Any, ...]:
    inside = select(ItemFeedback.feedback_id).where(
        ItemFeedback.project_id == item.project_id, ItemFeedback.item_id == item.id
    )
    return (
        Feedback.project_id == item.project_id,
        Feedback.id.in_(inside),
        ~Feedback.retracted,
        ~Feedback.spam,
    )
