"""The way through an app: what the adapters of all frameworks do with a request of the widget.

Nothing here trusts a cookie: who asks is who the ticket says, so another site that makes a browser post can do nothing
that it could not do without it. Its pages are turned away all the same.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

import heedback
from heedback.limits import EDITS_PER_FEEDBACK, WIDGET_BYTES
from heedback.tickets import Ticket
from heedback_widgets import files, plain, refusals, rules, values
from heedback_widgets.files import Answer as Answer  # which the adapters send
from heedback_widgets.refusals import Refusal
from heedback_widgets.values import Unfit

Header = Callable[[str], str | None]  # a request's header by its name, or None

MOST: Final = WIDGET_BYTES + 1  # bytes of a body that an adapter reads: one more tells that there are too many
UNKNOWN: Final = {"known": False}
_JSON: Final = "application/json"
_TEXT: Final = {"Content-Type": files.TEXT, "X-Content-Type-Options": "nosniff"}
_PROBLEM: Final = "application/problem+json"
_RETRY_SECONDS: Final = 5
_REMEMBERED: Final = 4096  # people's feedback, the last that was edited
_PORTS: Final = {"http": ":80", "https": ":443"}


Act = Callable[[Header, bytes], Answer]


class RefusedError(Exception):
    """The request is refused as a whole."""

    def __init__(self, refusal: Refusal, errors: rules.Errors | None = None) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal
        self.errors = errors


def events(header: Header, body: bytes) -> Answer:
    """POST /events: each event that fits is handed to the SDK's spool under its own id. 202: it is saved here."""
    try:
        sent = _posted(header, body)
        ticket = _ticket(sent.ticket)
        return _json(202, _keep(ticket, rules.sort_out(ticket, sent.events), sent))
    except (RefusedError, Unfit) as error:
        return _problem(error)


def state(header: Header, body: bytes) -> Answer:
    """POST /state: what the service knows of it; it need not be there."""
    try:
        text = rules.ticket_of(_read(header, body))
        if "read" not in _ticket(text).may:
            raise RefusedError(refusals.MAY_NOT_READ)
        known = heedback.state(text)
        if known is None:
            _ticket(text)  # the service may just have said that the key was revoked
        return _json(200, known or UNKNOWN)
    except (RefusedError, Unfit) as error:
        return _problem(error)


def form(header: Header, body: bytes) -> Answer:
    """POST /form: the plain form inside the element, where no script runs. 303, back to its page."""
    try:
        _look(header, body, plain.FORM)
        filled = plain.read(body, datetime.now(UTC))
        ticket = _ticket(filled.ticket)
        kept = _keep(ticket, rules.sort_out(ticket, [filled.event]), None)
        if kept["rejected"] and not filled.empty:
            raise RefusedError(refusals.MALFORMED, kept["rejected"][0]["errors"])
        saved = f"#{plain.saved_anchor(ticket.output_id)}" if kept["accepted"] else ""
        return Answer(303, {"Location": plain.way_back(filled.back, header("Referer"), header("Host")) + saved})
    except (RefusedError, Unfit) as error:
        sentences = [_refusal(error).detail, *(each for found in _errors(error).values() for each in found)]
        return Answer(_refusal(error).status, _TEXT, " ".join(sentences).encode())


def file(header: Header, version: str, name: str) -> Answer:
    """GET /static/VERSION/NAME: a file of the element, to be kept for good under its own version's address."""
    return files.answer(version, name, header("Accept-Encoding"))


class Edits:
    """Which events each piece of feedback was made of, as far as this process has seen. Safe for several threads.

    Another process of the app counts for itself, and a restart begins anew: it is a bound for what one page can do,
    not a count that has to be exact.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._seen: OrderedDict[tuple[str, str | None, str], set[str]] = OrderedDict()
        self._remembered = remembered
        self._lock = threading.Lock()

    def take(self, ticket: Ticket, event: rules.Event) -> bool | None:
        """True when the event is new and may be taken, False when it was taken before, None when there are too many."""
        key = (ticket.output_id, ticket.user, str(event["type"]))
        with self._lock:
            seen = self._seen.setdefault(key, set())
            self._seen.move_to_end(key)
            if event["id"] in seen:
                return False
            if len(seen) >= EDITS_PER_FEEDBACK:
                return None
            seen.add(event["id"])
            if len(self._seen) > self._remembered:
                self._seen.popitem(last=False)
        return True

    def forget(self, ticket: Ticket, event: rules.Event) -> None:
        """It was not kept after all."""
        with self._lock:
            self._seen.get((ticket.output_id, ticket.user, str(event["type"])), set()).discard(event["id"])


_edits: Final = Edits()


def _posted(header: Header, body: bytes) -> rules.Post:
    return rules.post_of(_read(header, body))


def _read(header: Header, body: bytes) -> Any:
    _look(header, body, ("text/plain", "application/json"))
    return rules.parsed(body)


def _look(header: Header, body: bytes, types: tuple[str, ...]) -> None:
    """What can be said of a request before its body is read. Raises RefusedError."""
    if not _is_same_origin(header):
        raise RefusedError(refusals.ORIGIN)
    if len(body) > WIDGET_BYTES:
        raise RefusedError(refusals.TOO_LARGE)
    if (header("Content-Type") or "").partition(";")[0].strip().lower() not in types:
        raise RefusedError(refusals.TYPE)


def _is_same_origin(header: Header) -> bool:
    """Whether the page is the app's own. A browser says so, in a header that no page can set; older ones say where the
    page came from. Who says neither is no browser, and has nothing but the ticket."""
    if (site := header("Sec-Fetch-Site")) is not None:
        return site == "same-origin"
    origin = header("Origin")
    if origin is None:
        return True
    scheme, _, host = origin.lower().partition("://")
    # The scheme is left out: behind a proxy that ends TLS, the app does not know its own.
    port = _PORTS.get(scheme, "")
    return host.removesuffix(port) == (header("Host") or "").lower().removesuffix(port) != ""


def _ticket(text: str) -> Ticket:
    try:
        return heedback.open_ticket(text)
    except heedback.TicketError as error:
        raise RefusedError(refusals.OF_TICKETS[error.reason]) from None


def _keep(ticket: Ticket, found: rules.Sorted, sent: rules.Post | None) -> dict[str, Any]:
    """Into the spool with what is right. What a spool does not take, the browser sends again."""
    now = datetime.now(UTC)
    accepted = duplicates = 0
    for index, event in found.events:
        taken = _edits.take(ticket, event)
        if taken is None:
            found.reject(index, event, rules.TOO_MANY)
        elif not taken:
            duplicates += 1
        else:
            at = values.moment(event["occurred_at"])
            ours = rules.corrected(at, now if sent is None else sent.sent_at, now).astimezone(UTC)
            stamped = event | {"occurred_at": ours.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
            if heedback.forward(stamped) is None:
                _edits.forget(ticket, event)
                raise RefusedError(refusals.BUSY)
            accepted += 1
    rejected = sorted(found.rejected, key=lambda each: each["index"])
    return {"accepted": accepted, "duplicates": duplicates, "rejected": rejected}


def _json(status: int, said: Mapping[str, Any], content_type: str = _JSON) -> Answer:
    headers = {"Content-Type": content_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return Answer(status, headers, json.dumps(said).encode())


def _problem(error: RefusedError | Unfit) -> Answer:
    refusal, errors = _refusal(error), _errors(error)
    said = {
        "type": "about:blank",
        "title": HTTPStatus(refusal.status).phrase,
        "status": refusal.status,
        "detail": refusal.detail,
        "reason": refusal.reason,
    }
    answer = _json(refusal.status, said | ({"errors": errors} if errors else {}), _PROBLEM)
    if refusal.status == HTTPStatus.SERVICE_UNAVAILABLE:
        answer.headers["Retry-After"] = str(_RETRY_SECONDS)
    return answer


def _refusal(error: RefusedError | Unfit) -> Refusal:
    return error.refusal if isinstance(error, RefusedError) else refusals.MALFORMED


def _errors(error: RefusedError | Unfit) -> rules.Errors:
    return error.errors or {} if isinstance(error, RefusedError) else {error.field or "body": [error.message]}
