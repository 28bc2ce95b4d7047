"""Constraints on pairs of feedback, by people: written with the event that says so, read when reports are placed.

An answer about two groups of reports ties each report to one of either group, not to all: a group of a hundred takes a
hundred links, and what was said of one that left still holds for the others.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select, union_all, update
from sqlalchemy.orm import Session

from heedback_service.core.nearness import near
from heedback_service.core.ties import Tie, Ties
from heedback_service.flow import reports
from heedback_service.flow.reports import Keyed
from heedback_service.store.db import insert_into
from heedback_service.store.joins import HELD
from heedback_service.store.tables import Feedback, Item, ItemFeedback, Link

LINKED: Final = 1000  # reports of a group that are tied, the oldest; those beyond are where a person put them
_READ: Final = 16  # texts of either group that are compared to find the nearest pair, the newest
_Said = dict[tuple[UUID, UUID], float | None]  # pairs, the lower id first, and how alike they are, where it counts


@dataclass(frozen=True, slots=True)
class Answer:
    """The event by which a person said it."""

    project_id: int
    event_id: UUID
    actor: UUID
    at: datetime


def together(session: Session, answer: Answer, *groups: Collection[UUID]) -> None:
    """All reports of all groups are about one problem. Two groups are evidence: see `core.calibration`."""
    members = _bounded({each for group in groups for each in group})
    said: _Said = {(members[0], other): None for other in members[1:]}
    _write(session, answer, "same", _scored(session, answer.project_id, said, groups))


def apart(session: Session, answer: Answer, one: Collection[UUID], other: Collection[UUID]) -> None:
    """No report of the one group is about the same problem as one of the other."""
    left, right = _bounded(one), _bounded(other)
    pairs = [(left[0], each) for each in right] + [(each, right[0]) for each in left]
    said: _Said = {(min(pair), max(pair)): None for pair in pairs}
    _write(session, answer, "not_same", _scored(session, answer.project_id, said, (one, other)))


def withdraw(session: Session, project_id: int, event_id: UUID, now: datetime) -> None:
    """What was said by this event is said no more."""
    session.execute(
        update(Link)
        .where(Link.project_id == project_id, Link.event_id == event_id)
        .values(undone_at=now)
        .execution_options(synchronize_session=False)
    )


def ties_of(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> Ties:
    """What holds of these reports, and of those that are the same as them."""
    first = list(_standing(session, project_id, feedback_ids)) if feedback_ids else []
    partners = {end for tie in first if tie.same for end in (tie.a, tie.b)} - set(feedback_ids)
    return Ties([*first, *_standing(session, project_id, partners)] if partners else first)


def homes_of(session: Session, project_id: int, feature_id: UUID, feedback_ids: Iterable[UUID]) -> dict[UUID, UUID]:
    """The items of the feature that hold these reports."""
    wanted = list(feedback_ids)
    query = (
        select(ItemFeedback.feedback_id, ItemFeedback.item_id)
        .join(Item, HELD)
        .where(
            ItemFeedback.project_id == project_id,
            ItemFeedback.feedback_id.in_(wanted),
            Item.feature_id == feature_id,
        )
    )
    return dict(session.execute(query).all()) if wanted else {}


def _standing(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> Iterator[Tie]:
    columns = (Link.feedback_a, Link.feedback_b, Link.event_id, Link.kind)
    standing = (Link.project_id == project_id, Link.undone_at.is_(None))
    # Each by its index; a row that both find counts once, as everything about a pair does.
    ends = [select(*columns).where(*standing, end.in_(feedback_ids)) for end in (Link.feedback_a, Link.feedback_b)]
    for a, b, event_id, kind in session.execute(union_all(*ends)):
        yield Tie(a, b, event_id, kind == "same")


def _bounded(group: Collection[UUID]) -> list[UUID]:
    return sorted(group)[:LINKED]


def _scored(session: Session, project_id: int, said: _Said, groups: tuple[Collection[UUID], ...]) -> _Said:
    """`said` with the nearest pair of two groups, and how alike its words are. Without words nothing is learnt."""
    if len(groups) != 2:
        return said
    texts = [_telling(session, project_id, group) for group in groups]
    scores = {
        (min(a, b), max(a, b)): near(one, other)
        for one, a in texts[0].items()
        for other, b in texts[1].items()
        if a != b
    }
    if not scores:
        return said
    nearest = max(sorted(scores), key=lambda pair: scores[pair])
    return said | {nearest: round(scores[nearest], 4)}


def _telling(session: Session, project_id: int, group: Collection[UUID]) -> dict[str, UUID]:
    """The newest texts of a group that join by nearness: such as have words enough."""
    newest = sorted(group, reverse=True)[:LINKED]
    query = reports.reading(project_id).where(Feedback.id.in_(newest), Feedback.comment.is_not(None))
    rows = session.execute(query.order_by(Feedback.id.desc()).limit(_READ * 4)).all()
    found: dict[str, UUID] = {}
    for each in reports.keyed(session, project_id, map(reports.told, rows)):
        if _is_telling(each) and len(found) < _READ:
            found.setdefault(each.text, each.told.id)
    return found


def _is_telling(report: Keyed) -> bool:
    return bool(report.keys.bands)


def _write(session: Session, answer: Answer, kind: str, said: _Said) -> None:
    rows: list[dict[str, Any]] = [
        {
            "project_id": answer.project_id,
            "feedback_a": a,
            "feedback_b": b,
            "event_id": answer.event_id,
            "kind": kind,
            "score": score,
            "actor": answer.actor,
            "at": answer.at,
        }
        for (a, b), score in said.items()
    ]
    if rows:
        session.connection().execute(insert_into(session, Link), rows)
