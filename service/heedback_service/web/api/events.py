"""POST /v1/events: the door for what SDKs have captured."""

from __future__ import annotations

from typing import Any, Final

from flask import request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from heedback_service.flow.intake import Batch, take
from heedback_service.flow.keys import project_of
from heedback_service.store.tables import Project
from heedback_service.web.api.body import BodyParser
from heedback_service.web.api.problems import PROBLEM_JSON, ProblemSchema, Refusal, flattened
from heedback_service.web.api.schemas import AnswerSchema, EnvelopeSchema, load_event
from heedback_service.web.runtime import runtime

_UNKNOWN_KEY: Final = "Send a valid key: Authorization: Bearer hb_sk_…"


class EventsBlueprint(Blueprint):
    ARGUMENTS_PARSER = BodyParser()


blueprint = EventsBlueprint("events", __name__, url_prefix="/v1", description="What was shown and what was said.")


@blueprint.before_request
def _authorise() -> None:
    # Before the body is read: a stranger's megabyte is not worth parsing.
    with runtime().db.read() as session:
        _project(session)


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
        batch = Batch(envelope["sent_at"], events, envelope.get("dropped") or {}, envelope.get("redactor"))
        here = runtime()
        with here.db.write() as session:
            taken = take(session, _project(session), batch, here.clock(), here.new_id)
        return {"accepted": taken.accepted, "duplicates": taken.duplicates, "rejected": rejected}


def _project(session: Session) -> Project:
    kind, _, key = request.headers.get("Authorization", "").partition(" ")
    project = project_of(session, key.strip()) if kind.lower() == "bearer" else None
    if project is None:
        raise Refusal(401, _UNKNOWN_KEY, headers={"WWW-Authenticate": 'Bearer realm="heedback"'})
    return project


def _sorted_out(raws: list[Any]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    events, rejected = [], []
    for index, raw in enumerate(raws):
        try:
            events.append(load_event(raw))
        except ValidationError as error:
            named = raw.get("id") if isinstance(raw, dict) else None
            its_id = named if isinstance(named, str) else None
            rejected.append({"index": index, "id": its_id, "errors": flattened(error.messages)})
    return events, rejected
