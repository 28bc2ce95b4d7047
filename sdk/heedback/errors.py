"""What the SDK raises, and only when asked to: with `strict=True`, and while a ticket is made or checked.

HeedbackError
├── ConfigurationError   the URL, the key or an option cannot be used
├── UsageError           a call says something that cannot be captured
└── TicketError          a ticket is malformed, forged, expired, foreign or revoked
"""

from __future__ import annotations

import re
from typing import Any, Final

_LARGE: Final = 10**10
_PLAIN: Final = re.compile("[A-Za-z_-]{0,32}")
_TICKETS: Final = {
    "malformed": "this is no ticket, or not all of one",
    "forged": "its signature does not fit, or it was changed",
    "expired": "its time is over, make a new one",
    "foreign": "another key than this client's signed it",
}


class HeedbackError(Exception):
    """The root of everything the SDK raises."""


class ConfigurationError(HeedbackError, ValueError):
    """The URL, the key or an option cannot be used; the message names it."""


class UsageError(HeedbackError, ValueError):
    """A call says something that cannot be captured; `field` is what was wrong, in the wire's words.

    The message says what the field takes and what was given instead: `stars: takes a whole number from 1 to 5, not 6`.
    """

    def __init__(self, field: str, problem: str, given: object = ...) -> None:
        super().__init__(f"{field}: {problem}" + ("" if given is ... else f", not {told(given)}"))
        self.field = field
        self.problem = problem


class TicketError(HeedbackError, ValueError):
    """The ticket is not to be trusted; `reason` is `malformed`, `forged`, `expired`, `foreign`: another key's, or
    `revoked`: the service does not take its key any more."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the ticket is {reason}: {_TICKETS.get(reason, 'it is not to be trusted')}")
        self.reason = reason


def told(value: Any) -> str:
    """A value for a message, which may end in a log: plain words and small numbers as they are, of all else only the
    kind and the size. What people wrote, and what may be a secret, is neither."""
    kind = type(value)
    if value is None or kind in (bool, float) or (kind is int and -_LARGE < value < _LARGE):
        return repr(value)
    if issubclass(kind, str):
        text = str.__str__(value)
        return repr(text) if _PLAIN.fullmatch(text) else f"text of {len(text):,} character{'s' * (len(text) != 1)}"
    if kind in (list, tuple, set, frozenset, dict) and not value:
        return f"an empty {kind.__name__}"
    return f"a value of type {kind.__name__}"
