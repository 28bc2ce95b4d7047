"""Redaction at the door: for senders that did not do it, or did it by other rules than ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from heedback.redaction import VERSION, redact, redact_values

__all__ = ["VERSION", "redacted"]

_TEXTS: Final = ("input", "output", "comment", "correction")


def redacted(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with every text and metadata value redacted."""
    clean = dict(event)
    for name in _TEXTS:
        if clean.get(name):
            clean[name] = redact(clean[name])
    if clean.get("metadata"):
        clean["metadata"] = redact_values(clean["metadata"])
    return clean
