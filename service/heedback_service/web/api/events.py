"""POST /v1/events: the door for what SDKs have captured."""

from __future__ import annotations

from typing import Any, Final

from flask import current_app, g, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import ValidationError

from heedback_service.flow.combine import Revoked
from heedback_service.flow.intake import Batch
from heedback_service.web.api.body import BodyParser
from heedback_service.web.api.problems import PROBLEM_JSON, ProblemSchema, Refusal, flattened
from heedback_service.web.api.schemas import AnswerSchema, EnvelopeSchema, load_event
from heedback_service.web.runtime import runtime

_ECHOED: Final = 100  # characters of an id, which may be anything
_UNKNOWN_KEY: Final = "Send a valid key: Authorization: Bearer hb_sk_…"


class EventsBlueprint(Blueprint):
    ARGUMENTS_PARSER = BodyParser()


blueprint = EventsBlueprint("events", __name__, url_prefix="/v1", description="What was shown and what was said.")


@blueprint.before_request
def _authorise() -> None:
    # Before the body is read: a stranger's megabyte is not worth parsing.
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    here = runtime()
    g.access = here.doorkeeper.access(here.db, key.strip()) if kind.lower() == "bearer" else None
    if g.access is None:
        raise _no_key()


@blueprint.route("/events")
class Events(MethodView):
    @blueprint.doc(security=[{"key": []}])
    @blueprint.arguments(EnvelopeSchema)
    @blueprint.response(200, AnswerSchema)
    @blueprint.alt_response(401, schema=ProblemSchema, content_type=PROBLEM_JSON, description="No valid key")
    @blueprint.alt_response(413, schema=ProblemSchema, content_type=PROBLEM_JSON, description="Too large")
    @blueprint.alt_response(415, schema=ProblemSchema, content_type=PROBLEM_JSON, description="Not JSON, not gzip")
    @blueprint.alt_response(503, schema=ProblemSchema, content_type=PROBLEM_JSON, description="Try again later")
    def post(self, envelope: dict[str, Any]) -> dict[str, Any]:
        """Take a batch of events.

        Good events are kept even if a neighbour is bad. The answer comes after the commit. The same id again is a
        duplicate and has no effect, so a batch may be sent again whenever its answer was not seen.
        """
        events, rejected = _sorted_out(envelope["events"])
        batch = Batch.of(envelope["sent_at"], events, envelope.get("dropped") or {}, envelope.get("redactor"))
        here = runtime()
        taken = here.combiner.take(g.access, batch)
        if isinstance(taken, Revoked):
            here.doorkeeper.forget()
            raise _no_key()
        if (metrics := current_app.extensions["heedback_metrics"]) is not None:
            metrics.events((each["type"] for each in events), taken.accepted, taken.duplicates, len(rejected))
        return {"accepted": taken.accepted, "duplicates": taken.duplicates, "rejected": rejected}


def _no_key() -> Refusal:
    return Refusal(401, _UNKNOWN_KEY, headers={"WWW-Authenticate": 'Bearer realm="heedback"'})


def _sorted_out(raws: list[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    events, rejected = [], []
    for index, raw in enumerate(raws):
        try:
            events.append(load_event(raw))
        except ValidationError as error:
            named = raw.get("id") if isinstance(raw, dict) else None
            its_id = named[:_ECHOED] if isinstance(named, str) else None
            rejected.append({"index": index, "id": its_id, "errors": flattened(error.messages)})
    return events, rejected
