"""A page whose feedback goes straight from the browser to the service: python examples/widget/direct.py

HEEDBACK_URL and HEEDBACK_KEY say where it goes; the service has to know this page's origin:
heedback project origins PROJECT http://127.0.0.1:8002
"""

from __future__ import annotations

import os
from uuid import uuid4

import waitress
from flask import Flask, render_template_string, session

import heedback

SERVICE = os.environ.get("HEEDBACK_URL", "").rstrip("/")
# `heedback widget` prints the addresses with the digests that the files must have, which is better yet.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Invoices</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }</style>
<link rel="stylesheet" href="{{ service }}/widget/latest/heedback.css">
<script type="module" src="{{ service }}/widget/latest/heedback.min.js"></script>
<h1>Invoice 2291</h1>
<p>{{ text }}</p>
<heedback-rating id="heedback-{{ out.id }}" endpoint="{{ service }}/v1/widget" ticket="{{ out.ticket() }}">
</heedback-rating>
"""

answers: dict[str, tuple[str, heedback.Output]] = {}  # each person's
app = Flask(__name__)
app.secret_key = os.environ.get("SECRET_KEY", "for your own machine only")


@app.get("/")
def invoice() -> str:
    person = session.setdefault("person", uuid4().hex)
    if person not in answers:
        text = "Due on 30 November: 1,200.00 EUR."  # your model's words
        answers[person] = text, heedback.output("invoice-summary", user=person, output=text)
    text, out = answers[person]
    return render_template_string(PAGE, text=text, out=out, service=SERVICE)


if __name__ == "__main__":
    waitress.serve(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8002")))
