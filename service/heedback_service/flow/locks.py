"""Turns on PostgreSQL, where transactions run side by side and do not see what the others have not committed.

Two that take in an output and feedback on it would each miss the other, and no link would ever be made. So each first
takes the locks of all that it is about, in ascending order, which leaves no circle of waiting. They go with the
transaction. SQLite has one writer at a time; there, nothing is done here.

A project has a fixed number of locks, shared out by hash: the server's lock table is small, and events are many.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final
from zlib import crc32

from sqlalchemy import text

from heedback_service.core.ids import TIME_DIGITS
from heedback_service.core.reference import named_by, refs_of
from heedback_service.flow.shown import outputs_by_ref
from heedback_service.store.direct import Line

_BUCKETS: Final = 64
_NAMING: Final = _BUCKETS  # above all others: it is asked for last
_LOCKING: Final = text("SELECT pg_advisory_xact_lock(:project_id, bucket) FROM unnest(CAST(:buckets AS int[])) bucket")


def take_turns(line: Line, project_id: int, events: Iterable[Mapping[str, Any]]) -> None:
    """Wait until nobody else works on the outputs, references and ids of these events; others then wait for us.

    Whoever can change what a reference means can move feedback between the outputs that carry it: they are locked too.
    """
    if line.dialect.name != "postgresql":
        return
    keys, refs = set[str](), set[str]()
    for event in events:
        # Without the time of an id, as what is named may be stored without it.
        keys |= {event[name].hex[TIME_DIGITS:] for name in ("id", "output_id") if event.get(name) is not None}
        refs |= set(refs_of(event.get("trace_id"), event.get("response_id"), event.get("join_key")))
    wanted = _buckets(keys | refs | _carriers(line, project_id, refs))
    while True:
        attempt = line.connection.begin_nested()
        _lock(line, project_id, wanted)
        # While we waited, another output with one of the references may have come.
        missing = _buckets(_carriers(line, project_id, refs)) - wanted
        if not missing:
            attempt.commit()
            return
        attempt.rollback()  # lets go of the locks: taking a lower one later could close a circle
        wanted |= missing


def take_turns_about(line: Line, project_id: int, subjects: Iterable[str]) -> None:
    """Wait until nobody takes in anything about these subjects of feedback, as `core.reference.subject` names them.

    What is read afterwards is all there is of them, until the transaction ends.
    """
    if line.dialect.name == "postgresql":
        _lock(line, project_id, _buckets(map(named_by, subjects)))


def take_naming_turn(line: Line, project_id: int) -> None:
    """Wait until nobody else is making features or slices of the project, whatever their order."""
    if line.dialect.name == "postgresql":
        _lock(line, project_id, {_NAMING})


def _carriers(line: Line, project_id: int, refs: Collection[str]) -> set[str]:
    found = outputs_by_ref(line, project_id, refs) if refs else {}
    return {output.id.hex[TIME_DIGITS:] for outputs in found.values() for output in outputs}


def _buckets(keys: Iterable[str]) -> set[int]:
    return {crc32(key.encode()) % _BUCKETS for key in keys}


def _lock(line: Line, project_id: int, buckets: Collection[int]) -> None:
    if buckets:
        line.connection.execute(_LOCKING, {"project_id": project_id, "buckets": sorted(buckets)})
