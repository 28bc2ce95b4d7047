"""/v1/items: people correct triage through the API, each with a verb of `flow.corrections`. Also what it has learnt.

A key that may do so speaks for a member of its project, who is named; what is done is on record as theirs, with the
key's id.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flask import g, request
from flask.views import MethodView
from marshmallow import Schema, fields, validate
from sqlalchemy.orm import Session

from heedback_service.flow import accounts, backlog, corrections, undoing
from heedback_service.flow.backlog import Outcome
from heedback_service.flow.corrections import Split
from heedback_service.flow.learning import learnt
from heedback_service.flow.refusal import Refused
from heedback_service.store.tables import Account, Item, ItemEvent
from heedback_service.web.api.events import EventsBlueprint, authorised
from heedback_service.web.api.fields import Id, Name, Whole
from heedback_service.web.api.problems import Refusal, refusing
from heedback_service.web.runtime import runtime

_MOST: Final = 999_999_999  # an item's number, as in the addresses of pages
_AT_ONCE: Final = 1000  # pieces of feedback in a request

blueprint = EventsBlueprint("items", __name__, url_prefix="/v1", description="What triage made of it, and corrections.")


@blueprint.before_request
def authorise() -> None:
    g.access = authorised(runtime(), request.headers.get("Authorization", ""))
    if not g.access.corrects:
        raise Refusal(403, "This key may only send. Make one that may do more: heedback key create PROJECT --corrects")


def _number(**more: Any) -> Whole:
    return Whole(least=1, most=_MOST, allow_none=False, **more)


class ActSchema(Schema):
    """Who does it, and what they had seen."""

    by = Name(required=True, allow_none=False, metadata={"description": "The e-mail address of a member."})
    seen = Id(
        metadata={
            "description": "The newest event that the member saw of these items: refused if people did something since."
        }
    )


class MergeSchema(ActSchema):
    """The item that takes in all reports."""

    into = _number(required=True)


class _SomeSchema(ActSchema):
    feedback = fields.List(
        Id(),
        required=True,
        validate=validate.Length(1, _AT_ONCE),
        metadata={"description": "Ids of feedback in this item."},
    )


class SplitSchema(_SomeSchema):
    """The reports that become an item of their own."""


class MoveSchema(_SomeSchema):
    """The reports, and the item they belong to."""

    to = _number(required=True)


class NotSameSchema(ActSchema):
    """The other item; with `feedback`, only these reports of this one are meant."""

    item = _number(required=True)
    feedback = fields.List(Id(), validate=validate.Length(1, _AT_ONCE))


class UndoSchema(ActSchema):
    """With `event`, only if that is the last thing done."""

    event = Id()


class DoneSchema(Schema):
    """What was done."""

    event = fields.UUID(required=True, metadata={"description": "The id of the event, which undo may name."})
    verb = fields.String(required=True)
    item = fields.Integer(required=True, metadata={"description": "The item; after a split, the new one."})


class TriageSchema(Schema):
    """At what nearness reports join, and how far that can be trusted."""

    join_at = fields.Float(required=True, metadata={"description": "0 to 1; see docs/triage.md."})
    precision = fields.Float(required=True, metadata={"description": "The estimated share of joins that are right."})
    precision_low = fields.Float(required=True, metadata={"description": "The lower end of its 95 % interval."})
    precision_high = fields.Float(required=True)
    answers = fields.Integer(required=True, metadata={"description": "All answers about pairs, however near."})


REFUSED: Final = {
    401: "No valid key",
    403: "Not by this key, or not by a member",
    404: "No such item",
    409: "It makes no sense, or no longer",
    413: "Too large",
    415: "Not JSON, not gzip",
    503: "Try again later",
}


@blueprint.route("/triage")
class Triage(MethodView):
    @blueprint.doc(security=[{"key": []}])
    @blueprint.response(200, TriageSchema)
    @refusing(blueprint, {401: "No valid key", 403: "Not by this key", 503: "Try again later"})
    def get(self) -> dict[str, Any]:
        """What the project has learnt from its people's corrections."""
        with runtime().db.read() as session:
            known = learnt(session, g.access.project_id)
        interval = known.precision.interval
        bounds = {"precision_low": interval.low, "precision_high": interval.high}
        return {"join_at": known.join_at, "precision": known.precision.share, "answers": known.answers, **bounds}


def _verb(path: str, schema: type[Schema], words: str) -> Callable[[Callable[..., Outcome]], None]:
    """Make the route of a verb: `POST /v1/items/NUMBER/PATH`."""

    def add(act: Callable[..., Outcome]) -> None:
        def post(self: MethodView, told: dict[str, Any], number: int) -> dict[str, Any]:
            return _done(act, told, number)

        post.__doc__ = words
        view = refusing(blueprint, REFUSED)(blueprint.response(200, DoneSchema)(blueprint.arguments(schema)(post)))
        name = act.__name__.strip("_").title().replace("_", "")
        made = type(name, (MethodView,), {"post": blueprint.doc(security=[{"key": []}])(view)})
        blueprint.route(f"/items/<number:number>/{path}")(made)

    return add


@_verb("merge", MergeSchema, "All its reports become part of another item.")
def _merge(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return corrections.merge(session, item, *who, into=others[0])


@_verb("merge/removal", ActSchema, "Take back that it was merged.")
def _unmerge(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return undoing.unmerge(session, item, *who)


@_verb("split", SplitSchema, "Some of its reports become an item of their own.")
def _split(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return corrections.split_off(session, item, *who, feedback=told["feedback"])


@_verb("move", MoveSchema, "Some of its reports belong to another item.")
def _move(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return corrections.move(session, item, *who, feedback=told["feedback"], to=others[0])


@_verb("not-same", NotSameSchema, "It is not about the same problem as another item. Moves nothing.")
def _not_same(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return corrections.not_same(session, item, *who, other=others[0], feedback=told.get("feedback"))


@_verb("undo", UndoSchema, "Take back the last thing that people did to it.")
def _undo(item: Item, others: list[Item], told: dict[str, Any], *who: Any, session: Session) -> Outcome:
    return undoing.undo(session, item, *who, event_id=told.get("event"))


def _done(act: Callable[..., Outcome], told: dict[str, Any], number: int) -> dict[str, Any]:
    here, project_id = runtime(), g.access.project_id
    named = [told[name] for name in ("into", "to", "item") if name in told]
    with here.db.write() as session:
        by = member(session, project_id, told["by"])
        items = corrections.find_items(session, project_id, number, *named)
        if items is None:
            raise Refusal(404, "There is no such item.")
        outcome = outdated(session, items, told) or act(
            items[0], items[1:], told, by.id, here.clock(), here.new_id, session=session
        )
        sign(session, project_id, outcome)
    return answered(outcome, number)


def outdated(session: Session, items: list[Item], told: dict[str, Any]) -> Refused | None:
    """Refused if people did something to one of the items after what the member saw."""
    if "seen" not in told:
        return None
    changes = (backlog.changed_since(session, each, told["seen"]) for each in items if each.feedback_count)
    return next(filter(None, changes), None)


def sign(session: Session, project_id: int, outcome: Outcome) -> None:
    """Put the key's id on the event of what was done."""
    if not isinstance(outcome, Refused):
        event = session.get_one(ItemEvent, (project_id, outcome.event_id))
        event.after = event.after | {"key": g.access.kid}


def answered(outcome: Outcome, number: int) -> dict[str, Any]:
    """The answer, as `DoneSchema` describes it.

    Raises:
        Refusal: 409, nothing was done.
    """
    if isinstance(outcome, Refused):
        raise Refusal(409, outcome.why, see=outcome.see)
    return {
        "event": outcome.event_id,
        "verb": outcome.verb,
        "item": outcome.number if isinstance(outcome, Split) else number,
    }


def member(session: Session, project_id: int, email: str) -> Account:
    """The member with this address.

    Raises:
        Refusal: 403, there is none.
    """
    account = accounts.find_account(session, email)
    if account is None or account.id not in {each.id for each in accounts.members_of(session, project_id)}:
        raise Refusal(403, "Name a member of the project, by their e-mail address.")
    return account
