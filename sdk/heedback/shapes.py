"""The shape each kind of value takes on the wire, and what becomes of a value that has none. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from heedback import limits
from heedback.errors import UsageError

# Of a text far too long, the last stretch that was looked at: longer than anything redaction may have seen half of.
_STRETCH: Final = 512
_LISTS: Final = (list, tuple, set, frozenset)
_REASON: Final = re.compile(limits.REASON_PATTERN)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a client treats what it is given: what becomes of texts and people, and of a field that is wrong."""

    redact: Callable[[str], str]
    keep_text: bool
    pseudonym: Callable[[str], str]
    left_out: Callable[[UsageError], None]


Shape = Callable[[str, Any, Policy], Any]


def fill(
    event: dict[str, Any],
    fields: Mapping[str, Any],
    shapes: Mapping[str, Shape],
    policy: Policy,
    *,
    nullable: frozenset[str] = frozenset(),
    skip: frozenset[str] = frozenset(),
) -> None:
    """Put `fields` into `event` in their wire shape. A wrong detail is left out: it must not cost the rating."""
    for field, value in fields.items():
        if field in skip:
            continue
        try:
            shape = shapes.get(field)
            if shape is None:
                raise UsageError(field, "there is no such field")
            if value is not None:
                event[field] = shape(field, value, policy)
            elif field in nullable:
                event[field] = None
        except UsageError as error:
            policy.left_out(error)


def clean(text: str) -> str:
    """`text` without what cannot be stored or sent: NUL and lone surrogates become U+FFFD."""
    if "\0" in text:
        text = text.replace("\0", "\ufffd")
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def name(field: str, value: Any, policy: Policy) -> str:
    text = clean(str(value))
    if not 1 <= len(text) <= limits.NAME_CHARS:
        raise UsageError(field, f"takes 1 to {limits.NAME_CHARS} characters")
    return text


def provider_words(field: str, value: Any, policy: Policy) -> str:
    """A short string that a provider wrote, and may have written a person's data into."""
    return limits.cut(policy.redact(name(field, value, policy)), limits.NAME_CHARS, mark="")


def user(field: str, value: Any, policy: Policy) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise UsageError(field, "takes the host's id of a person: text or a whole number")
    return policy.pseudonym(clean(str(value)))


def hexadecimal(field: str, value: Any, policy: Policy) -> str:
    digits = 32 if field == "trace_id" else 16
    text = f"{value:0{digits}x}" if isinstance(value, int) else str(value).lower()
    if len(text) != digits or set(text) - set("0123456789abcdef") or set(text) == {"0"}:
        raise UsageError(field, f"takes {digits} hexadecimal digits, not all zero")
    return text


def amount(most: int) -> Shape:
    """A number from 0 to `most`; neither NaN nor infinity is one."""

    def shape(field: str, value: Any, policy: Policy) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise UsageError(field, f"takes a number from 0 to {most:,}")
        return value

    return shape


def whole(most: int, least: int = 0) -> Shape:
    """A whole number from `least` to `most`."""

    def shape(field: str, value: Any, policy: Policy) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise UsageError(field, f"takes a whole number from {least} to {most:,}")
        return value

    return shape


def truth(field: str, value: Any, policy: Policy) -> bool:
    if not isinstance(value, bool):
        raise UsageError(field, "takes True or False")
    return value


def all_provider_words(field: str, value: Any, policy: Policy) -> list[str]:
    return [provider_words(field, each, policy) for each in _listed(field, value)][: limits.MAX_REASONS]


def reasons(field: str, value: Any, policy: Policy) -> list[str]:
    """Keys of a reason list, each once. Which list they belong to is `events`' business."""
    found = list(dict.fromkeys(_listed(field, value)))
    for each in found:
        if not isinstance(each, str) or _REASON.fullmatch(each) is None:
            raise UsageError(field, f"{each!r} is not a reason key")
    if len(found) > limits.MAX_REASONS:
        raise UsageError(field, f"takes at most {limits.MAX_REASONS}")
    return found


def source(field: str, value: Any, policy: Policy) -> str:
    if value not in limits.SOURCES:
        raise UsageError(field, f"is one of {', '.join(limits.SOURCES)}")
    return str(value)


def comment(field: str, value: Any, policy: Policy) -> str:
    return _chars(_text(field, value), limits.COMMENT_CHARS, policy)


def correction(field: str, value: Any, policy: Policy) -> str:
    return _chars(_text(field, value), limits.CORRECTION_CHARS, policy)


def long_text(field: str, value: Any, policy: Policy) -> str:
    """At most 64 KiB of UTF-8, and at most twice that as JSON, which is what a batch has room for."""
    text = _redacted(_text(field, value), limits.TEXT_BYTES, policy)
    room = limits.TEXT_BYTES
    text = limits.cut_utf8(text, room)
    while len(text) > limits.TEXT_BYTES // 3 and _json_bytes(text) > 2 * limits.TEXT_BYTES:
        room //= 2
        text = limits.cut_utf8(text, room)
    return text


def metadata(field: str, value: Any, policy: Policy) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise UsageError(field, "takes a mapping of names to short values")
    kept = {str(key): each for key, each in value.items() if each is not None}
    for key in list(kept):
        if not 1 <= len(key) <= limits.METADATA_KEY_CHARS or key != clean(key):
            policy.left_out(
                UsageError(f"{field}.{key[:40]!r}", f"a key has 1 to {limits.METADATA_KEY_CHARS} characters")
            )
            del kept[key]
    for key in list(kept)[limits.METADATA_KEYS :]:
        policy.left_out(UsageError(f"{field}.{key}", f"there is room for {limits.METADATA_KEYS} keys"))
        del kept[key]
    return {key: _chars(clean(_plain(each)), limits.METADATA_VALUE_CHARS, policy) for key, each in kept.items()}


def _listed(field: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, _LISTS) and not isinstance(value, Sequence):  # the second look is slow, and rare
        raise UsageError(field, "takes a list")
    return list(value)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(field, "takes text")
    return clean(value)


def _plain(value: Any) -> str:
    return json.dumps(value) if isinstance(value, bool) else str(value)


def _chars(text: str, most: int, policy: Policy) -> str:
    return limits.cut(_redacted(text, most, policy), most)


def _redacted(text: str, most: int, policy: Policy) -> str:
    """Redact before the cut, which could take half of an address and leave the other half. Of a text far too long only
    the beginning is looked at, and its last stretch, where something may have been cut through, is not kept."""
    if len(text) > 2 * most + _STRETCH:
        return limits.whole(policy.redact(text[: 2 * most + _STRETCH])[:-_STRETCH]) + limits.TRUNCATION_MARK
    return policy.redact(text)


def _json_bytes(text: str) -> int:
    return len(json.dumps(text, ensure_ascii=False).encode())
