"""The widget in a Flask app:

    app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")

and in a template `{{ heedback_rating(out) }}`. With Flask-WTF's `CSRFProtect`, exempt the blueprint: it takes no
cookie, and the element sends no token.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.sansio.blueprints import BlueprintSetupState

from heedback import Output, Tracked
from heedback_widgets import host, markup


def blueprint(name: str = "heedback") -> Blueprint:
    """The widget's routes, to be registered under a prefix of the app's choice. `name` is the blueprint's."""
    made = Blueprint(name, __name__)
    made.add_url_rule("/events", "events", lambda: _answered(host.events), methods=["POST"])
    made.add_url_rule("/state", "state", lambda: _answered(host.state), methods=["POST"])
    made.add_url_rule("/form", "form", lambda: _answered(host.form), methods=["POST"])
    made.add_url_rule("/static/<version>/<path:file>", "file", _file)
    made.record(_add_helper)
    return made


def _answered(act: host.Act) -> Response:
    return _response(act(request.headers.get, _body()))


def _body() -> bytes:
    """As much of it as is looked at; what something else of the app has read before is not read again."""
    length = request.content_length or host.MOST
    return request.get_data() if length < host.MOST else request.stream.read(host.MOST)


def _file(version: str, file: str) -> Response:
    return _response(host.file(request.headers.get, version, file))


def _response(answer: host.Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _add_helper(state: BlueprintSetupState) -> None:
    endpoint = f"{state.name_prefix}.{state.name}.events".lstrip(".")

    def heedback_rating(out: Output | Tracked, **given: Any) -> markup.Html:
        return markup.rating(out, url_for(endpoint).removesuffix("/events"), **given)

    state.app.add_template_global(heedback_rating)
