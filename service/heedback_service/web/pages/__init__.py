"""The HTML pages: Jinja templates that work without script, one view module a page.

A new page is a module here with views on `blueprint.pages` and a template that extends `layout.html`; import it below.
Behind a sign-in unless its endpoint is named in `access.PUBLIC`; under `/p/<slug>/` for members of the project only.
"""

from __future__ import annotations

from datetime import timedelta

from flask import Flask
from flask_wtf import CSRFProtect

from heedback_service.flow.accounts import SESSION_LIVES
from heedback_service.web.pages import access, api_docs, desk, digests, feedback, headers, home, moves, signing, words
from heedback_service.web.pages.access import error_page
from heedback_service.web.pages.blueprint import ItemNumber, pages
from heedback_service.web.runtime import runtime

__all__ = ["api_docs", "desk", "digests", "error_page", "feedback", "home", "init_pages", "moves", "signing"]


def init_pages(app: Flask) -> CSRFProtect:
    """Register the pages, their cookie, their headers and the protection of their forms.

    The runtime must be attached already. Returns the protection, so that the JSON API can be exempted from it.
    """
    with app.app_context():
        _set_cookie(app)
    protection = CSRFProtect(app)
    words.add_to(app)
    headers.add_to(app)
    access.add_to(app)
    app.url_map.converters["number"] = ItemNumber
    app.register_blueprint(pages)
    return protection


def _set_cookie(app: Flask) -> None:
    settings = runtime().settings
    secure = (settings.public_url or "").startswith("https://")
    app.config.update(
        # The prefix makes browsers refuse the cookie unless it is Secure and for this host alone.
        SESSION_COOKIE_NAME="__Host-heedback" if secure else "heedback",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=secure,
        PERMANENT_SESSION_LIFETIME=SESSION_LIVES + timedelta(hours=1),
        WTF_CSRF_TIME_LIMIT=None,  # a form may stay open as long as its session lives
    )
