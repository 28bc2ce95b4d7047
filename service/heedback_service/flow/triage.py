"""Triage: feedback that nobody has read yet becomes work, in items ordered by how much they matter.

One call takes one bounded batch of one feature, in one transaction, under a lease. What it does depends on the feedback
there is, not on the order in which it came or on how it was cut into batches; doing it twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, literal, select, tuple_, update
from sqlalchemy.orm import Session

from heedback_service.flow import leases, placement, ranking, reports
from heedback_service.flow.filing import file
from heedback_service.flow.joining import Board, Scope
from heedback_service.flow.reports import Told
from heedback_service.store.tables import Feedback, Item, ItemFeedback

BATCH: Final = 500  # pieces of feedback a call
LEASE_SECONDS: Final = 60
_FEATURES_LOOKED_AT: Final = 200


def triage_next(
    session: Session,
    now: datetime,
    *,
    new_id: Callable[[], UUID],
    holder: str,
    settle: timedelta = timedelta(),
    batch: int = BATCH,
) -> bool:
    """Triage the feature whose unread feedback has waited longest; False if there is nothing to do.

    Args:
        holder: names this worker; another worker's live lease on a feature is respected, a dead one is taken over.
        settle: feedback changed within this time is left alone: its details may still be coming.
        batch: at most so many pieces of feedback are read.

    The caller commits.
    """
    for project_id, feature_id in _waiting(session, now - settle):
        lease = f"triage:{project_id}:{feature_id.hex}"
        if leases.take(session, lease, holder, now, LEASE_SECONDS) is None:
            continue
        scope = Scope(session, project_id, feature_id, now, new_id)
        heard = _unread(scope, now - settle, batch)
        _triage(scope, heard)
        _mark_read(scope, heard)
        leases.release(session, lease, holder, now)
        return True
    return False


def _waiting(session: Session, before: datetime) -> list[tuple[int, UUID]]:
    """Features with unread feedback, the one that waited longest first."""
    oldest = sorted(_oldest_unread(session, before), key=lambda found: found[2])
    return [(project_id, feature_id) for project_id, feature_id, _ in oldest]


def _oldest_unread(session: Session, before: datetime) -> Iterator[tuple[int, UUID, UUID]]:
    """The first unread feedback of each feature: one seek in the index a feature, however much is waiting."""
    place = tuple_(Feedback.project_id, Feedback.feature_id)
    query = (
        select(Feedback.project_id, Feedback.feature_id, Feedback.id)
        .where(Feedback.triaged_at.is_(None), Feedback.changed_at <= before)
        .order_by(Feedback.project_id, Feedback.feature_id, Feedback.id)
        .limit(1)
    )
    found = session.execute(query).first()
    for _ in range(_FEATURES_LOOKED_AT):
        if found is None:
            return
        yield found[0], found[1], found[2]
        behind = tuple_(literal(found[0]), literal(found[1], Feedback.feature_id.type))
        found = session.execute(query.where(place > behind)).first()


def _unread(scope: Scope, before: datetime, batch: int) -> list[Told]:
    query = (
        reports.reading(scope.project_id)
        .where(Feedback.feature_id == scope.feature_id, Feedback.triaged_at.is_(None), Feedback.changed_at <= before)
        .order_by(Feedback.id)
        .limit(batch)
    )
    return [reports.told(row) for row in scope.session.execute(query)]


def _triage(scope: Scope, heard: Sequence[Told]) -> None:
    places = _places(scope, heard)
    staying = {each.id for each in heard if each.counts and each.id in places and places[each.id].by_person}
    leaving = [each.id for each in heard if each.id in places and each.id not in staying]
    left = placement.withdraw(scope.session, scope.project_id, leaving) if leaving else []
    work = [each for each in heard if each.is_work and each.id not in staying]
    former = _alone(scope, work, places, left)
    arrivals = reports.keyed(scope.session, scope.project_id, work)
    board = Board(scope, arrivals, former.values())
    for report in arrivals:
        board.place(report, former.get(report.told.id))
    changed = file(scope, board) | {places[feedback_id].item_id for feedback_id in staying} | set(left)
    if changed:
        ranking.refresh(scope.session, scope.project_id, changed, scope.now)


@dataclass(frozen=True, slots=True)
class _Place:
    item_id: UUID
    by_person: bool


def _places(scope: Scope, heard: Sequence[Told]) -> dict[UUID, _Place]:
    """Where feedback is that was triaged before and has changed since."""
    query = select(ItemFeedback.feedback_id, ItemFeedback.item_id, ItemFeedback.placed_by).where(
        ItemFeedback.project_id == scope.project_id, ItemFeedback.feedback_id.in_([each.id for each in heard])
    )
    return {
        feedback_id: _Place(item_id, placed_by == "person")
        for feedback_id, item_id, placed_by in scope.session.execute(query)
    }


def _alone(scope: Scope, work: Sequence[Told], places: dict[UUID, _Place], left: Sequence[UUID]) -> dict[UUID, UUID]:
    """Feedback that was all its item held: the item is its own, whatever its words are now."""
    if not left:
        return {}
    emptied = set(
        scope.session.scalars(
            select(Item.id).where(
                Item.project_id == scope.project_id,
                Item.feature_id == scope.feature_id,
                Item.id.in_(left),
                Item.feedback_count == 0,
            )
        )
    )
    claims = {places[each.id].item_id: each.id for each in reversed(work) if each.id in places}
    return {feedback_id: item_id for item_id, feedback_id in claims.items() if item_id in emptied}


def _mark_read(scope: Scope, heard: Sequence[Told]) -> None:
    """A row that changed while we read it keeps its newer version, and comes back."""
    reading = (
        update(Feedback)
        .where(
            Feedback.project_id == scope.project_id,
            Feedback.id == bindparam("its_id"),
            Feedback.version == bindparam("its_version"),
        )
        .values(triaged_at=scope.now)
    )
    scope.session.connection().execute(reading, [{"its_id": each.id, "its_version": each.version} for each in heard])
