"""The widget in a FastAPI app:

    app.include_router(heedback_widgets.fastapi.router(), prefix="/heedback")
    templates.env.globals["heedback_rating"] = heedback_widgets.fastapi.rating("/heedback")

and in a template `{{ heedback_rating(out) }}`; or the returned function's text in a page made otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.requests import ClientDisconnect

from heedback_widgets import host, markup


def router() -> APIRouter:
    """The widget's routes, to be included under a prefix of the app's choice. The app's OpenAPI leaves them out."""
    made = APIRouter(include_in_schema=False)
    for path, act in (("/events", host.events), ("/state", host.state), ("/form", host.form)):
        made.add_api_route(path, _answering(act), methods=["POST"])
    made.add_api_route("/static/{version}/{name:path}", _file, methods=["GET", "HEAD"])
    return made


def rating(endpoint: str) -> Callable[..., markup.Html]:
    """The template helper, for an app that has the router under `endpoint`."""
    return partial(markup.rating, endpoint=endpoint)


async def _body(request: Request) -> bytes:
    body = bytearray()
    with suppress(ClientDisconnect):  # then nobody hears the answer
        async for chunk in request.stream():
            body += chunk
            if len(body) >= host.MOST:
                break
    return bytes(body[: host.MOST])


def _answering(act: host.Act) -> Callable[..., Response]:
    # Not async: FastAPI gives it a thread, where it may wait for the disk and, for the state, for the service.
    def endpoint(request: Request, body: Annotated[bytes, Depends(_body)]) -> Any:
        return _response(act(request.headers.get, body))

    return endpoint


def _file(request: Request, version: str, name: str) -> Any:
    return _response(host.file(request.headers.get, version, name))


def _response(answer: host.Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)
