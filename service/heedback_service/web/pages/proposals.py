"""A person's word on what a language model proposed: `POST …/proposals/ID/acceptance`, or `…/refusal`. Undo takes back
either."""

from __future__ import annotations

from uuid import UUID

from flask import abort
from flask.typing import ResponseReturnValue

from heedback_service.flow import backlog, proposed
from heedback_service.flow.queue import following
from heedback_service.web.pages.access import account, project
from heedback_service.web.pages.blueprint import pages
from heedback_service.web.pages.desk import viewed, viewer_now
from heedback_service.web.pages.moves import form_id, told
from heedback_service.web.runtime import runtime


@pages.post("/p/<slug>/items/<number:number>/proposals/<uuid:proposal>/acceptance")
def accept_proposal(slug: str, number: int, proposal: UUID) -> ResponseReturnValue:
    """Do what is proposed; after a merge the next item follows."""
    with runtime().db.write() as session:
        item, *others = proposed.find_items(session, project().id, number, proposal) or abort(404)
        after = following(session, viewer_now(), viewed() or "new", number)
        who = (session, item, account().id, runtime().clock(), runtime().new_id)
        outcome = backlog.changed_since(session, item, form_id("seen")) or proposed.accept(
            *who, proposal=proposal, others=others
        )
    merged = isinstance(outcome, backlog.Done) and outcome.verb == "merge"
    return told(item, outcome, "Proposal accepted", on_to=after if merged else number)


@pages.post("/p/<slug>/items/<number:number>/proposals/<uuid:proposal>/refusal")
def refuse_proposal(slug: str, number: int, proposal: UUID) -> ResponseReturnValue:
    with runtime().db.write() as session:
        item, *_ = proposed.find_items(session, project().id, number, proposal) or abort(404)
        who = (session, item, account().id, runtime().clock(), runtime().new_id)
        outcome = backlog.changed_since(session, item, form_id("seen")) or proposed.refuse(*who, proposal=proposal)
    return told(item, outcome, "Proposal refused", on_to=number)
