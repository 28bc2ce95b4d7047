"""Who may see what: nothing without a sign-in, and a project's pages for its members alone."""

from __future__ import annotations

from typing import Any, Final

from flask import Flask, abort, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from heedback_service.flow import accounts
from heedback_service.store.tables import Account, Project
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime

PUBLIC: Final = frozenset(
    {"pages.static", "pages.api_docs", "pages.sign_in", "pages.sign_in_by_password", "pages.link", "pages.use_link"}
)

_SENTENCES: Final = {
    400: "That could not be read.",
    403: "That is not allowed.",
    404: "There is no such page, or it is not yours to see.",
    405: "That page does not take this.",
    413: "That is too much at once.",
    500: "Something went wrong here. It is in the log.",
    503: "The service is busy. Try again in a few seconds.",
}


def account() -> Account:
    """Who is signed in. Only on pages that are not `PUBLIC`."""
    found: Account = g.account
    return found


def project() -> Project:
    """The project of this page, of which `account()` is a member. Only under `/p/<slug>/`."""
    found: Project = g.project
    return found


def remember(signed_in: accounts.SignedIn) -> None:
    """Start afresh with this sign-in: nothing that was in the cookie before survives it."""
    session.clear()
    session["sid"] = signed_in.secret
    session.permanent = True


def local_path(given: str | None) -> str:
    """`given` if it leads to a page of ours, else the start page: no link may send a person elsewhere after sign-in."""
    target = given or ""
    one_slash = target.startswith("/") and not target.startswith("//")
    strange = "\\" in target or any(ord(c) < 33 or 127 <= ord(c) < 160 for c in target)
    return target if one_slash and not strange else url_for("pages.home")


@pages.before_request
def _admit() -> ResponseReturnValue | None:
    # No name or text of ours holds a NUL, and PostgreSQL would not even look for one.
    if "\0" in request.path:
        abort(404)
    if any("\0" in value for _, value in request.values.items(multi=True)):
        abort(400)
    if request.endpoint in PUBLIC:
        return None
    secret = session.get("sid")
    found = accounts.signed_in(runtime().db, secret, runtime().clock()) if secret else None
    if found is None:
        back = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("pages.sign_in", next=back), 303)
    g.account = found
    slug = (request.view_args or {}).get("slug")
    if slug is not None:
        with runtime().db.read() as reading:
            g.project = accounts.project_of(reading, found.id, slug) or abort(404)
    return None


def error_page(error: HTTPException) -> ResponseReturnValue:
    """The page for an HTTP error, with the headers that belong to it."""
    response = error.get_response()
    if response.status_code < 400:
        return error
    sentence = _SENTENCES.get(response.status_code, f"{error.name}.")
    headers = {name: value for name, value in response.headers if name in ("Retry-After", "Allow")}
    return render_template("error.html", sentence=sentence), response.status_code, headers


def add_to(app: Flask) -> None:
    app.context_processor(_names)
    app.register_error_handler(CSRFError, _forged)


def _names() -> dict[str, Any]:
    return {"account": g.get("account"), "project": g.get("project")}


def _forged(_: CSRFError) -> ResponseReturnValue:
    sentence = "This form is too old or came from elsewhere. Go back, load the page again and repeat it."
    return render_template("error.html", sentence=sentence), 400
