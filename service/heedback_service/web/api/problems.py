"""Errors as problem+json (RFC 9457), in the answers and in the OpenAPI document."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from flask import Response
from flask_smorest import Api
from marshmallow import Schema, fields
from werkzeug.exceptions import HTTPException

PROBLEM_JSON: Final = "application/problem+json"


class ProblemSchema(Schema):
    """What every error says."""

    type = fields.String(required=True, metadata={"description": "Always about:blank: the status says the kind."})
    title = fields.String(required=True, metadata={"description": "The status in words."})
    status = fields.Integer(required=True)
    detail = fields.String(metadata={"description": "What was wrong with this request."})
    errors = fields.Dict(
        keys=fields.String(),
        values=fields.List(fields.String()),
        metadata={"description": "What was wrong, by the dotted path of the field."},
    )


class Refusal(HTTPException):
    """An expected error: a status, a sentence, and what else the sender may want to know."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        errors: Mapping[str, list[str]] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = status
        self.errors = errors
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
    if errors := getattr(error, "errors", None):
        body["errors"] = errors
    headers = getattr(error, "headers", None) or dict(error.get_headers())
    headers.pop("Content-Type", None)
    return Response(json.dumps(body), error.code, headers, content_type=PROBLEM_JSON)


def flattened(messages: Any, whole: str = "event", path: str = "") -> dict[str, list[str]]:
    """marshmallow's nested messages, by dotted path; those about all of it under the name of the `whole`."""
    if not isinstance(messages, Mapping):
        return {path or whole: list(messages)}
    flat: dict[str, list[str]] = {}
    for name, inner in messages.items():
        inside = path if name == "_schema" else f"{path}.{name}" if path else str(name)
        flat |= flattened(inner, whole, inside)
    return flat
