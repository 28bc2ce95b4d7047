"""What the pages read from a request: the person behind the cookie, and the fields of the forms."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import Any, Final

from flask import Flask, Response, abort, g, request

COOKIE: Final = "person"
YEAR_S: Final = 365 * 24 * 3600
TEXT_CHARS: Final = {"question": 500, "page": 100, "comment": 4096, "correction": 32768}
LOCALES: Final = ("en", "de", "nb", "fr")
_OURS: Final = "script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'"
_NOBODY: Final = "base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'"
CSP: Final = f"default-src 'none'; {_OURS}; {_NOBODY}"


def visitors(app: Flask) -> None:
    """Know people by a random cookie, and let no page run a script that is not ours, or be framed."""

    @app.before_request
    def recognise() -> None:
        g.person = request.cookies.get(COOKIE, "")[:64] or secrets.token_urlsafe(16)

    @app.after_request
    def remember(response: Response) -> Response:
        if COOKIE not in request.cookies and request.endpoint != "static":
            response.set_cookie(COOKIE, g.person, max_age=YEAR_S, httponly=True, samesite="Lax")
        response.headers["Content-Security-Policy"] = CSP
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Referrer-Policy"] = "same-origin"
        return response


def person() -> str:
    return str(g.person)


def locale() -> str | None:
    return request.accept_languages.best_match(LOCALES)


def text(name: str) -> str:
    """A field without surrounding space, cut to its limit; browsers send CR LF, which nobody typed."""
    return request.form.get(name, "").replace("\r\n", "\n").strip()[: TEXT_CHARS[name]]


def one_of(name: str, allowed: tuple[str, ...]) -> Any:
    value = request.form.get(name)
    return value if value in allowed else abort(400)


def chosen(allowed: Iterable[str]) -> list[str]:
    """The ticked reasons, in the order in which they are shown."""
    ticked = set(request.form.getlist("reasons"))
    return [key for key in allowed if key in ticked]


def emptied(fields: dict[str, Any]) -> dict[str, Any]:
    """Empty fields as None: feedback is a patch, in which None clears and absence keeps."""
    return {name: value or None for name, value in fields.items()}
