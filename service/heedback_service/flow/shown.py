"""Intake of what was shown: outputs, their texts, and signals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import bindparam, func, select

from heedback_service.core import rollup as counting
from heedback_service.core.reference import Candidate
from heedback_service.core.rollup import Delta
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.tables import Output, OutputText, Signal, Slice

Event = Mapping[str, Any]
Values = Mapping[str, Any]  # a table's row, by column

_NIL: Final = UUID(int=0)
_MICRO: Final = 1000  # microseconds a millisecond
_NANO: Final = 1_000_000_000
_PLAIN: Final = (
    "trace_id",
    "span_id",
    "response_id",
    "join_key",
    "session_id",
    "conversation_id",
    "locale",
    "input_tokens",
    "output_tokens",
    "error_type",
    "finish_reasons",
)

_WHERE_AND_WHEN: Final = ("project_id", "output_id", "received_at")
_UNCHANGED: Final = dict.fromkeys(("input", "input_event", "output", "output_event"))

_MINE: Final[Any] = bindparam("project")
_KNOWING: Final = (
    select(Output.id, Output.slice_id, Output.day, Slice.feature_id, Output.span_id)
    .join(Slice, (Slice.project_id == Output.project_id) & (Slice.id == Output.slice_id))
    .where(Output.project_id == _MINE)
)


def _carrying(column: Any) -> Direct:
    """The outputs that have one of the values there, with that value behind."""
    return Direct(
        lambda dialect: _KNOWING.add_columns(column).where(among(dialect, column, "wanted")).order_by(Output.id)
    )


def _keeping(dialect: str) -> Any:
    new = insert_for(dialect, OutputText)
    names = ("input", "input_event", "output", "output_event")
    # NULL: as it was.
    kept: dict[str, Any] = {name: func.coalesce(new.excluded[name], getattr(OutputText, name)) for name in names}
    sooner = func.min if dialect == "sqlite" else func.least  # the later text is kept for no longer than the first
    kept["received_at"] = sooner(new.excluded.received_at, OutputText.received_at)
    return new.on_conflict_do_update(index_elements=["project_id", "output_id"], set_=kept)


_KNOWN: Final = Direct(lambda dialect: _KNOWING.where(among(dialect, Output.id, "ids")))
_OUTPUT_IDS: Final = Direct(
    lambda dialect: select(Output.id).where(Output.project_id == _MINE, among(dialect, Output.id, "ids"))
)
_SIGNAL_IDS: Final = Direct(
    lambda dialect: select(Signal.id).where(Signal.project_id == _MINE, among(dialect, Signal.id, "ids"))
)
_TEXTS: Final = Direct(
    lambda dialect: select(OutputText.output_id, OutputText.input_event, OutputText.output_event).where(
        OutputText.project_id == _MINE, among(dialect, OutputText.output_id, "ids")
    )
)
_SIGNALLED: Final = Direct(
    lambda dialect: (
        select(Signal.output_id, Signal.name)
        .where(Signal.project_id == _MINE, among(dialect, Signal.output_id, "ids"))
        .distinct()
    )
)
_CARRYING: Final = {
    "t": _carrying(Output.trace_id),
    "r": _carrying(Output.response_id),
    "j": _carrying(Output.join_key),
}
_KEEPING: Final = Direct(_keeping)
_NEW_OUTPUTS: Final = Direct(lambda dialect: insert_for(dialect, Output))
_NEW_SIGNALS: Final = Direct(lambda dialect: insert_for(dialect, Signal))


class Known(NamedTuple):
    """An output that is in the store, as far as what is said about it needs it."""

    id: UUID
    slice_id: UUID
    day: date
    feature_id: UUID
    span_id: str | None

    @property
    def candidate(self) -> Candidate:
        return Candidate(self.id, self.feature_id, self.span_id)


def take_outputs(
    line: Line,
    project_id: int,
    rows: Sequence[Values],
    texts: Sequence[Mapping[str, Any]],
    delta: Delta,
) -> set[UUID]:
    """Store outputs that are new, with their texts and counts; returns their ids."""
    if not rows:
        return set()
    new = _new(line, _OUTPUT_IDS, project_id, rows)
    if not new:
        return set()
    _NEW_OUTPUTS.many(line, new)
    for row in new:
        delta.apply(None, _counted(row))
    fresh = {row["id"] for row in new}
    keep_texts(line, project_id, [text for text in texts if text["output_id"] in fresh])
    _count_early_signals(line, project_id, fresh, delta)
    return fresh


def output_values(project_id: int, event: Event, slice_id: UUID, day: date, now: datetime) -> dict[str, Any]:
    """The row of an `output` event; `day` is the project-local day of `event["at"]`, its moment by our clock."""
    latency, cost = event.get("latency_ms"), event.get("cost_usd")
    return {
        "project_id": project_id,
        "id": event["id"],
        "slice_id": slice_id,
        "day": day,
        "person": event.get("user"),
        "occurred_at": event["at"],
        "received_at": now,
        "latency_us": None if latency is None else round(latency * _MICRO),
        "cost_nano": None if cost is None else round(cost * _NANO),
        "probe": bool(event.get("probe")),
        "extra": event.get("metadata"),
        **{name: event.get(name) for name in _PLAIN},
    }


def text_values(project_id: int, event: Event, now: datetime) -> dict[str, Any] | None:
    """What an event has of texts, or None when it has none. An output's own text outranks any that follows it."""
    if event.get("input") is None and event.get("output") is None:
        return None
    follows = event["type"] == "output_text"
    return {
        "project_id": project_id,
        "output_id": event["output_id"] if follows else event["id"],
        "event_id": event["id"] if follows else _NIL,
        "input": event.get("input"),
        "output": event.get("output"),
        "received_at": now,
    }


def keep_texts(line: Line, project_id: int, rows: Sequence[Values]) -> set[UUID]:
    """Store texts; returns the ids of the events of which something was kept.

    Each of the two is kept by itself: whatever the order they come in, that of the smallest event id stays.
    """
    if not rows:
        return set()
    found = _TEXTS.rows(line, project=project_id, ids=list({row["output_id"] for row in rows}))
    events = {output_id: {"input": its_input, "output": its_output} for output_id, its_input, its_output in found}
    changed: dict[UUID, dict[str, Any]] = {}
    kept = set()
    for row in sorted(rows, key=lambda row: row["event_id"]):
        output_id, event_id = row["output_id"], row["event_id"]
        its = events.setdefault(output_id, {"input": None, "output": None})
        if event_id in its.values():  # the same id again is the same event
            continue
        for name, by in its.items():
            if row[name] is not None and (by is None or event_id < by):
                its[name] = event_id
                new = changed.setdefault(output_id, {**_UNCHANGED, **{each: row[each] for each in _WHERE_AND_WHEN}})
                new[name], new[f"{name}_event"] = row[name], event_id
                kept.add(event_id)
                line.text += len(row[name])
    _KEEPING.many(line, [changed[output_id] for output_id in sorted(changed)])
    return kept


def take_signals(line: Line, project_id: int, rows: Sequence[Values], delta: Delta) -> set[UUID]:
    """Store signals that are new; each counts once an output. Returns the ids that are new."""
    if not rows:
        return set()
    new = _new(line, _SIGNAL_IDS, project_id, rows)
    if not new:
        return set()
    outputs = known_outputs(line, project_id, {row["output_id"] for row in new})
    seen = _signalled(line, project_id, outputs)
    _NEW_SIGNALS.many(line, new)
    for row in new:
        pair = row["output_id"], row["name"]
        if pair not in seen and (output := outputs.get(row["output_id"])) is not None:
            seen.add(pair)
            delta.apply(None, counting.signal_row(output.day, output.slice_id, row["name"]))
    return {row["id"] for row in new}


def signal_values(project_id: int, event: Event) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "id": event["id"],
        "output_id": event["output_id"],
        "person": event.get("user"),
        "name": event["name"],
        "value": event.get("value"),
        "occurred_at": event["at"],
        "extra": event.get("metadata"),
    }


def known_outputs(line: Line, project_id: int, ids: Iterable[UUID]) -> dict[UUID, Known]:
    """Those of the outputs that have arrived."""
    wanted = list(set(ids))
    found = _KNOWN.rows(line, project=project_id, ids=wanted) if wanted else ()
    return {row[0]: Known(*row) for row in found}


def outputs_by_ref(line: Line, project_id: int, refs: Iterable[str]) -> dict[str, list[Known]]:
    """The outputs that each reference could mean, in the order of their ids."""
    values: dict[str, list[str]] = {"t": [], "r": [], "j": []}
    for ref in sorted(set(refs)):
        values[ref[0]].append(ref[2:])
    found: dict[str, list[Known]] = {}
    for letter, wanted in values.items():
        if wanted:
            for *known, value in _CARRYING[letter].rows(line, project=project_id, wanted=wanted):
                found.setdefault(f"{letter}:{value}", []).append(Known(*known))
    return found


def _new(line: Line, stored: Direct, project_id: int, rows: Sequence[Values]) -> list[Values]:
    """The rows whose ids `stored` does not find. Whoever calls holds what keeps others from storing them meanwhile."""
    known = {found for (found,) in stored.rows(line, project=project_id, ids=[row["id"] for row in rows])}
    return [row for row in rows if row["id"] not in known]


def _count_early_signals(line: Line, project_id: int, fresh: set[UUID], delta: Delta) -> None:
    # A signal can overtake its output; it counts from the moment the output is known.
    early = _signalled(line, project_id, fresh)
    outputs = known_outputs(line, project_id, {output_id for output_id, _ in early}) if early else {}
    for output_id, name in sorted(early):
        output = outputs[output_id]
        delta.apply(None, counting.signal_row(output.day, output.slice_id, name))


def _signalled(line: Line, project_id: int, outputs: Iterable[UUID]) -> set[tuple[UUID, str]]:
    return {(output_id, name) for output_id, name in _SIGNALLED.rows(line, project=project_id, ids=list(outputs))}


def _counted(row: Mapping[str, Any]) -> counting.Row:
    return counting.output_row(
        row["day"],
        row["slice_id"],
        row["person"],
        error=row["error_type"] is not None,
        latency_us=row["latency_us"],
        input_tokens=row["input_tokens"],
        output_tokens=row["output_tokens"],
        cost_nano=row["cost_nano"],
    )
