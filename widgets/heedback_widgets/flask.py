"""The widget in a Flask app:

    app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")

and in a template `{{ heedback_rating(out) }}`. With Flask-WTF's `CSRFProtect`, exempt the blueprint: it takes no
cookie, and the element sends no token.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request, url_for
from flask.sansio.app import App

from heedback_widgets import host, markup


def blueprint(name: str = "heedback") -> Blueprint:
    """The widget's routes, to be registered under a prefix of the app's choice. `name` is the blueprint's."""
    made = Blueprint(name, __name__)
    made.add_url_rule("/events", "events", lambda: _answered(host.events), methods=["POST"])
    made.add_url_rule("/state", "state", lambda: _answered(host.state), methods=["POST"])
    made.add_url_rule("/form", "form", lambda: _answered(host.form), methods=["POST"])
    made.add_url_rule("/static/<version>/<path:file>", "file", _file)
    made.record(lambda state: _add_helper(state.app, name))
    return made


def _answered(act: host.Act) -> Response:
    return _response(act(request.headers.get, request.stream.read(host.MOST)))


def _file(version: str, file: str) -> Response:
    return _response(host.file(request.headers.get, version, file))


def _response(answer: host.Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _add_helper(app: App, name: str) -> None:
    def heedback_rating(out: Any, **given: Any) -> markup.Html:
        return markup.rating(out, url_for(f"{name}.events").removesuffix("/events"), **given)

    app.add_template_global(heedback_rating)
