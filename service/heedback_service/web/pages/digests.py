"""The weekly digests: the list of them, one of them, and whether they come by mail."""

from __future__ import annotations

from flask import abort, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from heedback_service.flow import subscriptions
from heedback_service.flow.digest_list import issues, mail_status, written_run
from heedback_service.flow.digest_view import view
from heedback_service.web.pages.access import account, project
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime


@pages.get("/p/<slug>/digests")
def digests(slug: str) -> ResponseReturnValue:
    with runtime().db.read() as session:
        written = issues(session, project())
        by_mail = subscriptions.subscribed(session, project().id, account().id)
    return render_template("digests.html", issues=written, by_mail=by_mail)


@pages.get("/p/<slug>/digests/<period>")
def digest(slug: str, period: str) -> ResponseReturnValue:
    with runtime().db.read() as session:
        run = written_run(session, project(), period) or abort(404)
        shown, mailed = view(session, project(), run, ""), mail_status(session, run)
    return render_template("digest.html", digest=shown, mailed=mailed, written_at=run.written_at, now=runtime().clock())


@pages.post("/p/<slug>/digests/mail")
def subscribe(slug: str) -> ResponseReturnValue:
    with runtime().db.write() as session:
        subscriptions.subscribe(session, project().id, account().id)
    return redirect(url_for("pages.digests", slug=slug), 303)


@pages.post("/p/<slug>/digests/mail/removal")
def unsubscribe(slug: str) -> ResponseReturnValue:
    with runtime().db.write() as session:
        subscriptions.unsubscribe(session, project().id, account().id)
    return redirect(url_for("pages.digests", slug=slug), 303)
