"""/v1/widget: what a browser posts straight to the service, with a ticket in the place of a key.

A page of another origin may do so when the project names that origin. There is no cookie to be misused, and JSON comes
as text/plain, for which a browser asks no permission first.
"""

from __future__ import annotations

from typing import Any, Final

from flask import Response, g, request
from flask.views import MethodView
from flask_smorest import Blueprint

from heedback.limits import WIDGET_BYTES
from heedback_service.flow import browsers
from heedback_service.flow.browsers import Admitted
from heedback_service.web.api.events import taken
from heedback_service.web.api.problems import Refusal, busy, refusing
from heedback_service.web.api.schemas import AnswerSchema, WidgetPostSchema, WidgetStateSchema, WidgetTicketSchema
from heedback_service.web.runtime import Runtime, runtime
from heedback_widgets import refusals, rules
from heedback_widgets.values import Unfit

_TYPES: Final = ("text/plain", "application/json")

blueprint = Blueprint("widget", __name__, url_prefix="/v1/widget", description="What one person says in a browser.")


@blueprint.after_request
def _let_read(response: Response) -> Response:
    # A refusal says no more than why: whoever builds the page shall be able to read it, so it goes to anybody.
    response.headers["Access-Control-Allow-Origin"] = g.get("origin", "*")
    response.headers["Access-Control-Expose-Headers"] = "Retry-After"
    response.headers["Cache-Control"] = "no-store"
    response.vary.add("Origin")
    return response


def _takes(schema: type) -> dict[str, Any]:
    words = "JSON, sent as text/plain, so that a browser asks no permission first; application/json is taken too."
    return {"description": words, "required": True, "content": {"application/json": {"schema": schema}}}


_refuses = refusing(
    blueprint,
    {
        400: "Not what is asked for",
        401: "The ticket does not hold",
        403: "Not from pages of this origin, or not with this ticket",
        413: "Too large",
        415: "Not text/plain",
        503: "Try again later",
    },
)


@blueprint.route("/events")
class WidgetEvents(MethodView):
    @blueprint.doc(requestBody=_takes(WidgetPostSchema))
    @blueprint.response(200, AnswerSchema)
    @_refuses
    def post(self) -> dict[str, Any]:
        """Take what one person said about one output.

        The ticket says who, and about what. Events are those of `POST /v1/events`, as far as a browser may send them:
        feedback and signals, without output, person, feature and source. The answer comes after the commit.
        """
        here = runtime()
        with here.combiner.attended():
            post = _fitting(lambda: rules.post_of(rules.parsed(_body())))
            return _take(here, _admitted(here, post.ticket), post)


@blueprint.route("/state")
class WidgetState(MethodView):
    @blueprint.doc(requestBody=_takes(WidgetTicketSchema))
    @blueprint.response(200, WidgetStateSchema)
    @_refuses
    def post(self) -> dict[str, Any]:
        """What the ticket's person has said about its output until now."""
        here = runtime()
        whose = _admitted(here, _fitting(lambda: rules.ticket_of(rules.parsed(_body()))))
        if "read" not in whose.ticket.may:
            raise _refused(refusals.MAY_NOT_READ)
        with here.db.read() as session:
            return browsers.state(session, whose)


def _take(here: Runtime, whose: Admitted, post: rules.Post) -> dict[str, Any]:
    found = rules.sort_out(whose.ticket, post.events)
    answer: dict[str, Any] = {"accepted": 0, "duplicates": 0, "rejected": []}
    if found.events:
        with here.turns.turn(whose) as ours:
            if not ours:
                raise busy()
            answer = _stored(here, whose, _within_limit(here, whose, found), post)
    return answer | {"rejected": sorted(found.rejected + answer["rejected"], key=lambda each: each["index"])}


def _within_limit(here: Runtime, whose: Admitted, found: rules.Sorted) -> list[tuple[int, rules.Event]]:
    with here.db.read() as session:
        verdicts = browsers.within_limit(session, whose, [event for _, event in found.events], here.clock())
    kept = []
    for (index, event), fits in zip(found.events, verdicts, strict=True):
        if fits:
            kept.append((index, event))
        else:
            found.reject(index, event, rules.TOO_MANY)
    return kept


def _stored(here: Runtime, whose: Admitted, kept: list[tuple[int, rules.Event]], post: rules.Post) -> dict[str, Any]:
    try:
        answer = taken(here, whose.access, {"sent_at": post.sent_at, "events": [event for _, event in kept]})
    except Refusal as refusal:
        raise _refused(refusals.REVOKED) if refusal.code == 401 else refusal from None
    return answer | {"rejected": [each | {"index": kept[each["index"]][0]} for each in answer["rejected"]]}


def _body() -> bytes:
    if request.mimetype not in _TYPES:
        raise _refused(refusals.TYPE)
    body = request.stream.read(WIDGET_BYTES + 1)
    if len(body) > WIDGET_BYTES:
        raise _refused(refusals.TOO_LARGE)
    return body


def _admitted(here: Runtime, text: str) -> Admitted:
    """Whom the ticket speaks for, on a page that may use it. A request that names no origin is not a page's."""
    found = browsers.admitted(here.db, text, here.clock(), here.combiner.memory)
    if isinstance(found, refusals.Refusal):
        raise _refused(found)
    origin = request.headers.get("Origin")
    if origin is not None and origin not in found.origins:
        raise _refused(refusals.ORIGIN)
    if origin is not None:
        g.origin = origin
    return found


def _fitting(read: Any) -> Any:
    try:
        return read()
    except Unfit as unfit:
        raise _refused(refusals.MALFORMED, {unfit.field or "body": [unfit.message]}) from None


def _refused(refusal: refusals.Refusal, errors: rules.Errors | None = None) -> Refusal:
    return Refusal(refusal.status, refusal.detail, reason=refusal.reason, errors=errors)
