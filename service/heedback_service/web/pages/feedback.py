"""All feedback, and one piece of it with everything that belongs to it."""

from __future__ import annotations

from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from heedback_service.flow.feedback_list import KINDS, Cursor, feature_names, feedback_list, one_feedback
from heedback_service.web.pages.access import project
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime


@pages.get("/p/<slug>/feedback")
def feedback(slug: str) -> ResponseReturnValue:
    kind, feature = request.args.get("kind") or None, request.args.get("feature") or None
    after = _cursor()
    if kind is not None and kind not in KINDS:
        abort(404)
    with runtime().db.read() as session:
        slip = feedback_list(session, project().id, feature=feature, kind=kind, after=after)
        features = feature_names(session, project().id)
    chosen = {"kind": kind, "feature": feature, "after": after}
    return render_template(
        "feedback.html", slip=slip, features=features, kinds=KINDS, chosen=chosen, now=runtime().clock()
    )


@pages.get("/p/<slug>/feedback/<uuid:feedback_id>")
def one(slug: str, feedback_id: UUID) -> ResponseReturnValue:
    with runtime().db.read() as session:
        said = one_feedback(session, project().id, feedback_id) or abort(404)
    return render_template("one_feedback.html", said=said, now=runtime().clock())


def _cursor() -> Cursor | None:
    written = request.args.get("after")
    return None if written is None else Cursor.read(written) or abort(404)
