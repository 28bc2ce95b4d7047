"""A FastAPI app whose one answer can be rated: python examples/widget/fastapi_app.py

HEEDBACK_URL and HEEDBACK_KEY say where the feedback goes.
"""

from __future__ import annotations

import os
from uuid import uuid4

import uvicorn
from fastapi import Cookie, FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import Environment

import heedback
import heedback_widgets.fastapi

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
app = FastAPI()
app.include_router(heedback_widgets.fastapi.router(), prefix="/heedback")
templates = Environment(autoescape=True)
templates.globals["heedback_rating"] = heedback_widgets.fastapi.rating("/heedback")


@app.get("/")
def invoice(person: str | None = Cookie(None)) -> HTMLResponse:
    person = person or uuid4().hex
    if person not in answers:
        text = "Due on 30 November: 1,200.00 EUR."  # your model's words
        answers[person] = text, heedback.output("invoice-summary", user=person, output=text)
    text, out = answers[person]
    page = HTMLResponse(templates.from_string(PAGE).render(text=text, out=out))
    page.set_cookie("person", person, httponly=True, samesite="lax")
    return page


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ.get("PORT", "8002")), log_level="warning")
