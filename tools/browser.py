"""A browser without scripts: follows redirects, fills in forms, keeps cookies. Enough to do what a person does."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from typing import Final
from urllib.parse import urlencode, urljoin

TIMEOUT_S: Final = 30.0


@dataclass(slots=True)
class Form:
    """A form as it stands on the page: where it goes, what it holds, and the buttons that have a name."""

    action: str
    method: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Page:
    """What was answered, with the parts that a person could act on."""

    url: str
    status: int
    text: str
    words: str
    forms: tuple[Form, ...]
    next: str | None  # where the page's link to the following one leads
    data: dict[str, list[str]]

    def form(self, *, field: str | None = None, button: tuple[str, str] | None = None) -> Form:
        """The first form that has the named field or the (name, value) button.

        Raises:
            LookupError: there is none; the page is named.
        """
        for form in self.forms:
            if field in form.fields or button in form.buttons:
                return form
        raise LookupError(f"{self.url} (status {self.status}) has no form with {field or button}")


class Browser:
    """One person's browser."""

    def __init__(self) -> None:
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # everything we visit is on this machine
            urllib.request.HTTPCookieProcessor(CookieJar()),
        )

    def get(self, url: str) -> Page:
        """The page at `url`, after redirects, whatever its status."""
        return self._open(urllib.request.Request(url))

    def submit(self, page: Page, form: Form, **filled: str) -> Page:
        """Sends `form` of `page` with its own fields and `filled`, and returns where that leads."""
        body = urlencode({**form.fields, **filled})
        target = urljoin(page.url, form.action)
        if form.method == "get":
            return self.get(f"{target}?{body}")
        headers = {"Origin": "/".join(page.url.split("/")[:3]), "Referer": page.url}
        return self._open(urllib.request.Request(target, body.encode(), headers))

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            answer = self._opener.open(request, timeout=TIMEOUT_S)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return read(answer.geturl(), answer.status, answer.read().decode("utf-8", "replace"))


def read(url: str, status: int, html: str) -> Page:
    """The page that `html` describes."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    words = " ".join(" ".join(reader.words).split())
    following = urljoin(url, reader.next) if reader.next is not None else None
    return Page(url, status, html, words, tuple(reader.forms), following, reader.data)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.words: list[str] = []
        self.data: dict[str, list[str]] = {}
        self.next: str | None = None
        self._form: Form | None = None
        self._area: str | None = None

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        for name, value in told.items():
            if name.startswith("data-"):
                self.data.setdefault(name, []).append(value)
        if tag == "a" and told.get("rel") == "next":
            self.next = told["href"]
        elif tag == "form":
            self._form = Form(told.get("action", ""), told.get("method", "get").lower())
            self.forms.append(self._form)
        elif self._form and told.get("name"):
            self._control(self._form, tag, told)

    def _control(self, form: Form, tag: str, told: dict[str, str]) -> None:
        name, kind = told["name"], told.get("type", "")
        if tag == "button" or kind == "submit":
            form.buttons.append((name, told.get("value", "")))
        elif tag == "textarea":
            self._area = name
            form.fields[name] = ""
        elif tag == "input" and (kind not in ("checkbox", "radio") or "checked" in told):
            form.fields[name] = told.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "textarea":
            self._area = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self._area and self._form:
            self._form.fields[self._area] += data
