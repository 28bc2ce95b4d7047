"""The HTML pages: Jinja templates that work without script, one view module a page.

A new page is a module here with views on `blueprint.pages` and a template that extends `layout.html`; import it below.
Behind a sign-in unless its endpoint is named in `access.PUBLIC`; under `/p/<slug>/` for members of the project only.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask
from flask_wtf import CSRFProtect

from heedback_service.flow.accounts import SESSION_LIVES
from heedback_service.settings import Settings
from heedback_service.web.pages import (
    access,
    api_docs,
    desk,
    digests,
    feedback,
    headers,
    home,
    moves,
    proposals,
    signing,
    words,
)
from heedback_service.web.pages.access import error_page
from heedback_service.web.pages.blueprint import pages

__all__ = [
    "api_docs",
    "cookie",
    "desk",
    "digests",
    "error_page",
    "feedback",
    "home",
    "init_pages",
    "moves",
    "proposals",
    "signing",
]


def init_pages(app: Flask) -> CSRFProtect:
    """Register the pages, their headers and the protection of their forms.

    Returns the protection, so that the JSON API can be exempted from it.
    """
    protection = CSRFProtect(app)
    words.add_to(app)
    headers.add_to(app)
    access.add_to(app)
    app.register_blueprint(pages)
    return protection


def cookie(settings: Settings) -> dict[str, Any]:
    """Flask's settings for the cookie of who is signed in."""
    secure = (settings.public_url or "").startswith("https://")
    return {
        # The prefix makes browsers refuse the cookie unless it is Secure and for this host alone.
        "SESSION_COOKIE_NAME": "__Host-heedback" if secure else "heedback",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": secure,
        "PERMANENT_SESSION_LIFETIME": SESSION_LIVES + timedelta(hours=1),
        "WTF_CSRF_TIME_LIMIT": None,  # a form may stay open as long as its session lives
    }
