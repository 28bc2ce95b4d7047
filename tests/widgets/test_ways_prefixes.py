"""An app that is not at the root of its host: the helper's addresses lead to the adapter, and the form leads back."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import django
import pytest
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from fastapi.testclient import TestClient
from flask import Flask
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client
from werkzeug.wrappers import Response

import heedback
import heedback_widgets.django
import heedback_widgets.fastapi
import heedback_widgets.flask
from heedback.testing import Sent, capturing
from heedback_widgets import markup
from tools.browser import read
from ways import click, moment

URLS = types.ModuleType("urls_of_a_project")


@pytest.fixture(autouse=True)
def sent() -> Iterator[Sent]:
    with capturing() as captured:
        yield captured


@dataclass(frozen=True)
class Answered:
    """What all test clients say of an answer."""

    status: int
    text: str
    location: str | None = None


class Browse(Protocol):
    def __call__(self, method: str, path: str, body: str = "", **headers: str) -> Answered: ...


def over_wsgi(app: Any) -> Browse:
    client = Client(app, Response)

    def browse(method: str, path: str, body: str = "", **headers: str) -> Answered:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        with client.open(path, method=method, data=body, headers=told, base_url="http://host.test") as answer:
            return Answered(answer.status_code, answer.get_data(as_text=True), answer.headers.get("Location"))

    return browse


def over_asgi(app: Any, root_path: str = "") -> Browse:
    client = TestClient(app, base_url="http://host.test", root_path=root_path, follow_redirects=False)

    def browse(method: str, path: str, body: str = "", **headers: str) -> Answered:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = client.request(method, path, content=body, headers=told)
        return Answered(answer.status_code, answer.text, answer.headers.get("Location"))

    return browse


def nothing(_: Any, start: Any) -> list[bytes]:
    start("404 Not Found", [])
    return []


def a_flask_app() -> Browse:
    app = Flask("host")
    app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")
    app.add_url_rule("/", "page", lambda: app.jinja_env.from_string("{{ heedback_rating(out) }}").render(out=output()))
    return over_wsgi(DispatcherMiddleware(nothing, {"/outer": app}))


def a_fastapi_app(endpoint: str) -> FastAPI:
    app, rating = FastAPI(), heedback_widgets.fastapi.rating(endpoint)
    app.include_router(heedback_widgets.fastapi.router(), prefix="/heedback")
    app.add_api_route("/", lambda: HTMLResponse(rating(output())))
    return app


def a_mounted_fastapi_app() -> Browse:
    outer = FastAPI()
    outer.mount("/outer", a_fastapi_app("/outer/heedback"))
    return over_asgi(outer)


def a_fastapi_app_behind_a_proxy_that_cuts() -> Browse:
    """The proxy takes `/outer` off, and the server is told by `root_path`."""
    cut = over_asgi(a_fastapi_app("/outer/heedback/"), "/outer")

    def browse(method: str, path: str, body: str = "", **headers: str) -> Answered:
        assert path.startswith("/outer/")
        return cut(method, path.removeprefix("/outer"), body, **headers)

    return browse


def a_django_project() -> Browse:
    if not settings.configured:
        settings.configure(ALLOWED_HOSTS=["host.test"], ROOT_URLCONF=URLS, SECRET_KEY="for tests")
        django.setup()
    inside = path("inner/heedback/", include(heedback_widgets.django.urls))
    URLS.urlpatterns = [path("", page), inside]  # type: ignore[attr-defined]
    return over_wsgi(DispatcherMiddleware(nothing, {"/outer": get_wsgi_application()}))


def page(_: HttpRequest) -> HttpResponse:
    return HttpResponse(heedback_widgets.django.rating(output()))


def output() -> heedback.Output:
    return heedback.output("invoice-summary", user="alice")


APPS = {
    "flask": (a_flask_app, "/outer/heedback"),
    "fastapi, mounted": (a_mounted_fastapi_app, "/outer/heedback"),
    "fastapi, root_path": (a_fastapi_app_behind_a_proxy_that_cuts, "/outer/heedback"),
    "django": (a_django_project, "/outer/inner/heedback"),
}


@pytest.mark.parametrize("name", APPS)
def test_behind_a_prefix_everything_is_found(name: str, sent: Sent) -> None:
    make, endpoint = APPS[name]
    browse = make()
    html = browse("GET", "/outer/").text
    found = re.search(r' endpoint="([^"]+)" ticket="([^"]+)"', html)
    assert found
    assert found[1] == endpoint
    thumb, text = click(rating={"value": 1, "scale": "thumbs"}), {"Content_Type": "text/plain"}
    body = json.dumps({"ticket": found[2], "sent_at": moment(), "events": [thumb]})
    assert browse("POST", f"{endpoint}/events", body, **text).status == 202
    assert browse("POST", f"{endpoint}/state", json.dumps({"ticket": found[2]}), **text).status == 200
    for address in re.findall(r'(?:src|href)="([^"]+)"', html):
        assert browse("GET", address).status == 200, address
        version = address.split("/")[-2]
        old = browse("GET", address.replace(version, "latest"))
        assert (old.status, old.location) == (302, f"../{version}/{address.rsplit('/', 1)[1]}")
    form = read("http://host.test/outer/", 200, html).form(button=("flag", "on"))
    assert form.action == f"{endpoint}/form"
    back = browse(
        "POST", form.action, f"ticket={found[2]}&flag=on",
        Content_Type="application/x-www-form-urlencoded", Referer="http://host.test/outer/?a=b",
    )  # fmt: skip
    assert back.status == 303
    assert str(back.location).startswith("/outer/?a=b#heedback-saved-")
    assert [event.get("flag") for event in sent.feedback] == [None, True]


@pytest.mark.parametrize(
    ("given", "meant"), [("/h", "/h"), ("/h/", "/h"), ("/h//", "/h"), ("https://app.test/h/", "https://app.test/h")]
)
def test_a_slash_at_the_end_of_an_endpoint_is_no_matter(given: str, meant: str) -> None:
    out = output()
    html = markup.rating(out, given)
    assert f' endpoint="{meant}" ' in html
    assert f' action="{meant}/form"' in html
    assert f' src="{meant}/static/' in html


@pytest.mark.parametrize("given", ["", "/", "heedback", "//evil.example", "javascript:alert(1)"])
def test_an_endpoint_that_the_element_would_not_take_is_an_error(given: str) -> None:
    with pytest.raises(ValueError, match="endpoint"):
        markup.rating(output(), given)
