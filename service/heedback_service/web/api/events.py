"""POST /v1/events: what SDKs have captured comes in. Described here; in use it takes the short way, `web/door.py`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from flask import g, request
from flask.views import MethodView
from flask_smorest import Blueprint
from marshmallow import ValidationError

from heedback_service.flow.combine import Busy, Revoked
from heedback_service.flow.intake import Batch
from heedback_service.flow.keys import Access
from heedback_service.web.api.body import BodyParser
from heedback_service.web.api.problems import PROBLEM_JSON, ProblemSchema, Refusal, busy, flattened
from heedback_service.web.api.schemas import AnswerSchema, EnvelopeSchema, load_event
from heedback_service.web.runtime import Runtime, runtime

_ECHOED: Final = 100  # characters of an id, which may be anything
_UNKNOWN_KEY: Final = "Send a valid key: Authorization: Bearer hb_sk_…"


class EventsBlueprint(Blueprint):
    ARGUMENTS_PARSER = BodyParser()


blueprint = EventsBlueprint("events", __name__, url_prefix="/v1", description="What was shown and what was said.")


@blueprint.before_request
def _authorise() -> None:
    # Before the body is read: a stranger's megabyte is not worth parsing.
    g.access = authorised(runtime(), request.headers.get("Authorization", ""))


def authorised(here: Runtime, header: str) -> Access:
    """What the key in an `Authorization` header opens.

    Raises:
        Refusal: 401, there is none, or it opens nothing.
    """
    kind, _, key = header.partition(" ")
    access = here.doorkeeper.access(here.db, key.strip()) if kind.lower() == "bearer" else None
    if access is None:
        raise _no_key()
    return access


def taken(here: Runtime, access: Access, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """Store what is right in the envelope; the answer, as `AnswerSchema` describes it.

    Raises:
        Refusal: 401, the key was revoked meanwhile; 503, too many wait for the database.
        sqlalchemy.exc.OperationalError: the database is busy or away; nothing was stored.
    """
    events, rejected = _sorted_out(envelope["events"])
    batch = Batch.of(envelope["sent_at"], events, envelope.get("dropped") or {}, envelope.get("redactor"))
    stored = here.combiner.take(access, batch)
    if isinstance(stored, Busy):
        raise busy()
    if isinstance(stored, Revoked):
        here.doorkeeper.forget()
        raise _no_key()
    if here.metrics is not None:
        here.metrics.events((each["type"] for each in events), stored.accepted, stored.duplicates, len(rejected))
    return {"accepted": stored.accepted, "duplicates": stored.duplicates, "rejected": rejected}


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
        return taken(runtime(), g.access, envelope)


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
