"""Triage: feedback that nobody has read yet becomes work, in items ordered by how much they matter.

One call takes one bounded batch of one feature, in one transaction that holds the feature: on PostgreSQL by a lock on
the feature's row, which other workers pass over, on SQLite by the write lock. Everybody waits for that one, so all is
read and compared before anything is written. A worker that dies leaves neither work nor lock behind. Doing it twice
changes nothing.

What it makes does not depend on the order in which feedback came, nor on how it was cut into batches, as long as the
caps in `joining` are not reached.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Integer, bindparam, func, literal_column, select, update
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.orm import Session

from heedback_service.flow import placement, ranking, reports, spam
from heedback_service.flow.filing import file
from heedback_service.flow.joining import Board, Scope
from heedback_service.flow.reports import Told
from heedback_service.store.db import Database, OvertakenError
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.joins import HELD
from heedback_service.store.tables import Feature, Feedback, Item, ItemFeedback

# What one transaction reads. On SQLite intake waits while it is written: some tens of milliseconds.
BATCH: Final = 50  # pieces of feedback
CHARACTERS: Final = 6_000  # of comments

SET_ASIDE: Final = timedelta(days=1)  # by then a release may have come that can read what this one could not

_log: Final = logging.getLogger(__name__)


_NONE: Final[Any] = literal_column("0")  # where SQLAlchemy would bind a value of its own


def _claiming(_: str) -> Any:
    oldest = (
        select(func.min(Feedback.changed_at))
        .where(
            Feedback.project_id == Feature.project_id,
            Feedback.feature_id == Feature.id,
            Feedback.triaged_at.is_(None),
        )
        .correlate(Feature)
        .scalar_subquery()
    )
    return (
        select(Feature.project_id, Feature.id)
        .where(oldest <= bindparam("before"))
        .order_by(oldest, Feature.project_id, Feature.id)
        .limit(literal_column("1"))
        .offset(_NONE)
        # FOR NO KEY UPDATE: intake goes on storing rows that refer to the feature.
        .with_for_update(key_share=True, skip_locked=True, of=Feature)
    )


_CLAIM: Final = Direct(_claiming)
_UNREAD: Final = Direct(
    lambda _: (
        select(Feedback.id, func.coalesce(func.length(Feedback.comment), _NONE))
        .where(
            Feedback.project_id == bindparam("project"),
            Feedback.feature_id == bindparam("feature"),
            Feedback.triaged_at.is_(None),
            Feedback.changed_at <= bindparam("before"),
        )
        .order_by(Feedback.changed_at, Feedback.id)  # as the index is: what came with one request, in its order
        .limit(bindparam("batch", type_=Integer))
        .offset(_NONE)
        # What intake is changing comes back changed; what we read stays as it is until we have committed.
        .with_for_update(key_share=True, skip_locked=True)
    )
)
_TOLD: Final = Direct(
    lambda dialect: (
        reports.reading(bindparam("project")).where(among(dialect, Feedback.id, "ids")).order_by(Feedback.id)
    )
)
_PLACES: Final = Direct(
    lambda dialect: (
        select(ItemFeedback.feedback_id, ItemFeedback.item_id, ItemFeedback.placed_by, Item.feature_id)
        .join(Item, HELD)
        .where(ItemFeedback.project_id == bindparam("project"), among(dialect, ItemFeedback.feedback_id, "ids"))
    )
)
_MARK_READ: Final = Direct(
    lambda _: (
        update(Feedback)
        .where(
            Feedback.project_id == bindparam("its_project"),
            Feedback.id == bindparam("its_id"),
            Feedback.version == bindparam("its_version"),
        )
        .values(triaged_at=bindparam("now"))
    )
)


def triage_step(
    db: Database,
    now: datetime,
    *,
    new_id: Callable[[], UUID],
    settle: timedelta = timedelta(),
    batch: int = BATCH,
) -> bool:
    """`triage_next` in a transaction of its own.

    On SQLite others write while it reads and compares. If they did, it does so again while they wait: that is quick, as
    what takes long is arithmetic on texts, which `core` remembers.
    """
    with suppress(OvertakenError), db.attempt() as session:
        return triage_next(session, now, new_id=new_id, settle=settle, batch=batch)
    with db.write() as session:
        return triage_next(session, now, new_id=new_id, settle=settle, batch=batch)


def triage_next(
    session: Session,
    now: datetime,
    *,
    new_id: Callable[[], UUID],
    settle: timedelta = timedelta(),
    batch: int = BATCH,
) -> bool:
    """Triage the feature whose unread feedback has waited longest; False if there is nothing to do.

    Args:
        settle: feedback changed within this time is left alone: its details may still be coming.
        batch: at most so many pieces of feedback are read; fewer, if their comments are long.

    What cannot be triaged is logged, without its text, and set aside for a day or until it changes.
    Raises only what says that the store is in trouble. The caller commits.
    """
    claimed = _claim(session, now - settle)
    if claimed is None:
        return False
    scope = Scope(session, *claimed, now, new_id)
    if unread := _within_reach(scope, _unread(scope, now - settle, batch)):
        spam.count(session, scope.project_id, _read(scope, unread))
    return True


def _claim(session: Session, before: datetime) -> tuple[int, UUID] | None:
    """The feature that has waited longest of those nobody works on: (project, feature), ours until the commit."""
    found = _CLAIM.rows(Line(session.connection()), before=before)
    return (found[0][0], found[0][1]) if found else None


def _unread(scope: Scope, before: datetime, batch: int) -> list[UUID]:
    query = {"project": scope.project_id, "feature": scope.feature_id, "before": before, "batch": batch}
    chosen: list[UUID] = []
    room = CHARACTERS
    for feedback_id, size in _UNREAD.rows(scope.line, **query):
        room -= size
        if chosen and room < 0:
            break
        chosen.append(feedback_id)
    return chosen


def _within_reach(scope: Scope, unread: Sequence[UUID]) -> Sequence[UUID]:
    """Without what is still in an item of another feature, while somebody works there."""
    places = _places(scope, unread)
    elsewhere = {each: place.feature_id for each, place in places.items() if place.feature_id != scope.feature_id}
    if not elsewhere or placement.hold(scope.session, scope.project_id, set(elsewhere.values()), wait=False):
        return unread
    return [each for each in unread if each not in elsewhere]


def _read(scope: Scope, unread: Sequence[UUID]) -> list[spam.Change]:
    """Triage these. If that fails, each half by itself, so that what cannot be triaged harms no neighbour.

    Returns what that changes in the roll-ups.
    """
    try:
        with scope.session.begin_nested():
            heard, verdicts = spam.judge(scope.line, scope.project_id, _told(scope, unread))
            _triage(scope, heard)
            _mark_read(scope, heard)
            return spam.write(scope.line, scope.project_id, verdicts)
    except (OperationalError, InterfaceError, InternalError):
        raise  # the store is in trouble, and no row of it is to blame
    except Exception as error:
        if len(unread) == 1:
            _set_aside(scope, unread[0], error)
            return []
        middle = len(unread) // 2
        return _read(scope, unread[:middle]) + _read(scope, unread[middle:])


def _told(scope: Scope, wanted: Sequence[UUID]) -> list[Told]:
    return [reports.told(row) for row in _TOLD.rows(scope.line, project=scope.project_id, ids=list(wanted))]


def _set_aside(scope: Scope, feedback_id: UUID, error: Exception) -> None:
    """Let it wait, as if it had changed a day from now. Intake, which sets the true time, brings it back sooner."""
    # Neither the error's message nor its arguments: they may quote what was said.
    where = "".join(traceback.format_tb(error.__traceback__))
    _log.error(
        "could not triage feedback %s of project %s (%s); set aside until it changes, or for %s\n%s",
        *(feedback_id, scope.project_id, type(error).__name__, SET_ASIDE, where),
    )
    scope.session.execute(
        update(Feedback)
        .where(Feedback.project_id == scope.project_id, Feedback.id == feedback_id)
        .values(changed_at=scope.now + SET_ASIDE)
        .execution_options(synchronize_session=False)
    )


def _triage(scope: Scope, heard: Sequence[Told]) -> None:
    places = _places(scope, [each.id for each in heard])
    staying = {each.id for each in heard if each.counts and each.id in places and places[each.id].by_person}
    leaving = [each.id for each in heard if each.id in places and each.id not in staying]
    work = [each for each in heard if each.is_work and each.id not in staying]
    board = _board(scope, work, {})
    ranking.rehearse(scope.session, scope.project_id, {each.item_id for each in board.placed}, work)
    # Nothing has been written up to here. On SQLite everybody waits from now on.
    left = placement.take_out(scope.session, scope.project_id, leaving) if leaving else []
    if left:
        board = _board(scope, work, _alone(scope, work, places, left))
    changed = file(scope, board) | {places[feedback_id].item_id for feedback_id in staying} | set(left)
    if changed:
        ranking.refresh(scope.session, scope.project_id, changed, scope.now)


def _board(scope: Scope, work: Sequence[Told], former: Mapping[UUID, UUID]) -> Board:
    arrivals = reports.keyed(scope.session, scope.project_id, work)
    board = Board(scope, arrivals, former.values())
    for report in arrivals:
        board.place(report, former.get(report.told.id))
    return board


@dataclass(frozen=True, slots=True)
class _Place:
    item_id: UUID
    by_person: bool
    feature_id: UUID


def _places(scope: Scope, wanted: Sequence[UUID]) -> dict[UUID, _Place]:
    """Where feedback is that was triaged before and has changed since. No person put it into another feature's item."""
    rows = _PLACES.rows(scope.line, project=scope.project_id, ids=list(wanted))
    return {
        feedback_id: _Place(item_id, placed_by == "person" and feature_id == scope.feature_id, feature_id)
        for feedback_id, item_id, placed_by, feature_id in rows
    }


def _alone(scope: Scope, work: Sequence[Told], places: dict[UUID, _Place], left: Sequence[UUID]) -> dict[UUID, UUID]:
    """Feedback that was all its item held: the item is its own, whatever its words are now."""
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
    its = {"its_project": scope.project_id, "now": scope.now}
    _MARK_READ.many(scope.line, [its | {"its_id": each.id, "its_version": each.version} for each in heard])
