"""What the SDK raises, and only when asked to: with `strict=True`, and while a ticket is made or checked.

HeedbackError
├── ConfigurationError   the URL, the key or an option cannot be used
├── UsageError           a call says something that cannot be captured
└── TicketError          a ticket is malformed, forged or expired
"""

from __future__ import annotations


class HeedbackError(Exception):
    """The root of everything the SDK raises."""


class ConfigurationError(HeedbackError, ValueError):
    """The URL, the key or an option cannot be used; the message names it."""


class UsageError(HeedbackError, ValueError):
    """A call says something that cannot be captured; `field` is what was wrong, in the wire's words."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


class TicketError(HeedbackError, ValueError):
    """The ticket is not to be trusted; `reason` is `malformed`, `forged` or `expired`."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"ticket is {reason}")
        self.reason = reason
