"""The desk: a view's list on one side, an item with its evidence on the other. Shared by all that show it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from flask import abort, render_template, request
from flask.typing import ResponseReturnValue

from heedback_service.flow import accounts, proposed
from heedback_service.flow.backlog import CAUSES, VERDICTS
from heedback_service.flow.dossier import EVIDENCE_PAGE, Deed, dossier
from heedback_service.flow.kindred import kindred
from heedback_service.flow.learning import learnt
from heedback_service.flow.queue import VIEWS, Viewer, home_view, listing, progress
from heedback_service.flow.refusal import Refused
from heedback_service.web.pages.access import account, project
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.runtime import runtime

# The first is chosen unless a person chooses another: one key is a whole decision.
ACCEPTING: Final = ("confirmed", "needs_info")
DECLINING: Final = tuple(verdict for verdict in VERDICTS if verdict != "confirmed")


@pages.get("/p/<slug>/queue")
def queue(slug: str) -> ResponseReturnValue:
    """A view of the queue, with its first item."""
    return show_desk(None)


@pages.get("/p/<slug>/items/<number:number>")
def item(slug: str, number: int) -> ResponseReturnValue:
    """One item, beside the view it was opened from."""
    return show_desk(number)


def show_desk(number: int | None, refused: Refused | None = None) -> ResponseReturnValue:
    """The page of item `number`, or of the first one in the view; with a refusal it says why, as 409."""
    now, viewer = runtime().clock(), viewer_now()
    with runtime().db.read() as session:
        view = viewed() or ("new" if number is None else home_view(session, viewer, number))
        listed = listing(session, viewer, view, page_number("page"))
        first = listed.rows[0].item.number if listed.rows else None
        shown = first if number is None else number
        case = dossier(session, project(), shown, now, page_number("said")) if shown is not None else None
        if number is not None and case is None:
            abort(404)
        values = {
            "view": view,
            "listed": listed,
            "case": case,
            "kin": kindred(session, project().id, shown) if shown is not None else None,
            "offers": proposed.offers(session, project().id, shown) if shown is not None else (),
            "progress": progress(session, viewer, project()),
            "joins": learnt(session, project().id).precision,
            "members": accounts.members_of(session, project().id),
        }
    words = {"views": VIEWS, "accepting": ACCEPTING, "declining": DECLINING, "causes": CAUSES}
    at = {"at": "queue" if number is None else "item", "now": now, "refused": refused, "said_page": page_number("said")}
    more = {"seen": last_seen(case.history) if case else None, "said_pages": _pages(case.reports if case else 0)}
    page = render_template("queue.html", **values, **words, **at, **more)
    # The address of a refused form is no page to come back to.
    return (page, 409, {"HX-Push-Url": "false"}) if refused else page


def viewer_now() -> Viewer:
    return Viewer(project().id, account().id, runtime().clock())


def viewed() -> str | None:
    """The view that the page or form was opened from."""
    view = request.values.get("view")
    return view if view in VIEWS else None


def page_number(name: str) -> int:
    return max(1, min(request.values.get(name, 1, type=int), 10_000))


def last_seen(history: Sequence[Deed]) -> UUID | None:
    """What a form sends back, so that a decision on an outdated page is noticed."""
    return history[0].event.id if history else None


def _pages(reports: int) -> int:
    return max(1, -(-reports // EVIDENCE_PAGE))
