"""The widget in a Django project: in `urls.py`

    path("heedback/", include(heedback_widgets.django.urls))

and with "heedback_widgets" in `INSTALLED_APPS`, in a template `{% load heedback %}{% heedback_rating out %}`.
"""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import path, reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from heedback_widgets import host, markup


def rating(out: Any, **given: Any) -> markup.Html:
    """The element for one output: what the template tag writes. Arguments as for `heedback_widgets.markup.rating`."""
    return markup.rating(out, reverse("heedback:events").removesuffix("/events"), **given)


def _answering(act: host.Act) -> Any:
    # Exempt: it takes no cookie, and the element sends no token.
    @csrf_exempt
    @require_POST
    def view(request: HttpRequest) -> HttpResponse:
        return _response(act(request.headers.get, request.read(host.MOST)))

    return view


@require_safe
def _file(request: HttpRequest, version: str, name: str) -> HttpResponse:
    return _response(host.file(request.headers.get, version, name))


def _response(answer: host.Answer) -> HttpResponse:
    return HttpResponse(answer.body, status=answer.status, headers=answer.headers)


urls = (
    [
        path("events", _answering(host.events), name="events"),
        path("state", _answering(host.state), name="state"),
        path("form", _answering(host.form), name="form"),
        path("static/<str:version>/<path:name>", _file, name="file"),
    ],
    "heedback",
)
