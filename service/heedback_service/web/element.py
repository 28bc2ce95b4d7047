"""/widget/VERSION/heedback.min.js: the browser element, for pages that post straight to the service.

The address changes with the files, so a browser keeps them for good; an address of an older version, or `latest`, leads
to the newest. Modules of another origin are fetched with CORS, and there is nothing in them to be hidden.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, request

from heedback_widgets import files

blueprint: Final = Blueprint("element", __name__, url_prefix="/widget")


@blueprint.get("/<version>/<path:name>")
def element(version: str, name: str) -> Response:
    found = files.answer(version, name, request.headers.get("Accept-Encoding"))
    return Response(found.body, found.status, found.headers)


@blueprint.after_request
def _let_load(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
