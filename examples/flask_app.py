"""A Flask app with one AI feature: it sums up a text in a sentence, and asks what its reader thinks of it.

    pip install heedback flask
    export HEEDBACK_URL=… HEEDBACK_KEY=… HEEDBACK_USER_KEY=…
    flask --app examples/flask_app.py run

The lines marked ★ are all that Heedback needs.
"""

from __future__ import annotations

import os
import secrets
from uuid import UUID

from flask import Flask, abort, render_template_string, request, session

import heedback  # ★

FEATURE = "text-summary"
PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>In a sentence</title>
<h1>In a sentence</h1>
{% if output_id %}
  <p>{{ summary }}</p>
  <form method="post" action="/summaries/{{ output_id }}/rating">
    <label>What is wrong, or right? <input name="comment"></label>
    <button name="rating" value="up">Good</button> <button name="rating" value="down">Bad</button>
  </form>
{% elif thanks %}<p role="status">Saved. Thank you.</p>{% endif %}
<form method="post" action="/summaries">
  <p><label>A text<br><textarea name="text" rows="8" cols="60" required></textarea></label>
  <p><button>Sum it up</button>
</form></html>"""

app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY") or secrets.token_hex()
heedback.init(app_version="1.0", environment="example")  # ★ address and keys are in the environment


@app.get("/")
def home() -> str:
    return render_template_string(PAGE)


@app.post("/summaries")
def make_summary() -> str:
    text = request.form["text"]
    with heedback.track(FEATURE, user=person(), prompt_version="v1", surface="web", input=text) as out:  # ★
        summary = ask_the_model(text)
        out.set(output=summary, response_model="first-sentence-1")  # ★
    return render_template_string(PAGE, summary=summary, output_id=out.id)


@app.post("/summaries/<uuid:output_id>/rating")
def rate(output_id: UUID) -> str:
    rating = request.form["rating"]
    if rating not in ("up", "down"):
        abort(400)
    said = {"comment": request.form["comment"]} if request.form.get("comment") else {}
    heedback.rate(output_id, rating, feature=FEATURE, user=person(), surface="web", **said)  # ★
    return render_template_string(PAGE, thanks=True)


def person() -> str:
    """Whoever this browser belongs to. Your app has users: pass their id, it leaves the process as a pseudonym."""
    return str(session.setdefault("person", secrets.token_hex(8)))


def ask_the_model(text: str) -> str:
    """Yours would be asked here."""
    return text.strip().split(". ")[0][:200]
