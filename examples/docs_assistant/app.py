"""A small host app with an AI feature, and all it takes to collect feedback: the lines marked ★.

python examples/docs_assistant/app.py --port 8001
"""

from __future__ import annotations

import os
from typing import Any

from assistant import Assistant
from flask import Blueprint, Flask, abort, current_app, redirect, render_template, url_for
from forms import chosen, emptied, locale, one_of, person, text, visitors
from labels import LABELS
from shelf import NOTHING, Shelf, Shown
from start import run

import heedback
import heedback_widgets.flask

pages = Blueprint("pages", __name__)


def create_app(assistant: Assistant) -> Flask:
    """The app around `assistant`. Without HEEDBACK_URL and HEEDBACK_KEY the feedback goes nowhere."""
    heedback.init()  # ★ 1
    app = Flask(__name__)
    app.config.update(MAX_CONTENT_LENGTH=256 * 1024, ASSISTANT=assistant, SHELF=Shelf())
    app.register_blueprint(pages)
    app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")  # ★ 3
    visitors(app)
    app.register_error_handler(404, lambda error: (render_template("lost.html"), 404))
    return app


@pages.get("/")
def home() -> str:
    return render_template("home.html", pages=_assistant().library.pages())


@pages.post("/answers")
def ask() -> Any:
    question = text("question")
    if not question:
        return redirect(url_for("pages.home"), 303)
    with heedback.track("docs-answer", user=person(), input=question, locale=locale()) as out:  # ★ 2
        answer = _assistant().answer(question)
        out.set(output=answer.text, **answer.facts)
    return _show(Shown(out.id, "docs-answer", person(), question, answer))


@pages.post("/summaries")
def summarise() -> Any:
    page = text("page")
    title = _assistant().library.pages().get(page) or abort(404)
    with heedback.track("docs-summary", user=person(), input=page, locale=locale()) as out:  # ★ 2
        answer = _assistant().summarise(page)
        out.set(output=answer.text, **answer.facts)
    return _show(Shown(out.id, "docs-summary", person(), f"{title}, in short", answer))


@pages.get("/answers/<output_id>")
def answer_page(output_id: str) -> str:
    return render_template("answer.html", shown=_find(output_id), labels=LABELS)


# From here to the docs is what people without script use instead of the widget: forms of this app's own.


@pages.post("/answers/<output_id>/rating")
def rate(output_id: str) -> Any:
    shown, value = _find(output_id), one_of("value", ("up", "down"))
    turned: dict[str, Any] = {"reasons": None} if shown.said.reasons and value != shown.said.rating else {}
    sent = heedback.rate(output_id, value, feature=shown.feature, user=shown.person, **turned)
    return _saved(shown, sent, rating=value, **turned)


@pages.post("/answers/<output_id>/details")
def details(output_id: str) -> Any:
    shown = _find(output_id)
    value: Any = shown.said.rating or abort(409)
    more: dict[str, Any] = {
        "reasons": chosen(LABELS[value]),
        "comment": text("comment"),
        "correction": text("correction"),
    }
    sent = heedback.rate(output_id, value, feature=shown.feature, user=shown.person, **emptied(more))
    return _saved(shown, sent, **more)


@pages.post("/answers/<output_id>/flag")
def flag(output_id: str) -> Any:
    shown, reasons = _find(output_id), chosen(LABELS["flag"])
    sent = heedback.flag(output_id, feature=shown.feature, user=shown.person, reasons=reasons)
    return _saved(shown, sent, flagged=True, flag_reasons=reasons)


@pages.post("/answers/<output_id>/retraction")
def retract(output_id: str) -> Any:
    shown = _find(output_id)
    heedback.retract(output_id, feature=shown.feature, user=shown.person)
    _shelf().note(shown, "Taken back.", **NOTHING)
    return _to_answer(output_id)


@pages.get("/docs/<page>")
def docs(page: str) -> str:
    return render_template("docs.html", sections=_assistant().library.page(page) or abort(404))


def _show(shown: Shown) -> Any:
    _shelf().put(shown)
    return _to_answer(shown.output_id)


def _saved(shown: Shown, sent: str | None, **said: Any) -> Any:
    notice = "Saved. Thank you." if sent else "Thank you. Feedback is switched off here, so nothing was sent."
    _shelf().note(shown, notice, **said)
    return _to_answer(shown.output_id)


def _to_answer(output_id: str) -> Any:
    return redirect(url_for("pages.answer_page", output_id=output_id, _anchor="feedback"), 303)


def _find(output_id: str) -> Shown:
    return _shelf().get(output_id, person()) or abort(404)


def _assistant() -> Assistant:
    return current_app.config["ASSISTANT"]  # type: ignore[no-any-return]


def _shelf() -> Shelf:
    return current_app.config["SHELF"]  # type: ignore[no-any-return]


if __name__ == "__main__":
    raise SystemExit(run(create_app, os.environ))
