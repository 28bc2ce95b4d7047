"""Feedback set aside as spam: by rules when triage reads it, and by people, whose word stays.

What is set aside is kept and shown, and counts nowhere: not in rates, not in items. Roll-ups are corrected in the same
transaction, after everything else: whoever holds rows of them waits for nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Subquery, bindparam, func, select, union_all, update
from sqlalchemy.orm import Session

from heedback_service.core import spam
from heedback_service.core.rollup import Delta, Row
from heedback_service.core.spam import Heard
from heedback_service.flow import rollup
from heedback_service.flow.reports import Told
from heedback_service.flow.sheet import END_USER
from heedback_service.store.direct import Line
from heedback_service.store.tables import Feedback

Change = tuple[Row | None, Row | None]  # what a row counted for, and what it counts for now


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a row of feedback becomes: `why` is None when it is no spam."""

    row: Any
    why: str | None
    by: str

    @property
    def counts(self) -> bool:
        return self.row.source == END_USER and not self.row.retracted and self.why is None


def judge(session: Session, project_id: int, heard: Sequence[Told]) -> tuple[list[Told], list[Change]]:
    """Set aside what the rules call spam, and take back what they no longer do.

    Returns `heard` as it counts now, and what that changes in the roll-ups, which the caller writes at the end.
    What a person has decided stays. The caller holds the rows.
    """
    rows = [row for row in _rows(session, project_id, [each.id for each in heard]) if _is_for_rules(row)]
    earlier = _earlier(session, project_id, rows)
    verdicts = []
    for row in rows:
        before = [
            Heard(each.first_at, each.said)
            for each in earlier[row.person]
            if (each.first_at, each.id) < (row.first_at, row.id)
        ]
        why = spam.suspicion(Heard(row.first_at, row.comment), before, anonymous=row.person is None)
        if why != row.spam_why:
            verdicts.append(Verdict(row, why, "rule"))
    changes = _write(session, project_id, verdicts)
    now = {verdict.row.id: verdict.counts for verdict in verdicts}
    return [replace(each, counts=now.get(each.id, each.counts)) for each in heard], changes


def decide(session: Session, project_id: int, feedback_id: UUID, *, is_spam: bool, now: datetime) -> bool:
    """A person says that feedback is spam, or that it is not; False if there is no such feedback.

    Rates follow at once; triage takes it out of its item, or puts it into one, when it reads it next.
    """
    row = next(iter(_rows(session, project_id, [feedback_id], lock=True)), None)
    if row is None:
        return False
    changes = _write(session, project_id, [Verdict(row, "a person said so" if is_spam else None, "person")])
    again = update(Feedback).where(Feedback.project_id == project_id, Feedback.id == feedback_id)
    session.execute(again.values(triaged_at=None, changed_at=now, version=Feedback.version + 1))
    count(session, project_id, changes)
    return True


def count(session: Session, project_id: int, changes: Iterable[Change]) -> None:
    """Bring the roll-ups up to date; the last thing that a transaction does."""
    delta = Delta()
    for before, after in changes:
        delta.apply(before, after)
    if delta.days:
        rollup.write(Line(session.connection()), project_id, delta)


def _is_for_rules(row: Any) -> bool:
    by_rule = row.spam_by == "rule" or (row.spam_by is None and not row.spam)
    return by_rule and row.source == END_USER and not row.retracted


def _rows(session: Session, project_id: int, ids: Collection[UUID], *, lock: bool = False) -> Sequence[Any]:
    columns: tuple[Any, ...] = (
        *(Feedback.id, Feedback.person, Feedback.source, Feedback.retracted, Feedback.comment, Feedback.first_at),
        *(Feedback.spam, Feedback.spam_by, Feedback.spam_why, Feedback.counts),
        *(Feedback.day, Feedback.slice_id, Feedback.output_id, Feedback.polarity, Feedback.flag, Feedback.correction),
    )
    query = select(*columns).where(Feedback.project_id == project_id, Feedback.id.in_(ids)).order_by(Feedback.id)
    return session.execute(query.with_for_update(key_share=True) if lock else query).all()


def _earlier(session: Session, project_id: int, rows: Sequence[Any]) -> dict[str | None, list[Any]]:
    """What each of these people said in the day before, newest first: enough of it for every row."""
    found: dict[str | None, list[Any]] = defaultdict(list)
    by_person: dict[str | None, list[datetime]] = defaultdict(list)
    for row in rows:
        by_person[row.person].append(row.first_at)
    parts = [select(_latest(project_id, person, moments)) for person, moments in by_person.items()]
    for row in session.execute(union_all(*parts)) if parts else ():
        found[row.person].append(row)
    for several in found.values():
        several.sort(key=lambda row: (row.first_at, row.id), reverse=True)
    return found


def _latest(project_id: int, person: str | None, moments: Sequence[datetime]) -> Subquery:
    whose = Feedback.person.is_(None) if person is None else Feedback.person == person
    said = func.substr(Feedback.comment, 1, spam.COMPARED).label("said")
    return (
        select(Feedback.person, Feedback.id, Feedback.first_at, said)
        .where(Feedback.project_id == project_id, whose, Feedback.source == END_USER)
        .where(Feedback.first_at <= max(moments), Feedback.first_at > min(moments) - spam.DAY)
        .order_by(Feedback.first_at.desc())
        .limit(spam.REACH + len(moments))
        .subquery()
    )


def _write(session: Session, project_id: int, verdicts: Sequence[Verdict]) -> list[Change]:
    if not verdicts:
        return []
    setting = (
        update(Feedback)
        .where(Feedback.project_id == project_id, Feedback.id == bindparam("its_id"))
        .values({name: bindparam(f"its_{name}") for name in ("spam", "spam_by", "spam_why", "counts")})
    )
    bound = [
        {
            "its_id": each.row.id,
            "its_spam": each.why is not None,
            "its_spam_by": each.by,
            "its_spam_why": each.why,
            "its_counts": each.counts,
        }
        for each in verdicts
    ]
    session.connection().execute(setting, bound)
    return [
        (rollup.counted(each.row, counts=each.row.counts), rollup.counted(each.row, counts=each.counts))
        for each in verdicts
    ]
