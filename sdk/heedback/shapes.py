"""The shape each kind of value takes on the wire, and what becomes of a value that has none. Pure."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from heedback import limits
from heedback.errors import UsageError

# Of a text far too long, the last stretch that was looked at: longer than anything redaction may have seen half of.
_STRETCH: Final = 512
LISTS: Final = (list, tuple, set, frozenset)
_BYTES: Final = (bytes, bytearray, memoryview)
_LOOKED_AT: Final = 4 * limits.METADATA_KEYS  # of a mapping that somebody filled without end
_PLAIN: Final = re.compile("[a-z_]{1,40}")
_REASON: Final = re.compile(limits.REASON_PATTERN)
_KNOWN_REASONS: Final = frozenset(reason for reasons in limits.REASONS.values() for reason in reasons)


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
                there_are = ", ".join([*shapes, *sorted(skip - shapes.keys())])
                raise UsageError(
                    field if _PLAIN.fullmatch(field) else "unknown", f"there is no such field; there are {there_are}"
                )
            if value is not None:
                event[field] = shape(field, value, policy)
            elif field in nullable:
                event[field] = None
        except UsageError as error:
            policy.left_out(error)
        except Exception as error:
            policy.left_out(UsageError(field, f"cannot be read ({type(error).__name__})", value))


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
    text = value if type(value) is str else _words(value)
    if text is None or not 1 <= len(text) <= limits.NAME_CHARS:
        raise UsageError(field, f"takes text of 1 to {limits.NAME_CHARS} characters", value)
    return clean(text)


def provider_words(field: str, value: Any, policy: Policy) -> str:
    """A short string that a provider wrote, and may have written a person's data into."""
    return limits.cut(policy.redact(name(field, value, policy)), limits.NAME_CHARS, mark="")


def user(field: str, value: Any, policy: Policy) -> str:
    text = _words(value)
    if not text:
        raise UsageError(field, "takes your app's id of the person: text, a whole number or a UUID", value)
    return policy.pseudonym(clean(text))


def hexadecimal(field: str, value: Any, policy: Policy) -> str:
    digits = 32 if field == "trace_id" else 16
    number = isinstance(value, int) and not isinstance(value, bool)
    text = f"{value:0{digits}x}" if number else (_words(value) or "").lower()
    if len(text) != digits or set(text) - set("0123456789abcdef") or set(text) == {"0"}:
        raise UsageError(field, f"takes {digits} hexadecimal digits (all zeros is no id)", value)
    return text


def amount(most: int) -> Shape:
    """A number from 0 to `most`; neither NaN nor infinity is one."""

    def shape(field: str, value: Any, policy: Policy) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
            raise UsageError(field, f"takes a number from 0 to {most:,}", value)
        return value

    return shape


def whole(most: int, least: int = 0) -> Shape:
    """A whole number from `least` to `most`."""

    def shape(field: str, value: Any, policy: Policy) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise UsageError(field, f"takes a whole number from {least} to {most:,}", value)
        return value

    return shape


def truth(field: str, value: Any, policy: Policy) -> bool:
    if not isinstance(value, bool):
        raise UsageError(field, "takes True or False", value)
    return value


def all_provider_words(field: str, value: Any, policy: Policy) -> list[str]:
    return [provider_words(field, each, policy) for each in _listed(field, value)[: limits.MAX_REASONS]]


def reasons(field: str, value: Any, policy: Policy) -> list[str]:
    """Keys of a reason list, each once. Which list they belong to is `events`' business."""
    found = _listed(field, value)
    for each in found:
        if each.__class__ is str and each in _KNOWN_REASONS:
            continue
        if not isinstance(each, str) or _REASON.fullmatch(each) is None:
            raise UsageError(field, "takes keys of heedback.REASONS: small letters, digits and _", each)
    found = list(dict.fromkeys(found))
    if len(found) > limits.MAX_REASONS:
        raise UsageError(field, f"takes at most {limits.MAX_REASONS} keys", len(found))
    return found


def source(field: str, value: Any, policy: Policy) -> str:
    if not isinstance(value, str) or value not in limits.SOURCES:
        raise UsageError(field, f"takes one of {', '.join(limits.SOURCES)}", value)
    return str.__str__(value)


def comment(field: str, value: Any, policy: Policy) -> str:
    if value.__class__ is str and len(value) <= limits.COMMENT_CHARS and value.isascii() and "\0" not in value:
        return limits.cut(policy.redact(value), limits.COMMENT_CHARS)  # as below, in fewer calls: most are like that
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
        raise UsageError(field, "takes a mapping of names to short values", value)
    kept: dict[str, str] = {}
    for number, (key, each) in enumerate(value.items()):
        if each is None:
            continue
        if len(kept) == limits.METADATA_KEYS or number == _LOOKED_AT:
            policy.left_out(UsageError(field, f"takes at most {limits.METADATA_KEYS} keys", len(value)))
            break
        try:
            kept[_key(field, key)] = _chars(clean(_plain(field, each)), limits.METADATA_VALUE_CHARS, policy)
        except UsageError as error:
            policy.left_out(error)
    return kept


def _key(field: str, key: Any) -> str:
    text = _words(key)
    if text is None or not 1 <= len(text) <= limits.METADATA_KEY_CHARS or text != clean(text):
        raise UsageError(field, f"takes keys of 1 to {limits.METADATA_KEY_CHARS} characters", key)
    return text


def _plain(field: str, value: Any) -> str:
    """A value as text, whatever it is. That of bytes would be Python's, and nobody's words."""
    if isinstance(value, bool):
        return json.dumps(value)
    if isinstance(value, _BYTES):
        raise UsageError(field, "takes values that are text, numbers or what str() can tell", value)
    try:
        text = _words(value)
        return str(value) if text is None else text
    except Exception as error:
        raise UsageError(field, f"takes values that str() can tell ({type(error).__name__})", value) from None


def _listed(field: str, value: Any) -> list[Any]:
    if isinstance(value, str):
        return [value]
    # The second look is slow, and rare.
    if not isinstance(value, LISTS) and (not isinstance(value, Collection) or isinstance(value, (Mapping, *_BYTES))):
        raise UsageError(field, "takes a list of texts", value)
    return list(value)


def _text(field: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(field, "takes text", value)
    return clean(value if type(value) is str else str.__str__(value))


def is_uuid(value: object) -> bool:
    uuid = sys.modules.get("uuid")  # costly to import, and there where somebody has one
    return uuid is not None and isinstance(value, uuid.UUID)


def _words(value: Any) -> str | None:
    """Text; a whole number or a UUID as text. An enumeration's member counts as what it stands for."""
    if isinstance(value, str):
        return str.__str__(value)
    if is_uuid(value):
        return str(value)
    return int.__repr__(value) if isinstance(value, int) and not isinstance(value, bool) else None


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
