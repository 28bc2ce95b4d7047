"""Which output feedback is about, when it does not name it by id."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final, NamedTuple
from uuid import UUID

from heedback_service.core.ids import TIME_DIGITS

OF_OUTPUT: Final = "o:"  # with which a subject begins that is an output; its id in hexadecimal follows


class Candidate(NamedTuple):
    """An output that carries the reference."""

    id: UUID
    feature_id: UUID
    span_id: str | None


def ref_of(event: Mapping[str, Any]) -> str | None:
    """How the event names its output: None by id, else `t:TRACE`, `r:RESPONSE` or `j:KEY`, the first that is given."""
    if event.get("output_id") is not None:
        return None
    for letter, name in (("t", "trace_id"), ("r", "response_id"), ("j", "join_key")):
        if event.get(name) is not None:
            return f"{letter}:{event[name]}"
    raise ValueError("an event that names no output passed validation")


def refs_of(trace_id: str | None, response_id: str | None, join_key: str | None) -> list[str]:
    """Every reference that could mean an output with these."""
    named = (("t", trace_id), ("r", response_id), ("j", join_key))
    return [f"{letter}:{value}" for letter, value in named if value is not None]


def resolve(candidates: Collection[Candidate], span_id: str | None, feature_id: UUID) -> UUID | None:
    """The one output that is meant, or None while that is not certain.

    The only output that carries the reference; of several, the only one with that span; else the only one of that
    feature. A guess would count a complaint against a stranger's output, so there is none.
    """
    for narrowed in (
        candidates,
        [candidate for candidate in candidates if span_id is not None and candidate.span_id == span_id],
        [candidate for candidate in candidates if candidate.feature_id == feature_id],
    ):
        if len(narrowed) == 1:
            return next(iter(narrowed)).id
    return None


def subject(output_id: UUID | None, ref: str | None, span_id: str | None, feature_id: UUID) -> str:
    """What a piece of feedback is kept under: its output, or else the reference as it was given.

    An open reference keeps its span and feature: two events that may come to mean different outputs never share a row.
    """
    if output_id is not None:
        return about(output_id)
    return f"{ref}/{span_id or ''}/{feature_id.hex}"


def about(output_id: UUID) -> str:
    """The subject that is this output."""
    return f"{OF_OUTPUT}{output_id.hex}"


def output_of(subject: str) -> UUID | None:
    """The output that a subject is; None: it is an open reference."""
    return UUID(subject.removeprefix(OF_OUTPUT)) if subject.startswith(OF_OUTPUT) else None


def named_by(subject: str) -> str:
    """What events about a subject name: the hexadecimal digits of their output's id behind its time, which it may have
    lost (`core.ids.tamed`), or their reference."""
    output_id = output_of(subject)
    return subject.rsplit("/", 2)[0] if output_id is None else output_id.hex[TIME_DIGITS:]
