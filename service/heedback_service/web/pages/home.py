"""The start page: straight to the queue of the only project, or a list to choose from."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from heedback_service.flow import accounts
from heedback_service.web.pages.access import account
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime


@pages.get("/")
def home() -> ResponseReturnValue:
    with runtime().db.read() as session:
        projects = accounts.projects_of(session, account().id)
    if len(projects) == 1:
        return redirect(url_for("pages.queue", slug=projects[0].slug), 303)
    return render_template("home.html", projects=projects)
