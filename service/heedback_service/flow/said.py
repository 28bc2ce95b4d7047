"""Intake of what was said: feedback events onto their rows, and rows onto outputs that come late."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, select, update

from heedback_service.core import fold
from heedback_service.core.moments import from_microseconds, microseconds
from heedback_service.core.reference import about, ref_of, refs_of, resolve, subject
from heedback_service.flow.sheet import END_USER, Entry, Intake, Key, Sheet, Word
from heedback_service.flow.shown import Event, Known, known_outputs, outputs_by_ref
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, among
from heedback_service.store.tables import FeedbackEvent, Output

# What the ledger keeps of an event beside its columns: its words, who said them, and what narrows its reference.
_KEPT: Final = frozenset((*fold.WORDS, "retracted", "output_id", "span_id", "user", "source"))

_MINE: Final = FeedbackEvent.project_id == bindparam("project")
_TRIPLES: Final = Direct(
    lambda dialect: (
        select(FeedbackEvent.ref, FeedbackEvent.span_id, FeedbackEvent.feature_id)
        .where(_MINE, among(dialect, FeedbackEvent.ref, "refs"))
        .distinct()
    )
)
_HEARD: Final = Direct(lambda dialect: select(FeedbackEvent.id).where(_MINE, among(dialect, FeedbackEvent.id, "ids")))
_LEDGER: Final = Direct(
    lambda dialect: (
        select(
            FeedbackEvent.id, FeedbackEvent.feedback_id, FeedbackEvent.ref, FeedbackEvent.order_at, FeedbackEvent.body
        )
        .where(_MINE, among(dialect, FeedbackEvent.feedback_id, "rows"))
        .order_by(FeedbackEvent.order_at, FeedbackEvent.id)
    )
)
_CARRIED: Final = Direct(
    lambda dialect: select(Output.trace_id, Output.response_id, Output.join_key).where(
        Output.project_id == bindparam("project"), among(dialect, Output.id, "ids")
    )
)
_INSERT: Final = Direct(lambda dialect: insert_for(dialect, FeedbackEvent))


def take_feedback(intake: Intake, events: Sequence[Event], features: Mapping[str, UUID]) -> set[UUID]:
    """Store feedback events that are new, each with its moment by our clock as `at`; returns their ids.

    Args:
        features: the id of each feature that an event names.
    """
    fresh = _unheard(intake, events)
    if not fresh:
        return set()
    words = [_word(event, features[event["feature"]]) for event in fresh]
    targets = _targets(intake, words)
    sheet = Sheet(intake)
    sheet.load(key for key, _ in targets)
    ledger = []
    for word, (key, output) in zip(words, targets, strict=True):
        entry = sheet.entry(key, output)
        entry.add(word)
        ledger.append(_line(intake, word, entry.id))
    sheet.save()
    _INSERT.many(intake.line, ledger)
    return {word.event_id for word in words}


def relink(intake: Intake, outputs: Collection[UUID]) -> None:
    """Bring feedback that was waiting for these outputs to them.

    An output can also make a reference ambiguous that was clear before; feedback then leaves the output it was on. So
    what a reference means depends on the outputs there are, never on the order they came in.
    """
    if not outputs:
        return
    sheet = Sheet(intake)
    arrived = {about(output.id): output for output in known_outputs(intake.line, intake.project_id, outputs).values()}
    for entry in sheet.load_about(outputs):
        entry.link(arrived[entry.key.subject])
    moved = _move(intake, sheet, _reread(intake, set(outputs)))
    sheet.save()  # waits for whoever takes feedback out of items, and may want its events too
    _reassign(intake, moved)


def _word(event: Event, feature_id: UUID) -> Word:
    body = {name: value for name, value in event.items() if name in _KEPT}
    output_id = event.get("output_id")
    if output_id is not None:
        body["output_id"] = output_id.hex
    body["feature"] = feature_id.hex
    body.setdefault("source", END_USER)
    return Word(event["id"], microseconds(event["at"]), body, ref_of(event), output_id, feature_id)


def _word_of_line(event_id: UUID, ref: str | None, order_at: int, body: Mapping[str, Any]) -> Word:
    named = body.get("output_id")
    output_id = None if named is None else UUID(named)
    return Word(event_id, order_at, body, ref, output_id, UUID(body["feature"]))


def _key(word: Word, output_id: UUID | None) -> Key:
    body = word.body
    return Key.of(subject(output_id, word.ref, body.get("span_id"), word.feature_id), body.get("user"), body["source"])


def _unheard(intake: Intake, events: Sequence[Event]) -> Sequence[Event]:
    if not events:
        return []
    ids = [event["id"] for event in events]
    heard = {found for (found,) in _HEARD.rows(intake.line, project=intake.project_id, ids=ids)}
    return [event for event in events if event["id"] not in heard] if heard else events


def _targets(intake: Intake, words: Sequence[Word]) -> list[tuple[Key, Known | None]]:
    """Where each word belongs, by the outputs that are there now."""
    refs = {word.ref for word in words if word.ref is not None}
    by_ref = outputs_by_ref(intake.line, intake.project_id, refs) if refs else {}
    meant = [word.output_id if word.ref is None else _meant(word, by_ref.get(word.ref, ())) for word in words]
    known = known_outputs(intake.line, intake.project_id, {output_id for output_id in meant if output_id})
    return [
        (_key(word, output_id), None if output_id is None else known.get(output_id))
        for word, output_id in zip(words, meant, strict=True)
    ]


def _meant(word: Word, carrying: Sequence[Known]) -> UUID | None:
    return resolve([output.candidate for output in carrying], word.body.get("span_id"), word.feature_id)


def _line(intake: Intake, word: Word, feedback_id: UUID) -> dict[str, Any]:
    return {
        "project_id": intake.project_id,
        "id": word.event_id,
        "feedback_id": feedback_id,
        "ref": word.ref,
        "span_id": word.body.get("span_id"),
        "feature_id": word.feature_id,
        "body": word.body,
        "occurred_at": from_microseconds(word.order_at),
        "received_at": intake.now,
        "order_at": word.order_at,
    }


def _reread(intake: Intake, arrived: Collection[UUID]) -> set[UUID]:
    """The rows of feedback with an event that means something else now that these outputs are here.

    What an event means depends on its reference, span and feature alone. So each such triple is resolved once without
    the new outputs and once with them, and the events are read only where that differs: a conversation of a thousand
    outputs under one key is not read through a thousand times.
    """
    carried = _CARRIED.rows(intake.line, project=intake.project_id, ids=arrived)
    refs = {ref for row in carried for ref in refs_of(*row)}
    if not refs:
        return set()
    found = _TRIPLES.rows(intake.line, project=intake.project_id, refs=list(refs))
    triples = [(ref, span_id, feature_id) for ref, span_id, feature_id in found if ref is not None]
    by_ref = outputs_by_ref(intake.line, intake.project_id, {ref for ref, _, _ in triples}) if triples else {}
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
    return list(intake.line.connection.scalars(rows))


def _move(intake: Intake, sheet: Sheet, feedback_ids: Collection[UUID]) -> list[tuple[UUID, UUID]]:
    """Put what these rows say where it belongs; returns (event, feedback) for the events that changed rows."""
    if not feedback_ids:
        return []
    ledger = _LEDGER.rows(intake.line, project=intake.project_id, rows=feedback_ids)
    words = [_word_of_line(event_id, ref, order_at, body) for event_id, _, ref, order_at, body in ledger]
    targets = _targets(intake, words)
    sheet.load(key for key, _ in targets)
    placed: dict[UUID, list[_Placed]] = {}
    for (_, feedback_id, *_), word, (key, output) in zip(ledger, words, targets, strict=True):
        placed.setdefault(feedback_id, []).append(_Placed(word, key, output))
    return _settle(sheet, sheet.load_ids(feedback_ids), placed)


class _Placed(NamedTuple):
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
            target.judge_like(entry)
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
    intake.line.connection.execute(statement, bound)
