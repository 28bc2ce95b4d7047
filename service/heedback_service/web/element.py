"""/widget/VERSION/heedback.min.js: the browser element, for pages that post straight to the service.

The address changes with the files, so a browser keeps them for good; an address of an older version, or `latest`, leads
to the newest. Modules of another origin are fetched with CORS, and there is nothing in them to be hidden.
"""

from __future__ import annotations

from typing import Final

from flask import Blueprint, Response, abort, request, url_for
from flask.typing import ResponseReturnValue

from heedback_widgets import files

blueprint: Final = Blueprint("element", __name__, url_prefix="/widget")


@blueprint.get("/<version>/<path:name>")
def element(version: str, name: str) -> ResponseReturnValue:
    found = files.file(name) or abort(404)
    if version != files.version():
        newest = url_for(".element", version=files.version(), name=name)
        return Response(
            status=302, headers={"Location": newest, "Cache-Control": "no-cache"}, content_type="text/plain"
        )
    response = Response(found.plain, content_type=found.content_type)
    if found.packed is not None and request.accept_encodings["gzip"] > 0:
        response.set_data(found.packed)
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = files.FOREVER
    response.vary.add("Accept-Encoding")
    return response


@blueprint.after_request
def _let_load(response: Response) -> Response:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
