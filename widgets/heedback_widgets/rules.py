"""What a browser may say with a ticket. Pure: JSON in; events for the wire out, or what is wrong with them, by field.

Through a host or straight to the service, it is the same: both ask here. An event that comes out fits the wire
(`POST /v1/events`), with what the ticket binds in place of whatever the browser said.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from heedback import limits
from heedback.tickets import Ticket
from heedback_widgets import values
from heedback_widgets.values import Shape, Unfit, or_null

Event = dict[str, Any]
Errors = dict[str, list[str]]
Json = Mapping[str, Any]

TOO_MANY: Final[Errors] = {"edits": [f"At most {limits.EDITS_PER_FEEDBACK} edits of one piece of feedback."]}
_TRUSTED: Final = timedelta(minutes=1)
_ECHOED: Final = 100  # characters of a name or an id, which may be anything
_MOST_ERRORS: Final = 20  # fields of one event that are named, of which there may be thousands


@dataclass(frozen=True, slots=True)
class Post:
    """What a browser sends at once. Its events are not looked into yet: each is taken or refused by itself."""

    ticket: str
    sent_at: datetime
    events: list[Any]


class Refused(NamedTuple):
    """Why one event is not taken: messages by dotted field."""

    errors: Errors


@dataclass(slots=True)
class Sorted:
    """The events of one request: those that fit, and how the answer names the others."""

    events: list[tuple[int, Event]] = field(default_factory=list)
    rejected: list[dict[str, Any]] = field(default_factory=list)

    def reject(self, index: int, raw: Any, errors: Errors) -> None:
        named = raw.get("id") if isinstance(raw, dict) else None
        its_id = named[:_ECHOED] if isinstance(named, str) else None
        self.rejected.append({"index": index, "id": its_id, "errors": errors})


def parsed(body: bytes) -> Any:
    """The JSON in a body. Raises Unfit."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise Unfit(f"The body is not JSON: {why}") from None


def post_of(body: Any) -> Post:
    """The request in a body of JSON.

    Raises:
        Unfit: it is none; `field` says where.
    """
    ticket, events = ticket_of(body), body.get("events")
    if not isinstance(events, list):
        raise Unfit("Not a valid list.", "events")
    if len(events) > limits.WIDGET_EVENTS:
        raise Unfit(f"At most {limits.WIDGET_EVENTS} events.", "events")
    try:
        return Post(ticket, values.moment(body.get("sent_at")), events)
    except Unfit as unfit:
        raise Unfit(unfit.message, "sent_at") from None


def ticket_of(body: Any) -> str:
    """The ticket in a body of JSON.

    Raises:
        Unfit: there is none; `field` says where.
    """
    if not isinstance(body, dict):
        raise Unfit("Not an object.", "body")
    ticket = body.get("ticket")
    if not isinstance(ticket, str):
        raise Unfit("Not a valid string.", "ticket")
    return ticket


def sort_out(ticket: Ticket, raws: Iterable[Any]) -> Sorted:
    """Each event by itself: a bad one leaves its neighbours alone."""
    found = Sorted()
    for index, raw in enumerate(raws):
        made = fit(ticket, raw)
        if isinstance(made, Refused):
            found.reject(index, raw, made.errors)
        else:
            found.events.append((index, made))
    return found


def fit(ticket: Ticket, raw: Any) -> Event | Refused:
    """One event as the wire takes it."""
    if not isinstance(raw, dict):
        return Refused({"event": ["Not an object."]})
    kind = raw.get("type", "feedback")
    if not isinstance(kind, str) or kind not in _FIELDS:
        return Refused({"type": [f"Must be one of: {', '.join(_FIELDS)}."]})
    errors = _foreign(ticket, raw) | _misshapen(kind, raw) or _forbidden(ticket, kind, raw)
    return Refused(errors) if errors else _bound(ticket, kind, raw)


def corrected(occurred_at: datetime, sent_at: datetime, now: datetime) -> datetime:
    """`occurred_at` by our clock, given that the sender's read `sent_at` at `now`; for SDKs and browsers."""
    return correcting(sent_at, now)(occurred_at)


def correcting(sent_at: datetime, now: datetime) -> Callable[[datetime], datetime]:
    """What gives moments by our clock for those of a sender whose clock read `sent_at` at `now`.

    A clock within a minute of ours is taken as it is: the difference is then mostly travel time, which changes with
    each retry, and a retry must not reorder anything. Nothing happens later than a minute from now, nor before 2000,
    where a clock that is far ahead and an event that is far back would lead.
    """
    ahead, latest = sent_at - now, now + _TRUSTED
    trusted = abs(ahead) <= _TRUSTED

    def by_ours(occurred_at: datetime) -> datetime:
        moment = occurred_at if trusted else occurred_at - ahead
        return max(values.EARLIEST, min(moment, latest))

    return by_ours


def _bound(ticket: Ticket, kind: str, raw: Json) -> Event:
    said = {name: value for name, value in raw.items() if name != "receipt"}
    bound: Event = {"type": kind, "id": str(UUID(raw["id"])), "output_id": ticket.output_id, "feature": ticket.feature}
    if kind == "feedback":
        bound["source"] = "end_user"
    if ticket.user is not None:
        bound["user"] = ticket.user
    return said | bound


def _foreign(ticket: Ticket, raw: Json) -> Errors:
    """What the event says of things that are not the browser's to say, other than the ticket does."""
    output_id = raw.get("output_id")
    same = isinstance(output_id, str) and output_id.lower() == ticket.output_id.lower()
    checks = (
        ("output_id", same, "The ticket is for another output."),
        ("user", raw.get("user") == ticket.user, "The ticket is for another person."),
        ("feature", raw.get("feature") == ticket.feature, "The ticket is for another feature."),
        ("source", raw.get("source") == "end_user", "A browser speaks for an end user."),
    )
    return {name: [message] for name, fine, message in checks if name in raw and not fine}


def _misshapen(kind: str, raw: Json) -> Errors:
    fields = _FIELDS[kind]
    errors = {name: ["Missing data for required field."] for name in _NEEDED[kind] if name not in raw}
    for name, value in raw.items():
        if len(errors) == _MOST_ERRORS:
            break
        if name in _BOUND:
            continue
        if (shape := fields.get(name)) is None:
            errors[name[:_ECHOED]] = ["Unknown field."]
            continue
        try:
            shape(value)
        except Unfit as unfit:
            errors[f"{name}.{unfit.field}" if unfit.field else name] = [unfit.message]
    return errors


def _forbidden(ticket: Ticket, kind: str, raw: Json) -> Errors:
    if kind == "signal":
        return {} if "signal" in ticket.may else {"name": ["The ticket does not allow signals."]}
    said = _NEEDS.keys() & raw.keys()
    if not said:
        return {"event": ["There is nothing said in it."]}
    return {
        name: [f"The ticket does not allow to {_NEEDS[name][0]}."]
        for name in sorted(said)
        if _NEEDS[name][1].isdisjoint(ticket.may)
    }


# What the ticket binds, and `type`, which has been looked at.
_BOUND: Final = frozenset({"type", "output_id", "user", "feature", "source"})
_RATE: Final = ("rate", frozenset({"rate"}))
_FLAG: Final = ("flag", frozenset({"flag"}))
_NEEDS: Final[Mapping[str, tuple[str, frozenset[str]]]] = {
    **dict.fromkeys(("rating", "reasons", "reasons_version", "retracted"), _RATE),
    **dict.fromkeys(("flag", "flag_reasons"), _FLAG),
    "comment": ("comment", frozenset({"rate", "flag"})),
    "correction": ("correct", frozenset({"correct"})),
}
_EVERY: Final[Mapping[str, Shape]] = {"id": values.identity, "occurred_at": values.moment}
_FIELDS: Final[Mapping[str, Mapping[str, Shape]]] = {
    "feedback": {
        **_EVERY,
        "rating": or_null(values.rating),
        "flag": or_null(values.true),
        "flag_reasons": or_null(values.reasons),
        "reasons": or_null(values.reasons),
        "reasons_version": or_null(values.version),
        "comment": or_null(values.text(limits.COMMENT_CHARS)),
        "correction": or_null(values.text(limits.CORRECTION_CHARS)),
        "asked": or_null(values.truth),
        "surface": or_null(values.text(limits.NAME_CHARS)),
        "locale": or_null(values.text(limits.NAME_CHARS)),
        "retracted": values.true,
        "receipt": values.receipt,
    },
    "signal": {**_EVERY, "name": values.signal, "value": or_null(values.number)},
}
_NEEDED: Final[Mapping[str, tuple[str, ...]]] = {
    "feedback": ("id", "occurred_at"),
    "signal": ("id", "occurred_at", "name"),
}
