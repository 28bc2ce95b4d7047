"""Redaction at the door: for senders that did not do it, or did it by other rules than ours."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from heedback import limits
from heedback.redaction import VERSION, redact

__all__ = ["VERSION", "redacted"]

# A mark can be longer than what it stands for, so what the wire allows is cut to once more.
_TEXTS: Final[Mapping[str, tuple[Callable[[str, int], str], int]]] = {
    "input": (limits.cut_utf8, limits.TEXT_BYTES),
    "output": (limits.cut_utf8, limits.TEXT_BYTES),
    "comment": (limits.cut, limits.COMMENT_CHARS),
    "correction": (limits.cut, limits.CORRECTION_CHARS),
}


def redacted(event: Mapping[str, Any]) -> dict[str, Any]:
    """The event with every text and metadata value redacted; keys of metadata are the developer's words and stay."""
    clean = dict(event)
    for name, (cut, most) in _TEXTS.items():
        if clean.get(name):
            clean[name] = cut(redact(clean[name]), most)
    if clean.get("metadata"):
        most = limits.METADATA_VALUE_CHARS
        clean["metadata"] = {key: limits.cut(redact(value), most) for key, value in clean["metadata"].items()}
    return clean
