"""The short way in: `POST /v1/events` answered before Flask sees it.

Contexts, cookies, hooks and wrappers cost as much as storing a piece of feedback does, and intake needs none of them.
It is the same code behind: `web/api/events.py` describes the endpoint, and a test compares both ways.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from marshmallow import ValidationError
from werkzeug import Request

from heedback_service.web import operations
from heedback_service.web.api.body import read_json, unfit
from heedback_service.web.api.events import authorised, taken
from heedback_service.web.api.problems import explained
from heedback_service.web.api.schemas import load_envelope
from heedback_service.web.runtime import Runtime

_LINES: Final = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
PATH: Final = "/v1/events"

Environ = dict[str, Any]
Start = Callable[..., Any]


class Door:
    """A WSGI application for that one request."""

    def __init__(self, here: Runtime) -> None:
        self._here: Final = here

    @staticmethod
    def opens(environ: Environ) -> bool:
        """Whether this is that request."""
        return bool(environ["PATH_INFO"] == PATH and environ["REQUEST_METHOD"] == "POST")

    def __call__(self, environ: Environ, start: Start) -> Iterable[bytes]:
        begun, request_id = time.perf_counter(), operations.new_request_id()
        status, body, headers = 200, b"", {"Content-Type": "application/json"}
        with self._here.combiner.attended():
            try:
                access = authorised(self._here, environ.get("HTTP_AUTHORIZATION", ""))
                body = json.dumps(taken(self._here, access, _envelope(Request(environ)))).encode()
            except Exception as error:
                status, body, headers = self._refusal(error, request_id)
        seconds = time.perf_counter() - begun
        operations.tell(self._here.metrics, "POST", PATH, status, seconds, request_id)
        headers |= {operations.REQUEST_ID: request_id, "X-Content-Type-Options": "nosniff"}
        start(_LINES[status], [*headers.items(), ("Content-Length", str(len(body)))])
        return [body]

    def _refusal(self, error: Exception, request_id: str) -> tuple[int, bytes, dict[str, str]]:
        response = explained(error)
        if response.status_code == 500:
            operations.log_mistake(sys.exc_info(), "POST", PATH, request_id)
        response.headers.pop("Content-Length", None)
        return response.status_code, response.get_data(), dict(response.headers)


def _envelope(request: Request) -> dict[str, Any]:
    raw = read_json(request)
    try:
        return load_envelope(raw)
    except ValidationError as error:
        raise unfit(error.messages) from None
