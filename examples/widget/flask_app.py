"""A Flask app whose one answer can be rated: python examples/widget/flask_app.py

HEEDBACK_URL and HEEDBACK_KEY say where the feedback goes.
"""

from __future__ import annotations

import os
from uuid import uuid4

import waitress
from flask import Flask, render_template_string, session

import heedback
import heedback_widgets.flask

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Invoices</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }</style>
<h1>Invoice 2291</h1>
<p>{{ text }}</p>
{{ heedback_rating(out) }}
"""

answers: dict[str, tuple[str, heedback.Output]] = {}  # each person's
app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "for your own machine only")
app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")


@app.get("/")
def invoice() -> str:
    person = session.setdefault("person", uuid4().hex)
    if person not in answers:
        text = "Due on 30 November: 1,200.00 EUR."  # your model's words
        answers[person] = text, heedback.output("invoice-summary", user=person, output=text)
    text, out = answers[person]
    return render_template_string(PAGE, text=text, out=out)


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8002")))
