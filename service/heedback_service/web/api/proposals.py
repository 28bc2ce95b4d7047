"""/v1/items/NUMBER/proposals: what a language model proposed, and a member's word on it."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from flask import g
from flask.views import MethodView
from marshmallow import Schema, fields, validate

from heedback_service.core.proposals import KINDS
from heedback_service.flow import proposed
from heedback_service.web.api.events import EventsBlueprint
from heedback_service.web.api.items import REFUSED, ActSchema, DoneSchema, answered, authorise, member, outdated, sign
from heedback_service.web.api.problems import Refusal, refusing
from heedback_service.web.runtime import runtime

_NONE: Final = "There is no such item, or no such proposal about it."

blueprint = EventsBlueprint(
    "proposals", __name__, url_prefix="/v1", description="What a language model proposes, for people to decide."
)
blueprint.before_request(authorise)


class ProposalSchema(Schema):
    """What was proposed, by which model, and what a person decided."""

    id = fields.UUID(required=True)
    kind = fields.String(required=True, validate=validate.OneOf(KINDS))
    value = fields.String(
        required=True, allow_none=True, metadata={"description": "The title, or the category such as down:incorrect."}
    )
    item = fields.Integer(
        required=True, allow_none=True, metadata={"description": "Of a merge: the item that would take in all reports."}
    )
    model = fields.String(required=True)
    proposed_at = fields.AwareDateTime(required=True, format="iso")
    open = fields.Boolean(required=True, metadata={"description": "Whether it waits for a decision and makes sense."})
    decision = fields.String(required=True, allow_none=True, validate=validate.OneOf(["accepted", "refused"]))
    decided_by = fields.String(required=True, allow_none=True, metadata={"description": "The member's e-mail address."})
    decided_at = fields.AwareDateTime(required=True, allow_none=True, format="iso")


class ProposalsSchema(Schema):
    """The newest first."""

    proposals = fields.List(fields.Nested(ProposalSchema), required=True)


@blueprint.route("/items/<number:number>/proposals")
class Proposals(MethodView):
    @blueprint.doc(security=[{"key": []}])
    @blueprint.response(200, ProposalsSchema)
    @refusing(blueprint, {401: "No valid key", 403: "Not by this key", 404: "No such item", 503: "Try again later"})
    def get(self, number: int) -> dict[str, Any]:
        """All that a language model proposed about the item, decided or not."""
        with runtime().db.read() as session:
            record = proposed.record(session, g.access.project_id, number)
            waiting = {offer.id for offer in proposed.offers(session, g.access.project_id, number)}
        if record is None:
            raise Refusal(404, "There is no such item.")
        plain = ("id", "kind", "value", "model", "proposed_at", "decision", "decided_at")
        return {
            "proposals": [
                {name: getattr(each.proposal, name) for name in plain}
                | {"item": each.other, "open": each.proposal.id in waiting, "decided_by": each.decided_by}
                for each in record
            ]
        }


@blueprint.route("/items/<number:number>/proposals/<uuid:proposal>/acceptance")
class Acceptance(MethodView):
    @blueprint.doc(security=[{"key": []}])
    @blueprint.arguments(ActSchema)
    @blueprint.response(200, DoneSchema)
    @refusing(blueprint, REFUSED)
    def post(self, told: dict[str, Any], number: int, proposal: UUID) -> dict[str, Any]:
        """Do what is proposed, by the verb that there is for it."""
        return _decided(told, number, proposal, accept=True)


@blueprint.route("/items/<number:number>/proposals/<uuid:proposal>/refusal")
class RefusalOfProposal(MethodView):
    @blueprint.doc(security=[{"key": []}])
    @blueprint.arguments(ActSchema)
    @blueprint.response(200, DoneSchema)
    @refusing(blueprint, REFUSED)
    def post(self, told: dict[str, Any], number: int, proposal: UUID) -> dict[str, Any]:
        """Put the proposal away. It is on record as a step that undo takes back."""
        return _decided(told, number, proposal, accept=False)


def _decided(told: dict[str, Any], number: int, proposal: UUID, *, accept: bool) -> dict[str, Any]:
    here, project_id = runtime(), g.access.project_id
    with here.db.write() as session:
        by = member(session, project_id, told["by"])
        items = proposed.find_items(session, project_id, number, proposal)
        if items is None:
            raise Refusal(404, _NONE)
        who = (session, items[0], by.id, here.clock(), here.new_id)
        outcome = outdated(session, items, told) or (
            proposed.accept(*who, proposal=proposal, others=items[1:])
            if accept
            else proposed.refuse(*who, proposal=proposal)
        )
        sign(session, project_id, outcome)
    return answered(outcome, number)
