"""A Django project, in one file, whose one answer can be rated: python examples/widget/django_app.py

HEEDBACK_URL and HEEDBACK_KEY say where the feedback goes.
"""

from __future__ import annotations

import os
from uuid import uuid4

import django
import waitress
from django.conf import settings

import heedback

settings.configure(
    SECRET_KEY=os.environ.get("SECRET_KEY", "for your own machine only"),
    ALLOWED_HOSTS=["127.0.0.1", "localhost"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["heedback_widgets"],
    MIDDLEWARE=["django.middleware.security.SecurityMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
)
django.setup()

from django.core.wsgi import get_wsgi_application  # noqa: E402 - after the settings
from django.http import HttpRequest, HttpResponse  # noqa: E402
from django.template import Context, Template  # noqa: E402
from django.urls import include, path  # noqa: E402

import heedback_widgets.django  # noqa: E402

PAGE = """{% load heedback %}<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Invoices</title>
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }</style>
<h1>Invoice 2291</h1>
<p>{{ text }}</p>
{% heedback_rating out %}
"""


answers: dict[str, tuple[str, heedback.Output]] = {}  # each person's


def invoice(request: HttpRequest) -> HttpResponse:
    person = request.COOKIES.get("person") or uuid4().hex
    if person not in answers:
        text = "Due on 30 November: 1,200.00 EUR."  # your model's words
        answers[person] = text, heedback.output("invoice-summary", user=person, output=text)
    text, out = answers[person]
    page = HttpResponse(Template(PAGE).render(Context({"text": text, "out": out})))
    page.set_cookie("person", person, httponly=True, samesite="Lax")
    return page


urlpatterns = [path("", invoice), path("heedback/", include(heedback_widgets.django.urls))]

if __name__ == "__main__":
    waitress.serve(get_wsgi_application(), host="127.0.0.1", port=int(os.environ.get("PORT", "8002")))
