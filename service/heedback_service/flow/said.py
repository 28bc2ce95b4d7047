"""Intake of what was said: feedback events onto their rows, and rows onto outputs that come late."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, select, update

from heedback_service.core import fold
from heedback_service.core.reference import ref_of, refs_of, resolve, subject
from heedback_service.flow.sheet import Entry, Intake, Key, Sheet, Word
from heedback_service.flow.shown import Known, known_outputs, outputs_by_ref
from heedback_service.store.db import insert_into
from heedback_service.store.tables import FeedbackEvent, Output

# What the ledger keeps of an event beside its columns: its words, who said them, and what narrows its reference.
_KEPT: Final = (*fold.WORDS, "retracted", "output_id", "span_id", "user", "source")

_TRIPLES: Final = (
    select(FeedbackEvent.ref, FeedbackEvent.span_id, FeedbackEvent.feature_id)
    .where(FeedbackEvent.project_id == bindparam("project"), FeedbackEvent.ref.in_(bindparam("refs", expanding=True)))
    .distinct()
)
_HEARD: Final = select(FeedbackEvent.id).where(
    FeedbackEvent.project_id == bindparam("project"), FeedbackEvent.id.in_(bindparam("ids", expanding=True))
)


@dataclass(frozen=True, slots=True)
class Said:
    """A feedback event with its moment by our clock."""

    event: Mapping[str, Any]
    feature_id: UUID
    order_at: int
    at: datetime

    @property
    def body(self) -> dict[str, Any]:
        kept = {name: self.event[name] for name in _KEPT if name in self.event}
        if "output_id" in kept:
            kept["output_id"] = kept["output_id"] and kept["output_id"].hex
        return kept | {"feature": self.feature_id.hex}


def take_feedback(intake: Intake, events: Sequence[Said]) -> set[UUID]:
    """Store feedback events that are new; returns their ids."""
    fresh = _unheard(intake, events)
    if not fresh:
        return set()
    words = [_Located.of(said.event["id"], ref_of(said.event), said.order_at, said.body) for said in fresh]
    targets = _targets(intake, words)
    sheet = Sheet(intake)
    sheet.load(key for key, _ in targets)
    ledger = []
    for said, located, (key, output) in zip(fresh, words, targets, strict=True):
        entry = sheet.entry(key, output)
        entry.add(located.word)
        ledger.append(_line(intake, said, located, entry))
    sheet.save()
    intake.connection.execute(insert_into(intake.session, FeedbackEvent), ledger)
    return {said.event["id"] for said in fresh}


def relink(intake: Intake, outputs: Collection[UUID]) -> None:
    """Bring feedback that was waiting for these outputs to them.

    An output can also make a reference ambiguous that was clear before; feedback then leaves the output it was on. So
    what a reference means depends on the outputs there are, never on the order they came in.
    """
    if not outputs:
        return
    sheet = Sheet(intake)
    arrived = known_outputs(intake.session, intake.project_id, outputs)
    for entry in sheet.load_about(outputs):
        entry.link(arrived[UUID(entry.key.subject[2:])])
    _move(intake, sheet, _reread(intake, set(outputs)))
    sheet.save()


@dataclass(frozen=True, slots=True)
class _Located:
    """A word with how it names its output."""

    word: Word
    ref: str | None

    @classmethod
    def of(cls, event_id: UUID, ref: str | None, order_at: int, body: Mapping[str, Any]) -> _Located:
        return cls(Word(event_id, order_at, body), ref)

    @property
    def feature_id(self) -> UUID:
        return UUID(self.word.body["feature"])

    @property
    def output_id(self) -> UUID | None:
        named = self.word.body.get("output_id")
        return None if named is None else UUID(named)

    def key(self, output_id: UUID | None) -> Key:
        body = self.word.body
        about = subject(output_id, self.ref, body.get("span_id"), self.feature_id)
        return Key.of(about, body.get("user"), body["source"])


def _unheard(intake: Intake, events: Sequence[Said]) -> list[Said]:
    if not events:
        return []
    ids = [said.event["id"] for said in events]
    heard = set(intake.connection.scalars(_HEARD, {"project": intake.project_id, "ids": ids}))
    return [said for said in events if said.event["id"] not in heard]


def _targets(intake: Intake, words: Sequence[_Located]) -> list[tuple[Key, Known | None]]:
    """Where each word belongs, by the outputs that are there now."""
    refs = {word.ref for word in words if word.ref is not None}
    by_ref = outputs_by_ref(intake.session, intake.project_id, refs) if refs else {}
    meant = [_meant(located, by_ref) for located in words]
    known = known_outputs(intake.session, intake.project_id, {output_id for output_id in meant if output_id})
    return [
        (located.key(output_id), None if output_id is None else known.get(output_id))
        for located, output_id in zip(words, meant, strict=True)
    ]


def _meant(located: _Located, by_ref: Mapping[str, Sequence[Known]]) -> UUID | None:
    if located.ref is None:
        return located.output_id
    candidates = [output.candidate for output in by_ref.get(located.ref, ())]
    return resolve(candidates, located.word.body.get("span_id"), located.feature_id)


def _line(intake: Intake, said: Said, located: _Located, entry: Entry) -> dict[str, Any]:
    return {
        "project_id": intake.project_id,
        "id": said.event["id"],
        "feedback_id": entry.id,
        "ref": located.ref,
        "span_id": said.event.get("span_id"),
        "feature_id": said.feature_id,
        "body": located.word.body,
        "occurred_at": said.at,
        "received_at": intake.now,
        "order_at": said.order_at,
    }


def _reread(intake: Intake, arrived: Collection[UUID]) -> set[UUID]:
    """The rows of feedback with an event that means something else now that these outputs are here.

    What an event means depends on its reference, span and feature alone. So each such triple is resolved once without
    the new outputs and once with them, and the events are read only where that differs: a conversation of a thousand
    outputs under one key is not read through a thousand times.
    """
    carried = select(Output.trace_id, Output.response_id, Output.join_key).where(
        Output.project_id == intake.project_id, Output.id.in_(arrived)
    )
    refs = {ref for row in intake.connection.execute(carried) for ref in refs_of(*row)}
    if not refs:
        return set()
    found = intake.connection.execute(_TRIPLES, {"project": intake.project_id, "refs": list(refs)})
    triples = [(ref, span_id, feature_id) for ref, span_id, feature_id in found if ref is not None]
    by_ref = outputs_by_ref(intake.session, intake.project_id, {ref for ref, _, _ in triples}) if triples else {}
    changed = []
    for ref, span_id, feature_id in triples:
        after = [output.candidate for output in by_ref.get(ref, ())]
        before = [candidate for candidate in after if candidate.id not in arrived]
        if resolve(before, span_id, feature_id) != resolve(after, span_id, feature_id):
            changed.append((ref, span_id, feature_id))
    return {feedback_id for triple in changed for feedback_id in _rows_saying(intake, *triple)}


def _rows_saying(intake: Intake, ref: str, span_id: str | None, feature_id: UUID) -> list[UUID]:
    where = (FeedbackEvent.ref == ref, FeedbackEvent.span_id == span_id, FeedbackEvent.feature_id == feature_id)
    rows = select(FeedbackEvent.feedback_id).where(FeedbackEvent.project_id == intake.project_id, *where)
    return list(intake.connection.scalars(rows))


def _move(intake: Intake, sheet: Sheet, feedback_ids: Collection[UUID]) -> None:
    if not feedback_ids:
        return
    ledger = select(FeedbackEvent).where(
        FeedbackEvent.project_id == intake.project_id, FeedbackEvent.feedback_id.in_(feedback_ids)
    )
    events = intake.session.scalars(ledger.order_by(FeedbackEvent.order_at, FeedbackEvent.id)).all()
    words = [_Located.of(event.id, event.ref, event.order_at, event.body) for event in events]
    targets = _targets(intake, words)
    sheet.load(key for key, _ in targets)
    placed: dict[UUID, list[_Placed]] = {}
    for event, located, (key, output) in zip(events, words, targets, strict=True):
        placed.setdefault(event.feedback_id, []).append(_Placed(located.word, key, output))
    _reassign(intake, _settle(sheet, sheet.load_ids(feedback_ids), placed))


@dataclass(frozen=True, slots=True)
class _Placed:
    word: Word
    key: Key
    output: Known | None


def _settle(
    sheet: Sheet, entries: Sequence[Entry], placed: Mapping[UUID, Sequence[_Placed]]
) -> list[tuple[UUID, UUID]]:
    """Put the words of these rows where they belong; returns (event, feedback) for those that changed rows.

    First every row that changes leaves its place, then each takes the one place that is its own, and only then are the
    words said again: rows may trade places, and none may find another's words in its own.
    """
    wanted = {entry.id: {its.key for its in placed[entry.id]} for entry in entries}
    moving = [entry for entry in entries if wanted[entry.id] != {entry.key}]
    staying = {entry.id for entry in entries} - {entry.id for entry in moving}
    for entry in entries:
        if entry.id in staying:
            entry.link(placed[entry.id][0].output)
    sheet.lift(moving)
    for entry in moving:  # a row keeps its id, and so its place in the backlog, where it can
        keys = wanted[entry.id]
        if entry.key in keys or len(keys) == 1:
            sheet.put_back(entry, entry.key if entry.key in keys else next(iter(keys)))
    moved = []
    for entry in moving:
        for its in placed[entry.id]:
            target = sheet.entry(its.key, its.output)
            target.add(its.word)
            target.spam = target.spam or entry.spam
            moved.append((its.word.event_id, target.id))
    return moved


def _reassign(intake: Intake, moved: Sequence[tuple[UUID, UUID]]) -> None:
    if not moved:
        return
    statement = (
        update(FeedbackEvent)
        .where(FeedbackEvent.project_id == intake.project_id, FeedbackEvent.id == bindparam("its_id"))
        .values(feedback_id=bindparam("its_feedback"))
    )
    bound = [{"its_id": event_id, "its_feedback": feedback_id} for event_id, feedback_id in moved]
    intake.connection.execute(statement, bound)
