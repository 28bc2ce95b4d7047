"""Signing in and out."""

from __future__ import annotations

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from heedback_service.flow import accounts
from heedback_service.flow.refusal import Refused
from heedback_service.web.pages.access import local_path, remember
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime


@pages.get("/signin")
def sign_in() -> ResponseReturnValue:
    return render_template("signin.html", next=local_path(request.args.get("next")), email="", refused=None)


@pages.post("/signin")
def sign_in_by_password() -> ResponseReturnValue:
    onwards, email = local_path(request.form.get("next")), request.form.get("email", "")
    outcome = accounts.sign_in_password(runtime().db, email, request.form.get("password", ""), runtime().clock())
    if isinstance(outcome, Refused):
        return render_template("signin.html", next=onwards, email=email, refused=outcome.why), 403
    remember(outcome)
    return redirect(onwards, 303)


@pages.get("/signin/link/<token>")
def link(token: str) -> ResponseReturnValue:
    """Only a button: programs that look at links before people do must not use this one up."""
    return render_template("signin_link.html", token=token, refused=None)


@pages.post("/signin/link/<token>")
def use_link(token: str) -> ResponseReturnValue:
    with runtime().db.write() as writing:
        outcome = accounts.sign_in_link(writing, token, runtime().clock())
    if isinstance(outcome, Refused):
        return render_template("signin_link.html", token=token, refused=outcome.why), 403
    remember(outcome)
    return redirect(url_for("pages.home"), 303)


@pages.post("/signout")
def sign_out() -> ResponseReturnValue:
    with runtime().db.write() as writing:
        accounts.sign_out(writing, session["sid"])
    session.clear()
    return redirect(url_for("pages.sign_in"), 303)
