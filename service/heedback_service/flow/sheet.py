"""Feedback rows while one transaction works on them: loaded, folded, saved, with the counts that follow.

Whatever changes feedback by its events goes through a `Sheet`: intake adds words to rows, and a late output moves
words to the row where they belong.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, Final, NamedTuple, cast
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Table, bindparam, delete, select, update
from sqlalchemy.orm import Session

from heedback_service.core import fold
from heedback_service.core import rollup as counting
from heedback_service.core.fold import State
from heedback_service.core.moments import from_microseconds, microseconds
from heedback_service.core.reference import about
from heedback_service.core.rollup import Delta
from heedback_service.flow import naming, placement
from heedback_service.flow.memory import Memory
from heedback_service.flow.shown import Known, Values
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, Line, among, among_rows
from heedback_service.store.tables import Feedback

END_USER: Final = "end_user"
_NOBODY: Final = "anon:"
_PLAIN: Final = tuple(name for name in fold.WORDS if name not in ("rating", "flag", "metadata"))
_TABLE: Final = cast("Table", Feedback.__table__)
_COLUMNS: Final = _TABLE.columns

# No ORDER BY: it would tempt SQLite to walk the primary key instead of looking the subjects up.
_ROWS: Final = select(_TABLE).where(Feedback.project_id == bindparam("project"))
_ABOUT: Final = Direct(lambda dialect: _ROWS.where(among(dialect, Feedback.subject, "wanted")))
_KEY: Final = (Feedback.subject, Feedback.person_key, Feedback.source)
_WITH_KEY: Final = Direct(lambda dialect: _ROWS.where(among_rows(dialect, _KEY, "wanted")))
_WITH_ID: Final = Direct(lambda dialect: _ROWS.where(among(dialect, Feedback.id, "wanted")))
_THIS: Final = update(_TABLE).where(Feedback.project_id == bindparam("its_project"), Feedback.id == bindparam("its_id"))
_ASIDE: Final = Direct(lambda _: _THIS.values(subject=bindparam("aside")))
_UPDATE: Final = Direct(
    lambda _: _THIS.values({each.name: bindparam(each.name) for each in _COLUMNS if not each.primary_key})
)
_INSERT: Final = Direct(lambda dialect: insert_for(dialect, Feedback))
_its_key: Final = attrgetter("key")


@dataclass(frozen=True, slots=True)
class Intake:
    """What one transaction of intake works with."""

    line: Line
    project_id: int
    timezone: ZoneInfo
    now: datetime
    new_id: Callable[[], UUID]
    memory: Memory = field(default_factory=Memory)
    delta: Delta = field(default_factory=Delta)


class Key(NamedTuple):
    """What identifies feedback: one person about one subject from one source."""

    subject: str
    person_key: str
    source: str

    @classmethod
    def of(cls, subject: str, user: str | None, source: str) -> Key:
        """Whoever gave no name is nobody in particular, kept apart for each subject.

        A pseudonym that looks like nobody's key stands behind a colon more, with which no subject begins.
        """
        if user is None:
            return cls(subject, f"{_NOBODY}{subject}", source)
        return cls(subject, f"{_NOBODY}:{user}" if user.startswith(_NOBODY) else user, source)

    @property
    def person(self) -> str | None:
        if not self.person_key.startswith(_NOBODY):
            return self.person_key
        named = self.person_key.removeprefix(_NOBODY)
        return named[1:] if named.startswith(":") else None


class Word(NamedTuple):
    """What one event says, as it lies in the ledger, and how it names its output."""

    event_id: UUID
    order_at: int
    body: Mapping[str, Any]
    ref: str | None
    output_id: UUID | None
    feature_id: UUID


@dataclass(slots=True)
class Entry:
    """One row on the sheet."""

    id: UUID
    key: Key
    output: Known | None = None
    state: State = fold.NOTHING
    first: int | None = None  # order_at of its first and its last word; None: nothing is said yet
    last: int | None = None
    spam: bool = False
    spam_by: str | None = None
    spam_why: str | None = None
    version: int = 0  # 0: not in the store yet
    before: counting.Row | None = None
    changed: bool = False
    rekeyed: bool = False

    def add(self, word: Word) -> None:
        said = fold.patch(word.body, (word.order_at, word.event_id.hex))
        self.state = fold.merge(self.state, said) if self.state.stamps else said
        self.first = word.order_at if self.first is None else min(self.first, word.order_at)
        self.last = word.order_at if self.last is None else max(self.last, word.order_at)
        self.changed = True

    def wipe(self) -> None:
        """Unsay everything, to say what stays again."""
        self.state, self.first, self.last, self.changed = fold.NOTHING, None, None, True

    def judge_like(self, other: Entry) -> None:
        """Take over what was said about words that move here: spam stays spam, and what a person said goes first."""
        if other.spam_by == "person" or (other.spam and self.spam_by != "person"):
            self.spam, self.spam_by, self.spam_why = other.spam, other.spam_by, other.spam_why

    def link(self, output: Known | None) -> None:
        if self.output != output:
            self.output, self.changed = output, True


class Sheet:
    """The feedback rows of one transaction."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        self._entries: dict[Key, Entry] = {}
        self._lifted: dict[UUID, Entry] = {}

    def load(self, keys: Iterable[Key]) -> None:
        """The rows with these keys, where there are any."""
        if wanted := set(keys):
            self._read(_WITH_KEY, map(tuple, wanted))  # named ones are no JSON arrays to the quick writer

    def load_about(self, outputs: Iterable[UUID]) -> list[Entry]:
        """All rows about these outputs, whether or not they were known when the rows were written."""
        subjects = set(map(about, outputs))
        self._read(_ABOUT, subjects)
        return [entry for entry in self._entries.values() if entry.key.subject in subjects]

    def load_ids(self, ids: Collection[UUID]) -> list[Entry]:
        """The rows with these ids, in the order of their keys."""
        self._read(_WITH_ID, ids)
        return sorted((entry for entry in self._entries.values() if entry.id in ids), key=_its_key)

    def entry(self, key: Key, output: Known | None) -> Entry:
        """The row of this key, made when there is none. The key must be loaded."""
        entry = self._entries.get(key)
        if entry is None:
            entry = self._entries[key] = Entry(self._intake.new_id(), key)
        entry.link(output)
        return entry

    def lift(self, entries: Iterable[Entry]) -> None:
        """Take rows off the sheet, wiped. What is not put back will be deleted."""
        for entry in entries:
            del self._entries[entry.key]
            self._lifted[entry.id] = entry
            entry.wipe()

    def put_back(self, entry: Entry, key: Key) -> None:
        """A lifted row, under a key that may be another; unless there is a row under it already."""
        if key not in self._entries:
            del self._lifted[entry.id]
            entry.rekeyed = entry.rekeyed or entry.key != key
            entry.key = key
            self._entries[key] = entry

    def save(self) -> None:
        """Write what has changed, and add the difference to the intake's delta."""
        for entry in self._lifted.values():
            self._intake.delta.apply(entry.before, None)
        self._delete([entry.id for entry in self._lifted.values() if entry.version])
        kept = sorted((entry for entry in self._entries.values() if entry.changed), key=_its_key)
        self._vacate([entry.id for entry in kept if entry.rekeyed])
        rows = self._rows(kept)
        for entry, row in zip(kept, rows, strict=True):
            self._intake.delta.apply(entry.before, _counted(row))
        self._update([row for row in rows if row["version"] > 1])
        self._insert([row for row in rows if row["version"] == 1])

    def _read(self, statement: Direct, wanted: Iterable[Any]) -> None:
        project_id = self._intake.project_id
        for row in statement.rows(self._intake.line, project=project_id, wanted=list(wanted)):
            entry = _entry(dict(zip(_COLUMNS.keys(), row, strict=True)))
            self._entries.setdefault(entry.key, entry)

    def _rows(self, entries: list[Entry]) -> list[dict[str, Any]]:
        adrift = {entry.id: _context(entry) for entry in entries if entry.output is None}
        slices = self._slices(set(adrift.values())) if adrift else {}
        return [self._row(entry, slices[adrift[entry.id]] if entry.id in adrift else None) for entry in entries]

    def _slices(self, places: set[naming.Place]) -> dict[naming.Place, UUID]:
        # A memory of its own: a slice that this very transaction made must not be remembered beyond it.
        return naming.slices(self._intake.line, self._intake.project_id, places, Memory())

    def _row(self, entry: Entry, slice_id: UUID | None) -> dict[str, Any]:
        """What the row says; `slice_id` is where it belongs as long as its output is not known."""
        key, output, state, words = entry.key, entry.output, entry.state, entry.state.values.get
        rating, retracted = words("rating"), state.retracted
        first = from_microseconds(entry.first or 0)
        return {
            "project_id": self._intake.project_id,
            "id": entry.id,
            "subject": key.subject,
            "person_key": key.person_key,
            "source": key.source,
            "person": key.person,
            "output_id": None if output is None else output.id,
            "slice_id": slice_id if output is None else output.slice_id,
            "day": first.astimezone(self._intake.timezone).date() if output is None else output.day,
            "feature_id": UUID(words("feature")) if output is None else output.feature_id,
            "rating_value": rating and rating["value"],
            "rating_scale": rating and rating["scale"],
            "polarity": state.polarity,
            "flag": words("flag") is True,
            "flag_reasons": words("flag_reasons"),
            "reasons": words("reasons"),
            "reasons_version": words("reasons_version"),
            "comment": words("comment"),
            "correction": words("correction"),
            "asked": words("asked"),
            "surface": words("surface"),
            "locale": words("locale"),
            "extra": words("metadata"),
            "context": words("context"),
            "stamps": state.stamps,
            "first_at": first,
            "last_at": from_microseconds(entry.last or 0),
            "changed_at": self._intake.now,
            "retracted": retracted,
            "spam": entry.spam,
            "spam_by": entry.spam_by,
            "spam_why": entry.spam_why,
            "counts": counts(key.source, retracted=retracted, spam=entry.spam),
            "triaged_at": None,
            "version": entry.version + 1,
        }

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        _INSERT.many(self._intake.line, rows)

    def _update(self, rows: list[dict[str, Any]]) -> None:
        _UPDATE.many(
            self._intake.line, [{"its_project": row["project_id"], "its_id": row["id"], **row} for row in rows]
        )

    def _vacate(self, ids: list[UUID]) -> None:
        # Rows that trade keys would collide half-way: each first steps aside.
        bound = [{"its_project": self._intake.project_id, "its_id": each, "aside": f"x:{each.hex}"} for each in ids]
        _ASIDE.many(self._intake.line, bound)

    def _delete(self, ids: list[UUID]) -> None:
        if not ids:
            return
        connection, project_id = self._intake.line.connection, self._intake.project_id
        with Session(connection, join_transaction_mode="rollback_only") as session:  # the transaction stays ours
            placement.withdraw(session, project_id, ids)
        connection.execute(delete(Feedback).where(Feedback.project_id == project_id, Feedback.id.in_(ids)))


def _entry(row: Mapping[Any, Any]) -> Entry:
    entry = Entry(row["id"], Key(row["subject"], row["person_key"], row["source"]))
    if row["output_id"] is not None:
        entry.output = Known(row["output_id"], row["slice_id"], row["day"], row["feature_id"], None)
    entry.state = _state(row)
    entry.first, entry.last = microseconds(row["first_at"]), microseconds(row["last_at"])
    entry.spam, entry.spam_by, entry.spam_why = row["spam"], row["spam_by"], row["spam_why"]
    entry.version, entry.before = row["version"], _counted(row)
    return entry


def _state(row: Mapping[Any, Any]) -> State:
    rating = None
    if row["rating_value"] is not None:
        rating = {"value": row["rating_value"], "scale": row["rating_scale"]}
    said = {
        "feature": row["feature_id"].hex,
        "rating": rating,
        "flag": True if row["flag"] else None,
        "metadata": row["extra"],
        **{name: row[name] for name in _PLAIN},
    }
    stamps = {name: (order_at, event_id) for name, (order_at, event_id) in row["stamps"].items()}
    return State({name: said[name] for name in stamps if name in said}, stamps)


def counts(source: str, *, retracted: bool, spam: bool) -> bool:
    """Whether feedback counts, in rates and as work: what an end user said, has not taken back, and is no spam."""
    return source == END_USER and not retracted and not spam


def _context(entry: Entry) -> tuple[UUID, naming.Dims]:
    return UUID(entry.state.values["feature"]), naming.dims_of(entry.state.values.get("context") or {})


def _counted(row: Values) -> counting.Row | None:
    return counting.feedback_row(
        row["day"],
        row["slice_id"],
        row["person"],
        counts=row["counts"],
        linked=row["output_id"] is not None,
        polarity=row["polarity"],
        flag=row["flag"],
        correction=row["correction"] is not None,
    )
