"""Public calls to events as they stand on the wire (`tests/contract/events.json`). Pure: ids and times are passed in.

Raises `UsageError` when an event as a whole cannot be: no feature, nothing it is about, a rating out of range.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Final, Protocol

from heedback import limits
from heedback.errors import UsageError
from heedback.fields import FEEDBACK, OUTPUT, SAYS_WHAT_ABOUT, SIGNAL, SUBJECTS
from heedback.shapes import Policy, Shape, amount, comment, fill, is_uuid, long_text
from heedback.shapes import correction as corrected

if TYPE_CHECKING:
    from uuid import UUID

Event = dict[str, Any]

_FEATURE: Final = re.compile(limits.FEATURE_PATTERN)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CLEARABLE: Final = frozenset({"reasons", "comment", "correction"})
_KNOWN_REASONS: Final = {name: frozenset(keys) for name, keys in limits.REASONS.items()} | {
    "down or up": frozenset(limits.REASONS["down"] + limits.REASONS["up"])
}
# What calls take besides, which is not for `fill` to shape.
_MOMENT: Final = frozenset({"occurred_at"})
_OF_FEEDBACK: Final = SAYS_WHAT_ABOUT | _MOMENT
_OF_A_SIGNAL: Final = _MOMENT | {"feature"}
_SAYS_SOMETHING: Final = frozenset({"rating", "reasons", "comment", "correction", "asked", "metadata"})
_THUMBS: Final = {"up": 1, "down": 0}
_WRITTEN: Final[dict[str, Shape]] = {"comment": comment, "correction": corrected}
_VALUE: Final[dict[str, Shape]] = {"value": amount(limits.MAX_VALUE)}
_TEXTS: Final[dict[str, Shape]] = {"input": long_text, "output": long_text}
_FEATURES: Final = "takes a name: a letter or digit, then letters, digits and . _ : / -, but no blanks, 100 in all"
_NO_FEATURE: Final = "has to be named where there is no Output that knows it, as in feature='invoice-summary'"
_NO_ABOUT: Final = "takes an Output, or an output's id with feature="


def _encoder() -> Callable[[Event], str]:
    """JSON without spaces. `JSONEncoder.encode` builds its C part anew for every call; here it is built once."""
    plain = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:
        return plain.encode
    parts = make(None, plain.default, json.encoder.encode_basestring, None, ":", ",", False, False, False)
    return lambda event: "".join(parts(event, 0))


_json: Final = _encoder()
quoted: Final = json.encoder.encode_basestring


_SURE_TO_FIT: Final = limits.MAX_EVENT_BYTES // 4  # characters, of four bytes at most


def encode(event_id: str, stamp: str, event: Event | str) -> str:
    """The event as it stands on the wire; what is JSON already, without the braces, is taken as it is.

    `event_id` and `stamp` are of our own making, and nothing in them has to be escaped.

    Raises:
        UsageError: it is too large.
    """
    said = event if isinstance(event, str) else _json(event)[1:-1]
    body = f'{{{said},"id":"{event_id}","occurred_at":"{stamp}"}}'
    return fitting(body) if len(body) > _SURE_TO_FIT else body


def encode_whole(event: Event) -> str:
    """The same for an event that has its id and its moment. Raises UsageError."""
    return fitting(_json(event))


def fitting(body: str) -> str:
    """The event, unless it is too large. Raises UsageError."""
    if len(body) > _SURE_TO_FIT and len(body.encode()) > limits.MAX_EVENT_BYTES:
        raise UsageError("event", f"is larger than {limits.MAX_EVENT_BYTES} bytes")
    return body


class About(Protocol):
    """What an event is about: an Output, or an output still being tracked."""

    @property
    def id(self) -> str: ...
    @property
    def feature(self) -> str: ...
    @property
    def user(self) -> str | None: ...


def output(feature: str, fields: Mapping[str, Any], policy: Policy) -> Event:
    event: Event = {"type": "output", "feature": checked_feature(feature)}
    if not policy.keep_text:
        fields = {key: value for key, value in fields.items() if key not in ("input", "output")}
    # A tracked output says that there was no error; an untracked one says nothing about it.
    fill(event, fields, OUTPUT, policy, nullable=frozenset({"error_type"}), skip=_MOMENT)
    return event


def output_text(
    about: About | str | UUID, feature: str | None, texts: Mapping[str, Any], policy: Policy
) -> Event | None:
    """Texts that follow their output; None when the client keeps none, or there is none."""
    event: Event = {"type": "output_text"} | _about(about, {"feature": feature}, policy)
    if policy.keep_text:
        fill(event, texts, _TEXTS, policy)
    return event if event.keys() & {"input", "output"} else None


def rating(
    about: About | str | UUID | None,
    value: object,
    stars: object,
    score: object,
    fields: Mapping[str, Any],
    policy: Policy,
) -> Event:
    event = _feedback(about, fields, policy)
    given = _rating(value, stars, score)
    if given is not ...:
        event["rating"] = given
    _check_reasons(event, "reasons", _list_for(event.get("rating")), policy)
    if _SAYS_SOMETHING.isdisjoint(event):
        raise UsageError("rating", "there is nothing to say: give a rating, reasons, a comment or a correction")
    return event


def flag(about: About | str | UUID | None, raised: bool, fields: Mapping[str, Any], policy: Policy) -> Event:
    """A flag's reasons travel in a field of their own, so that flagging never overwrites the reasons of a rating."""
    if not isinstance(raised, bool):
        raise UsageError("on", "takes True or False", raised)
    event = _feedback(about, fields, policy)
    reasons = event.pop("reasons", None)
    event["flag"] = True if raised else None
    if reasons is not None or not raised:
        event["flag_reasons"] = reasons if raised else None
    _check_reasons(event, "flag_reasons", "flag", policy)
    return event


def correction(about: About | str | UUID | None, fields: Mapping[str, Any], policy: Policy) -> Event:
    text = fields.get("correction", ...)
    if text is not None and not isinstance(text, str):
        raise UsageError("correction", "takes the text as it should have been, or None", text)
    return _feedback(about, fields, policy)


def retraction(about: About | str | UUID | None, fields: Mapping[str, Any], policy: Policy) -> Event:
    return _feedback(about, fields, policy) | {"retracted": True}


def signal(about: About | str | UUID, name: str, value: object, fields: Mapping[str, Any], policy: Policy) -> Event:
    if not isinstance(name, str) or name not in limits.SIGNALS:
        raise UsageError("name", f"takes one of {', '.join(limits.SIGNALS)}", name)
    if about is None:
        raise UsageError("about", _NO_ABOUT, about)
    event: Event = {"type": "signal", "name": str.__str__(name)} | _about(about, fields, policy)
    fill(event, fields, SIGNAL, policy, skip=_OF_A_SIGNAL)
    fill(event, {"value": value}, _VALUE, policy)
    _inherit_user(event, about)
    return event


def forwarded(event: Mapping[str, Any], policy: Policy) -> Event:
    """An event that was made elsewhere, with its id: what a person wrote is redacted here, all else is as it came."""
    if not isinstance(event, Mapping):
        raise UsageError("event", "takes an event as it is on the wire", event)
    for name in ("type", "id", "occurred_at", "feature"):
        if not isinstance(event.get(name), str):
            raise UsageError(name, "takes the text that every event on the wire has", event.get(name))
    return {**event, **{name: shape(name, event[name], policy) for name, shape in _WRITTEN.items() if event.get(name)}}


def _feedback(about: About | str | UUID | None, fields: Mapping[str, Any], policy: Policy) -> Event:
    event = _about(about, fields, policy)
    event["type"] = "feedback"
    event["source"] = "end_user"
    fill(event, fields, FEEDBACK, policy, nullable=_CLEARABLE, skip=_OF_FEEDBACK)
    # What a reviewer, a program or a model says is not said by the person the output was shown to.
    if event["source"] == "end_user":
        _inherit_user(event, about)
    return event


def _inherit_user(event: Event, about: About | str | UUID | None) -> None:
    if "user" not in event and (user := getattr(about, "user", None)) is not None:
        event["user"] = user


def _about(about: About | str | UUID | None, fields: Mapping[str, Any], policy: Policy) -> Event:
    """Feature and subject of an event: an Output, an output's id, or what else names the output."""
    if about is None:
        subject = _subject(fields, policy)
        return {"feature": _named_feature(fields)} | subject
    if isinstance(about, str):
        return {"feature": _named_feature(fields), "output_id": checked_id(about, about)}
    shown: Any = about
    try:
        feature, its_id = shown.feature, shown.id
    except AttributeError:  # then it is a UUID, or nothing
        return {"output_id": checked_id(about, about), "feature": _named_feature(fields)}
    return {"feature": checked_feature(feature), "output_id": checked_id(its_id, about)}


def checked_id(text: object, about: object) -> str:
    """An output's id as it stands on the wire; text or a UUID, which frameworks make of an address. Raises UsageError.

    `about` is what was given, for the message.
    """
    if isinstance(text, str) and _UUID.fullmatch(text) is not None:
        return text.lower()
    if is_uuid(text):
        return str(text)
    raise UsageError("about", _NO_ABOUT, about)


def _subject(fields: Mapping[str, Any], policy: Policy) -> Event:
    given = {key: fields[key] for key in SUBJECTS if fields.get(key) is not None}
    if not given.keys() - {"span_id"}:
        raise UsageError("about", "takes an Output, or None with trace_id=, response_id= or join_key=", None)
    return {key: SUBJECTS[key](key, value, policy) for key, value in given.items()}


def _named_feature(fields: Mapping[str, Any]) -> str:
    if fields.get("feature") is None:
        raise UsageError("feature", _NO_FEATURE)
    return checked_feature(fields["feature"])


def checked_feature(feature: object) -> str:
    if not isinstance(feature, str) or not _is_feature(feature):
        raise UsageError("feature", _FEATURES, feature)
    return feature


@lru_cache(1024)
def _is_feature(text: str) -> bool:
    return _FEATURE.fullmatch(text) is not None


def _rating(value: object, stars: object, score: object) -> Event | EllipsisType | None:
    """The rating on the wire; None clears it; `...` says nothing about it."""
    if stars is ... and score is ...:
        return value if value is ... or value is None else {"value": _thumb(value), "scale": "thumbs"}
    if value is not ... or (stars is not ... and score is not ...):
        raise UsageError("rating", 'takes one of "up" or "down", stars= and score=, not two of them')
    if stars is not ...:
        if isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= 5:
            raise UsageError("stars", "takes a whole number from 1 to 5", stars)
        return {"value": stars, "scale": "stars"}
    if isinstance(score, bool) or not isinstance(score, int | float) or not 0 <= score <= 1:
        raise UsageError("score", "takes a number from 0 to 1", score)
    return {"value": score, "scale": "score"}


def _thumb(value: object) -> int:
    if not isinstance(value, str) or value not in _THUMBS:
        raise UsageError("rating", 'takes "up", "down" or None to take it back; numbers are stars= or score=', value)
    return _THUMBS[value]


def _list_for(given: Event | None) -> str:
    polarity = limits.polarity(given["value"], given["scale"]) if given else 0
    return {1: "up", -1: "down", 0: "down or up"}[polarity]


def _check_reasons(event: Event, field: str, which: str, policy: Policy) -> None:
    """Reasons carry the version of their list; in version 1 the list is known, and a stranger in it is a slip."""
    given = event.get(field)
    if not given:
        event.pop("reasons_version", None)
        return
    if event.setdefault("reasons_version", limits.REASONS_VERSION) != limits.REASONS_VERSION:
        return
    known = _KNOWN_REASONS[which]
    if known.issuperset(given):
        return
    takes = f"takes keys of heedback.REASONS, for {which}: {', '.join(sorted(known))}"
    for stranger in [key for key in given if key not in known]:
        policy.left_out(UsageError(field, takes, stranger))
        given.remove(stranger)
    if not given:
        del event[field], event["reasons_version"]
