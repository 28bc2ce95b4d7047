"""Feedback is the fold of its events: the newest word on each field counts.

Each field carries a stamp, (microseconds since 1970 by the corrected clock, event id), and the larger stamp wins. That
makes `merge` a join in a semilattice: associative, commutative, idempotent. So any order of arrival, any repetition and
any number of devices give the same state (Shapiro et al., "Conflict-free replicated data types", 2011, LWW register).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from heedback.limits import polarity

Stamp = tuple[int, str]

# What an event may set. `feature` (an id) says where feedback belongs while its output is unknown; taking feedback
# back does not unsay it.
WORDS: Final = (
    "rating",
    "flag",
    "flag_reasons",
    "reasons",
    "reasons_version",
    "comment",
    "correction",
    "asked",
    "surface",
    "locale",
    "metadata",
    "context",
)
_FIELDS: Final = tuple(sorted(("feature", *WORDS)))  # in order, as the stamps of a state are
# With none of these said, there is nothing to count or to read.
_CONTENT: Final = ("rating", "flag", "flag_reasons", "reasons", "comment", "correction")
_RETRACTED: Final = "retracted"


class State(NamedTuple):
    """What is said so far. `stamps` also holds `retracted`: everything older than it is gone."""

    values: Mapping[str, Any] = MappingProxyType({})
    stamps: Mapping[str, Stamp] = MappingProxyType({})

    @property
    def retracted(self) -> bool:
        """True when the last word was to take everything back."""
        return _RETRACTED in self.stamps and not any(self.values.get(name) is not None for name in _CONTENT)

    @property
    def polarity(self) -> int | None:
        """+1, 0, -1, or None when not rated."""
        rating = self.values.get("rating")
        return None if rating is None else polarity(rating["value"], rating["scale"])


NOTHING: Final = State()


def patch(event: Mapping[str, Any], stamp: Stamp) -> State:
    """The state that one event alone makes: absent fields unsaid, null fields cleared."""
    values = {name: event[name] for name in _FIELDS if name in event}
    stamps = dict.fromkeys(values, stamp)
    if event.get(_RETRACTED):
        return _in_order(values, stamps | {_RETRACTED: stamp})
    return State(values, stamps)


def merge(a: State, b: State) -> State:
    """Both states' words, the newer one where they meet."""
    values, stamps = dict(a.values), dict(a.stamps)
    for name, stamp in b.stamps.items():
        if name not in stamps or stamp > stamps[name]:
            stamps[name] = stamp
            if name in b.values:
                values[name] = b.values[name]
    return _in_order(values, stamps)


def _in_order(values: Mapping[str, Any], stamps: Mapping[str, Stamp]) -> State:
    """The state without what was taken back."""
    taken_back = stamps.get(_RETRACTED)
    gone = set() if taken_back is None else {name for name in WORDS if stamps.get(name, taken_back) < taken_back}
    return State(
        {name: value for name, value in values.items() if name not in gone},
        {name: stamp for name, stamp in sorted(stamps.items()) if name not in gone},
    )
