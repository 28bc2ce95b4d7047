"""A person at the pages: forms filled in with the page's own token, and a clock that goes on when told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from support import NOW

PASSWORD = "correct horse battery"
TOKEN = re.compile(r'(?<=name="csrf_token" value=")[^"]+')


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Browser:
    """One person's browser, with its cookies."""

    client: FlaskClient

    def get(self, path: str) -> TestResponse:
        return self.client.get(path, buffered=True)

    def post(self, path: str, *, page: str, **form: Any) -> TestResponse:
        """Fill in a form on `page`: its token, and `form`."""
        token = TOKEN.search(self.get(page).text)
        assert token, f"{page} has no form"
        return self.client.post(path, data={"csrf_token": token[0], **form})

    def move(self, number: int, name: str, **form: Any) -> TestResponse:
        """Press a button of an item's page as it is now; `form` may say what was seen before."""
        page = f"/p/acme/items/{number}"
        seen = re.search(r'name="seen" value="([^"]*)"', self.get(page).text)
        known = {"seen": seen[1]} if seen else {}
        return self.post(f"{page}/{name}", page=page, **known | form)


def without_tokens(page: str) -> str:
    """What two pages are compared by: a form's token is another one in the next second."""
    return TOKEN.sub("", page)
