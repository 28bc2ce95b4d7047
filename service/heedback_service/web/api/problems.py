"""Errors as problem+json (RFC 9457), in the answers and in the OpenAPI document."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from flask import Response
from flask_smorest import Api, Blueprint
from marshmallow import Schema, fields
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException, InternalServerError

from heedback_service.store.told import told

PROBLEM_JSON: Final = "application/problem+json"
RETRY_SECONDS: Final = 5
MOST_TOLD: Final = 20  # fields of one event, or of one body
_TOLD_CHARS: Final = 200

_log: Final = logging.getLogger(__name__)


class ProblemSchema(Schema):
    """What every error says."""

    type = fields.String(required=True, metadata={"description": "Always about:blank: the status says the kind."})
    title = fields.String(required=True, metadata={"description": "The status in words."})
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "What was wrong with this request."})
    reason = fields.String(metadata={"description": "The same as a word for programs, where one may want to tell."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What was wrong, by the dotted path of the field."},
    )
    see = fields.Integer(metadata={"description": "The number of an item to turn to instead."})


def refusing(blueprint: Blueprint, said: Mapping[int, str]) -> Callable[[Any], Any]:
    """What documents, of a view of the blueprint, these problems by their status."""

    def documented(view: Any) -> Any:
        for status, words in said.items():
            problem = {"schema": ProblemSchema, "content_type": PROBLEM_JSON, "description": words}
            view = blueprint.alt_response(status, **problem)(view)
        return view

    return documented


class Refusal(HTTPException):
    """An expected error: a status, a sentence, and what else the sender may want to know."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
        reason: str | None = None,
        see: int | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.errors = errors
        self.reason = reason
        self.see = see
        self.headers = dict(headers or {})


class ProblemApi(Api):
    """smorest, with problem+json where it documents its errors as application/json."""

    ERROR_SCHEMA = ProblemSchema

    def _register_responses(self) -> None:
        # smorest reads the content type of errors from the one of answers; they differ here, for this call alone.
        self.DEFAULT_RESPONSE_CONTENT_TYPE = PROBLEM_JSON
        super()._register_responses()
        del self.DEFAULT_RESPONSE_CONTENT_TYPE

    def _register_error_handlers(self) -> None:
        # The app has pages too: it decides who answers (`app.py`).
        pass


def as_problem(error: HTTPException) -> Response:
    """The answer to an error."""
    body: dict[str, Any] = {"type": "about:blank", "title": error.name, "status": error.code}
    if error.description:
        body["detail"] = error.description
    body |= {name: value for name in ("reason", "errors", "see") if (value := getattr(error, name, None))}
    headers = getattr(error, "headers", None) or dict(error.get_headers())
    headers.pop("Content-Type", None)
    return Response(json.dumps(body), error.code, headers, content_type=PROBLEM_JSON)


def explained(error: Exception) -> Response:
    """The answer to whatever went wrong on the way: a refusal, a database that is busy or away, a mistake of ours."""
    if isinstance(error, HTTPException):
        return as_problem(error)
    if isinstance(error, OperationalError):
        # Nothing was committed, so the sender may come again; the SDK does.
        _log.warning("database unavailable: %s", told(error))
        return as_problem(busy())
    return as_problem(InternalServerError())


def busy() -> Refusal:
    wait = {"Retry-After": str(RETRY_SECONDS)}
    return Refusal(503, "The database is busy or away. Nothing was stored; send it again.", headers=wait, reason="busy")


def flattened(messages: Any, whole: str = "event", path: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages, by dotted path; those about all of it under the name of the `whole`.

    An answer must not be many times what was sent: `MOST_TOLD` paths are named, and of each so many characters.
    """
    found = list(islice(_each(messages, whole, path), MOST_TOLD + 1))
    flat = {name[:_TOLD_CHARS]: said for name, said in found[:MOST_TOLD]}
    return flat | ({"…": ["There is more that is wrong."]} if len(found) > MOST_TOLD else {})


def _each(messages: Any, whole: str, path: str) -> Iterator[tuple[str, list[str]]]:
    if not isinstance(messages, Mapping):
        yield path or whole, list(messages)
        return
    for name, inner in messages.items():
        inside = path if name == "_schema" else f"{path}.{name}" if path else str(name)
        yield from _each(inner, whole, inside)
