"""The lists of reasons that a person may choose from, as the attribute `reasons` has them. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from heedback.limits import MAX_REASONS, REASONS, REASONS_VERSION
from heedback_widgets import values

KINDS: Final = ("up", "down", "flag")  # what the reasons are for


class Reasons(NamedTuple):
    """For each kind its keys with their labels, of which "" is the usual one; and the version of the lists."""

    version: int
    lists: Mapping[str, Mapping[str, str]]


def lists_of(given: object) -> Reasons:
    """What a template gave as the attribute, read as the element reads it: a list that is left out is the usual one.

    Raises:
        ValueError: it is nothing that the element understands, or has keys that the wire does not take.
    """
    said = json.loads(given) if isinstance(given, str) else {} if given is None else given
    if not isinstance(said, Mapping):
        raise ValueError("reasons: takes lists by their names")
    usual = {"up": {}, **{kind: dict.fromkeys(REASONS[kind], "") for kind in ("down", "flag")}}
    lists = usual | {kind: said[kind] for kind in KINDS if kind in said}
    for kind, labels in lists.items():
        if not isinstance(labels, Mapping) or not all(isinstance(label, str) for label in labels.values()):
            raise ValueError(f"reasons: {kind} takes keys with their labels")
        if len(labels) > MAX_REASONS:  # all may be chosen, and an event has no more
            raise ValueError(f"reasons: {kind} takes at most {MAX_REASONS} keys")
        values.reasons(list(labels))
    version = said.get("version", REASONS_VERSION)
    values.version(version)
    return Reasons(int(version), lists)
