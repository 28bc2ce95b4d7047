"""What every page tells the browser: no foreign or inline code, no framing, no keeping of private pages."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, request, url_for

# htmx puts fetched pages in through a Trusted Types policy of our own (`queue.js`), which makes no scripts.
POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types default",
    )
)
_STATIC: Final = Path(__file__).parent / "static"
_FOREVER: Final = "public, max-age=31536000, immutable"


def add_to(app: Flask) -> None:
    app.after_request(_protect)
    app.add_template_global(asset)


def asset(name: str) -> str:
    """The URL of a static file. It changes with the content, so that browsers can keep the file for good."""
    return url_for("pages.static", filename=name, v=_fingerprint(name))


@cache
def _fingerprint(name: str) -> str:
    return hashlib.sha256((_STATIC / name).read_bytes()).hexdigest()[:16]


def _protect(response: Response) -> Response:
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    if response.mimetype == "text/html":
        response.headers.setdefault("Content-Security-Policy", POLICY)
        response.headers["Cache-Control"] = "no-store"
    if request.endpoint == "pages.static":
        _let_keep(response, request.view_args or {})
    return response


def _let_keep(response: Response, view_args: dict[str, Any]) -> None:
    if response.status_code not in (200, 206, 304):
        return
    current = request.args.get("v") == _fingerprint(view_args["filename"])
    response.headers["Cache-Control"] = _FOREVER if current else "no-cache"
