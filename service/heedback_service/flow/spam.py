"""Feedback set aside as spam: by rules when triage reads it, and by people, whose word stays.

What is set aside is kept and shown, and counts nowhere: not in rates, not in items. Roll-ups are corrected in the same
transaction, after everything else: whoever holds rows of them waits for nobody.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import ColumnElement, Integer, Select, bindparam, func, literal_column, select, update
from sqlalchemy.orm import Session

from heedback_service.core import spam
from heedback_service.core.rollup import Delta, Row
from heedback_service.core.spam import Heard
from heedback_service.flow import rollup
from heedback_service.flow.reports import Told
from heedback_service.flow.sheet import END_USER, counts
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.evidence import READ_ONCE
from heedback_service.store.tables import Feedback

_MINE: Final = Feedback.project_id == bindparam("project")


class _Row(NamedTuple):
    """A row of feedback, as far as it is judged and counted; named as the columns are."""

    id: UUID
    person: str | None
    source: str
    retracted: bool
    comment: str | None
    first_at: datetime
    spam: bool
    spam_by: str | None
    spam_why: str | None
    counts: bool
    day: date
    slice_id: UUID
    output_id: UUID | None
    polarity: int | None
    flag: bool
    correction: str | None

    @property
    def is_for_rules(self) -> bool:
        by_rule = self.spam_by == "rule" or (self.spam_by is None and not self.spam)
        return by_rule and self.source == END_USER and not self.retracted


def _rows(dialect: str) -> Select[Any]:
    columns = [getattr(Feedback, name) for name in _Row._fields]
    return select(*columns).where(_MINE, among(dialect, Feedback.id, "ids")).order_by(Feedback.id)


def _latest(whose: ColumnElement[bool]) -> Direct:
    opening: Any = func.substr(Feedback.comment, literal_column("1"), literal_column(f"{spam.COMPARED}"))
    return Direct(
        lambda _: (
            select(Feedback.first_at, Feedback.id, opening)
            .where(_MINE, whose, READ_ONCE, Feedback.source == literal_column(f"'{END_USER}'"))
            .where(Feedback.first_at <= bindparam("until"), Feedback.first_at > bindparam("since"))
            .order_by(Feedback.first_at.desc())
            .limit(bindparam("most", type_=Integer))
            .offset(literal_column("0"))  # else SQLAlchemy binds it, for SQLite
        )
    )


_ROWS: Final = Direct(_rows)
_ROWS_HELD: Final = Direct(lambda dialect: _rows(dialect).with_for_update(key_share=True))
_OF_NOBODY: Final = _latest(Feedback.person.is_(None))
_OF_PERSON: Final = _latest(Feedback.person == bindparam("person"))
_JUDGE: Final = Direct(
    lambda _: (
        update(Feedback)
        .where(Feedback.project_id == bindparam("its_project"), Feedback.id == bindparam("its_id"))
        .values({name: bindparam(f"its_{name}") for name in ("spam", "spam_by", "spam_why", "counts")})
    )
)

_Said = tuple[datetime, UUID, str | None]  # when, by which row, and its first words
Change = tuple[Row | None, Row | None]  # what a row counted for, and what it counts for now


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a row of feedback becomes: `why` is None when it is no spam."""

    row: _Row
    why: str | None
    by: str

    @property
    def counts(self) -> bool:
        return counts(self.row.source, retracted=self.row.retracted, spam=self.why is not None)


def judge(line: Line, project_id: int, heard: Sequence[Told]) -> tuple[list[Told], list[Verdict]]:
    """What the rules call spam, or no longer do. What a person has decided stays.

    Returns `heard` as it counts now, and what to `write` about it. The caller holds the rows.
    """
    read = _read(_ROWS, line, project_id, [each.id for each in heard])
    rows = [row for row in read if row.is_for_rules]
    earlier = _earlier(line, project_id, rows, read)
    verdicts = []
    for row in rows:
        before = [Heard(at, said) for at, its_id, said in earlier[row.person] if (at, its_id) < (row.first_at, row.id)]
        why = spam.suspicion(Heard(row.first_at, row.comment), before, anonymous=row.person is None)
        if why != row.spam_why:
            verdicts.append(Verdict(row, why, "rule"))
    now = {verdict.row.id: verdict.counts for verdict in verdicts}
    return [replace(each, counts=now[each.id]) if each.id in now else each for each in heard], verdicts


def decide(session: Session, project_id: int, feedback_id: UUID, *, is_spam: bool, now: datetime) -> bool:
    """A person says that feedback is spam, or that it is not; False if there is no such feedback.

    Rates follow at once; triage takes it out of its item, or puts it into one, when it reads it next.
    """
    line = Line(session.connection())
    row = next(iter(_read(_ROWS_HELD, line, project_id, [feedback_id])), None)
    if row is None:
        return False
    changes = write(line, project_id, [Verdict(row, "a person said so" if is_spam else None, "person")])
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


def _read(statement: Direct, line: Line, project_id: int, ids: Collection[UUID]) -> list[_Row]:
    return [_Row(*row) for row in statement.rows(line, project=project_id, ids=list(ids))]


def _earlier(line: Line, project_id: int, rows: Iterable[_Row], read: Iterable[_Row]) -> dict[str | None, list[_Said]]:
    """What each of the people of `rows` said in the day before, newest first: enough of it for every row.

    That is what triage has read before, also if it waits again, and what it has `read` in this step.
    """
    by_person: dict[str | None, list[datetime]] = defaultdict(list)
    for row in rows:
        by_person[row.person].append(row.first_at)
    here: dict[str | None, dict[UUID, _Said]] = defaultdict(dict)
    for row in read:
        if row.source == END_USER:
            here[row.person][row.id] = (row.first_at, row.id, row.comment)
    found: dict[str | None, list[_Said]] = {}
    for person, moments in by_person.items():
        reach = {"since": min(moments) - spam.DAY, "until": max(moments), "most": spam.REACH + len(moments)}
        whose: dict[str, Any] = {} if person is None else {"person": person}
        before = (_OF_PERSON if whose else _OF_NOBODY).rows(line, project=project_id, **reach, **whose)
        said = {its_id: (at, its_id, words) for at, its_id, words in before} | here[person]
        found[person] = sorted(said.values(), key=itemgetter(0, 1), reverse=True)
    return found


def write(line: Line, project_id: int, verdicts: Sequence[Verdict]) -> list[Change]:
    """Set rows aside, or take them back; returns what that changes in the roll-ups, which is to `count` at the end."""
    rows = [
        {
            "its_project": project_id,
            "its_id": each.row.id,
            "its_spam": each.why is not None,
            "its_spam_by": each.by,
            "its_spam_why": each.why,
            "its_counts": each.counts,
        }
        for each in verdicts
    ]
    _JUDGE.many(line, rows)
    return [
        (rollup.counted(each.row, counts=each.row.counts), rollup.counted(each.row, counts=each.counts))
        for each in verdicts
    ]
