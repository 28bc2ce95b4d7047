"""What is past its time goes, in small steps; the counts of it stay.

Texts of outputs that nobody gave feedback on go 14 days after they came. An output goes with its texts, its signals and
all that was said about it when its project-local day lies more than the project's `retention_days` back; so does
feedback whose output never came, by its last word. Roll-ups are never touched: they go on counting what is gone. Items
stay, and speak of the feedback that is still there; what a model proposed about an item goes with the first of its
reports. Pseudonyms do not outlive the rows: the days' people go too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, String, and_, cast, delete, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from heedback_service.core.periods import local_day
from heedback_service.core.reference import OF_OUTPUT, about, output_of
from heedback_service.flow import locks, placement, ranking
from heedback_service.flow.forgetting import forget_words
from heedback_service.store.base import Base
from heedback_service.store.direct import Line
from heedback_service.store.tables import (
    AccountSession,
    Feedback,
    FeedbackEvent,
    Output,
    OutputText,
    PersonDay,
    Project,
    Signal,
    Slice,
)

UNRATED_TEXT: Final = timedelta(days=14)
SIGN_INS: Final = {"session": "sessions", "link": "sign-in links", "wrong_password": "wrong passwords"}
BATCH: Final = 100  # outputs or pieces of feedback a step: tens of milliseconds, in which others wait to write
KINDS: Final = ("texts", "outputs", "signals", "feedback", "feedback events", "person days")


@dataclass(frozen=True, slots=True)
class Window:
    """What a project keeps: days from `first_day`, which begins at `starts`, and unrated texts since `texts_since`."""

    first_day: date
    starts: datetime
    texts_since: datetime


def window(project: Project, now: datetime) -> Window:
    """Today and the `retention_days` before it are kept; each day is kept or purged as a whole."""
    first = local_day(now, project.timezone) - timedelta(days=project.retention_days)
    starts = datetime.combine(first, time(), ZoneInfo(project.timezone)).astimezone(UTC)
    return Window(first, starts, now - UNRATED_TEXT)


def purge_next(session: Session, now: datetime) -> bool:
    """Purge a small part of what is past its time, in any project; False if there is nothing. The caller commits."""
    ids = session.scalars(select(Project.id).order_by(Project.id)).all()
    return any(purge_step(session, project_id, now) is not None for project_id in ids) or bool(
        forget_sign_ins(session, now)
    )


def purge_step(session: Session, project_id: int, now: datetime) -> Counter[str] | None:
    """One step in one project: how much of each of `KINDS` went, or None if there was nothing to do."""
    # Two processes must not withdraw the same feedback from its item: the second waits here and finds it gone.
    project = session.get_one(Project, project_id, with_for_update={"key_share": True}, populate_existing=True)
    kept = window(project, now)
    for step in _STEPS:
        gone = step(session, project, kept, now)
        if gone is not None:
            return gone
    return None


def due(session: Session, project: Project, now: datetime) -> Counter[str]:
    """How much of each of `KINDS` would go now. Looks at every row, so it takes its time."""
    kept = window(project, now)
    found: Counter[str] = Counter()
    for kind, table, condition in _conditions(project, kept):
        query = select(func.count()).select_from(table).where(table.project_id == project.id, condition)
        found[kind] = session.scalar(query) or 0
    return +found


def due_sign_ins(session: Session, now: datetime) -> Counter[str]:
    """How many of each kind in `SIGN_INS` have expired. They are of accounts, and so of no project."""
    kinds = select(AccountSession.kind, func.count()).where(AccountSession.expires_at <= now)
    return Counter({SIGN_INS[kind]: n for kind, n in session.execute(kinds.group_by(AccountSession.kind)).all()})


def forget_sign_ins(session: Session, now: datetime) -> Counter[str]:
    """Remove what has expired, all of it at once; how many of each kind in `SIGN_INS`. The caller commits."""
    expired = delete(AccountSession).where(AccountSession.expires_at <= now).returning(AccountSession.kind)
    return Counter(SIGN_INS[kind] for kind in session.scalars(expired))


def _sift_texts(session: Session, project: Project, kept: Window, now: datetime) -> Counter[str] | None:
    """Each text is looked at once when it is 14 days old: it goes now, or stays with its output."""
    waiting = (OutputText.project_id == project.id, _unsifted(project, kept))
    ages = select(OutputText.received_at).where(*waiting).order_by(OutputText.received_at).limit(BATCH)
    looked_at = session.scalars(ages).all()
    if not looked_at:
        return None
    until = looked_at[-1]
    # Texts stored together have the same moment: all of them, so that the next step can begin behind it.
    batch = select(OutputText.output_id).where(*waiting, OutputText.received_at <= until)
    ids = session.scalars(batch).all()
    rated = set(session.scalars(select(Feedback.subject).where(*_about(project, ids))))
    unrated = [output_id for output_id in ids if about(output_id) not in rated]
    project.texts_sifted_until = until
    return Counter(texts=_delete(session, OutputText, _of(project, OutputText, OutputText.output_id, unrated)))


def _drop_outputs(session: Session, project: Project, kept: Window, now: datetime) -> Counter[str] | None:
    # By way of the slices, because the index of outputs by day is within each slice.
    slices = Output.slice_id.in_(select(Slice.id).where(Slice.project_id == project.id))
    old = select(Output.id).where(Output.project_id == project.id, slices, Output.day < kept.first_day)
    ids = session.scalars(old.limit(BATCH)).all()
    if not ids:
        return None
    _take_turns(session, project, map(about, ids))  # else what is said just now would outlive its output, for ever
    said = session.scalars(select(Feedback.id).where(*_about(project, ids))).all()
    gone = _drop_feedback(session, project, said, now)
    if gone is None:
        return None
    gone["texts"] = _delete(session, OutputText, _of(project, OutputText, OutputText.output_id, ids))
    gone["signals"] = _delete(session, Signal, _of(project, Signal, Signal.output_id, ids))
    gone["outputs"] = _delete(session, Output, _of(project, Output, Output.id, ids))
    _mark(project, kept)
    return gone


def _drop_adrift(session: Session, project: Project, kept: Window, now: datetime) -> Counter[str] | None:
    """Feedback whose output never came, or went before it."""
    query = select(Feedback.id, Feedback.subject).where(Feedback.project_id == project.id)
    oldest = query.where(_adrift(kept)).order_by(Feedback.last_at, Feedback.id).limit(BATCH)
    found = session.execute(oldest).all()
    if not found:
        return None
    _take_turns(session, project, [row.subject for row in found])  # meanwhile one may have got a new word, or an output
    adrift = session.execute(query.where(_adrift(kept), Feedback.id.in_([row.id for row in found]))).all()
    gone = _drop_feedback(session, project, [row.id for row in adrift], now)
    if gone is None:
        return None
    outputs = [output_id for row in adrift if (output_id := output_of(row.subject)) is not None]
    gone["texts"] = _delete(session, OutputText, _of(project, OutputText, OutputText.output_id, outputs))
    _mark(project, kept)
    return gone


def _drop_orphans(session: Session, project: Project, kept: Window, now: datetime) -> Counter[str] | None:
    """Signals whose output never came. They were never counted."""
    orphans = select(Signal.id).where(Signal.project_id == project.id, _orphaned(kept))
    ids = session.scalars(orphans.order_by(Signal.occurred_at).limit(BATCH)).all()
    return Counter(signals=_delete(session, Signal, _of(project, Signal, Signal.id, ids))) if ids else None


def _drop_people(session: Session, project: Project, kept: Window, now: datetime) -> Counter[str] | None:
    """One slice of one day a step. After the rows: as long as these are there, a change would count people again."""
    its = PersonDay.project_id == project.id
    days = select(PersonDay.day, PersonDay.slice_id).where(its, PersonDay.day < kept.first_day)
    first = session.execute(days.order_by(PersonDay.day, PersonDay.slice_id).limit(1)).first()
    if first is None:
        return None
    _mark(project, kept)
    there = and_(its, PersonDay.day == first.day, PersonDay.slice_id == first.slice_id)
    return Counter({"person days": _delete(session, PersonDay, there)})


_Step = Callable[[Session, Project, Window, datetime], Counter[str] | None]
_STEPS: Final[tuple[_Step, ...]] = (_sift_texts, _drop_outputs, _drop_adrift, _drop_orphans, _drop_people)


def _drop_feedback(session: Session, project: Project, ids: Sequence[UUID], now: datetime) -> Counter[str] | None:
    """Remove feedback from its items and altogether; None while somebody is at work on these."""
    touched = placement.features_of(session, project.id, ids)
    if not placement.hold(session, project.id, touched, wait=False):
        return None
    if not placement.features_of(session, project.id, ids) <= touched:  # it moved to yet another one just now
        return None
    if items := placement.take_out(session, project.id, ids):
        ranking.refresh(session, project.id, items, now)
        forget_words(session, project.id, items)
    gone = Counter(
        {
            "feedback events": _delete(
                session, FeedbackEvent, _of(project, FeedbackEvent, FeedbackEvent.feedback_id, ids)
            ),
            "feedback": _delete(session, Feedback, _of(project, Feedback, Feedback.id, ids)),
        }
    )
    return gone


def _take_turns(session: Session, project: Project, subjects: Iterable[str]) -> None:
    locks.take_turns_about(Line(session.connection()), project.id, subjects)


def _mark(project: Project, kept: Window) -> None:
    project.purged_before = max(project.purged_before or kept.first_day, kept.first_day)


def _conditions(project: Project, kept: Window) -> list[tuple[str, Any, ColumnElement[bool]]]:
    """What goes, a condition for each of `KINDS`, saying the same as the steps without their indexes and batches."""
    said = _adrift(kept) | (Feedback.output_id.is_not(None) & (Feedback.day < kept.first_day))
    texts = or_(
        _unsifted(project, kept) & ~_said_about(OutputText),
        _shown(OutputText, Output.day < kept.first_day),
        _said_about(OutputText, _adrift(kept)),
    )
    signals = _shown(Signal, Output.day < kept.first_day) | _orphaned(kept)
    whose = and_(Feedback.project_id == FeedbackEvent.project_id, Feedback.id == FeedbackEvent.feedback_id)
    return [
        ("texts", OutputText, texts),
        ("outputs", Output, Output.day < kept.first_day),
        ("signals", Signal, signals),
        ("feedback", Feedback, said),
        ("feedback events", FeedbackEvent, exists().where(whose, said)),
        ("person days", PersonDay, PersonDay.day < kept.first_day),
    ]


def _unsifted(project: Project, kept: Window) -> ColumnElement[bool]:
    old = OutputText.received_at <= kept.texts_since
    return old if project.texts_sifted_until is None else old & (OutputText.received_at > project.texts_sifted_until)


def _adrift(kept: Window) -> ColumnElement[bool]:
    return Feedback.output_id.is_(None) & (Feedback.last_at < kept.starts)


def _orphaned(kept: Window) -> ColumnElement[bool]:
    return (Signal.occurred_at < kept.starts) & ~_shown(Signal)


def _shown(table: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """The row of `table` has an output, of which `conditions` hold."""
    return exists().where(Output.project_id == table.project_id, Output.id == table.output_id, *conditions)


def _said_about(table: Any, *conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Feedback names the output of the row of `table`, and `conditions` hold of it."""
    # As a text, a UUID has hyphens on PostgreSQL and none on SQLite.
    subject = literal(OF_OUTPUT).concat(func.replace(cast(table.output_id, String), "-", ""))
    return exists().where(Feedback.project_id == table.project_id, Feedback.subject == subject, *conditions)


def _about(project: Project, outputs: Collection[UUID]) -> tuple[ColumnElement[bool], ...]:
    return Feedback.project_id == project.id, Feedback.subject.in_(list(map(about, outputs)))


def _of(project: Project, table: Any, column: Any, ids: Collection[UUID]) -> ColumnElement[bool]:
    return and_(table.project_id == project.id, column.in_(ids))


def _delete(session: Session, table: type[Base], condition: ColumnElement[bool]) -> int:
    deleting = delete(table).where(condition).execution_options(synchronize_session=False)
    result: Any = session.execute(deleting)
    return int(result.rowcount)
