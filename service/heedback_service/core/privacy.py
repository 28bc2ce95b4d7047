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
    """The event with its texts redacted, and with what else may quote somebody; keys are the developer's words."""
    clean = dict(event)
    for name, (cut, most) in _TEXTS.items():
        if clean.get(name):
            clean[name] = cut(redact(clean[name]), most)
    if clean.get("metadata"):
        most = limits.METADATA_VALUE_CHARS
        clean["metadata"] = {key: limits.cut(redact(value), most) for key, value in clean["metadata"].items()}
    if clean.get("error_type"):
        clean["error_type"] = _provider_words(clean["error_type"])
    if clean.get("finish_reasons"):
        clean["finish_reasons"] = [_provider_words(reason) for reason in clean["finish_reasons"]]
    return clean


def _provider_words(words: str) -> str:
    return limits.cut(redact(words), limits.NAME_CHARS, mark="")
