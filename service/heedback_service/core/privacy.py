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


def redacted(event: dict[str, Any]) -> dict[str, Any]:
    """The event with its texts redacted, and with what else may quote somebody; keys are the developer's words.

    Nearly all hold nothing to redact, and are returned as they are.
    """
    clean: dict[str, Any] = {}
    for name, (cut, most) in _TEXTS.items():
        if (text := event.get(name)) and (marked := redact(text)) is not text:
            clean[name] = cut(marked, most)
    if pairs := event.get("metadata"):
        most = limits.METADATA_VALUE_CHARS
        clean["metadata"] = {key: limits.cut(redact(value), most) for key, value in pairs.items()}
    if words := event.get("error_type"):
        clean["error_type"] = _provider_words(words)
    if reasons := event.get("finish_reasons"):
        clean["finish_reasons"] = [_provider_words(reason) for reason in reasons]
    return {**event, **clean} if clean else event


def _provider_words(words: str) -> str:
    return limits.cut(redact(words), limits.NAME_CHARS, mark="")
