"""What a language model proposed about an item, and a person's word on it: accept, which does it by the verb that there
is for it, or refuse, which only says so. Undo takes either back, and the proposal stands open again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session, aliased

from heedback_service.core.proposals import KINDS
from heedback_service.flow import backlog, corrections, standing
from heedback_service.flow.backlog import Done, NewId, Outcome
from heedback_service.flow.kindred import HELD_APART, OTHER
from heedback_service.flow.refusal import Refused
from heedback_service.store.tables import Account, Item, ItemEvent, Proposal

_GONE: Final = Refused("This proposal was decided, or another one took its place. Look again.")
_UNDOING: Final = aliased(ItemEvent)


@dataclass(frozen=True, slots=True)
class Offer:
    """A proposal that is open: of a title or a category its `value`, of a merge the other item's number and title."""

    id: UUID
    kind: str
    value: str | None
    other: int | None
    other_title: str | None
    model: str
    at: datetime


def offers(session: Session, project_id: int, number: int) -> tuple[Offer, ...]:
    """What is open about the item and still makes sense, the newest of each kind, in their order."""
    query = (
        select(*(Proposal.id, Proposal.kind, Proposal.value, OTHER.number, OTHER.title))
        .add_columns(Proposal.model, Proposal.proposed_at)
        .join(Item, and_(Item.project_id == Proposal.project_id, Item.id == Proposal.item_id))
        .outerjoin(OTHER, and_(OTHER.project_id == Proposal.project_id, OTHER.id == Proposal.other_id))
        .where(Item.project_id == project_id, Item.number == number, Item.feedback_count > 0)
        .where(or_(Proposal.decision.is_(None), _taken_back()), _makes_sense())
        .order_by(Proposal.proposed_at.desc(), Proposal.id.desc())
    )
    newest: dict[str, Offer] = {}
    for row in session.execute(query):
        newest.setdefault(row.kind, Offer(*row))
    return tuple(newest[kind] for kind in KINDS if kind in newest)


@dataclass(frozen=True, slots=True)
class Entry:
    """A proposal, the number of the item to merge into, and the e-mail address of who decided."""

    proposal: Proposal
    other: int | None
    decided_by: str | None


def record(session: Session, project_id: int, number: int) -> list[Entry] | None:
    """All that was proposed about the item, the newest first; None if there is no such item."""
    item_id = session.scalar(select(Item.id).where(Item.project_id == project_id, Item.number == number))
    if item_id is None:
        return None
    query = (
        select(Proposal, OTHER.number, Account.email)
        .outerjoin(OTHER, and_(OTHER.project_id == Proposal.project_id, OTHER.id == Proposal.other_id))
        .outerjoin(Account, Account.id == Proposal.decided_by)
        .where(Proposal.project_id == project_id, Proposal.item_id == item_id)
        .order_by(Proposal.proposed_at.desc(), Proposal.id.desc())
    )
    return [Entry(*row) for row in session.execute(query)]


def find_items(session: Session, project_id: int, number: int, proposal_id: UUID) -> list[Item] | None:
    """The item, and the one that the proposal would merge it into, locked as `corrections.find_items` does, at once:
    one after the other, somebody could hold them the other way round. None if there is no such item or proposal."""
    its = (Proposal.project_id == project_id, Proposal.id == proposal_id, Item.number == number)
    known = (
        select(OTHER.number)
        .select_from(Proposal)
        .join(Item, and_(Item.project_id == Proposal.project_id, Item.id == Proposal.item_id))
        .outerjoin(OTHER, and_(OTHER.project_id == Proposal.project_id, OTHER.id == Proposal.other_id))
    )
    row = session.execute(known.where(*its)).one_or_none()
    if row is None:
        return None
    return corrections.find_items(session, project_id, number, *([] if row.number is None else [row.number]))


def accept(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, proposal: UUID, others: list[Item]
) -> Outcome:
    """Do what is proposed. `item` and `others` are from `find_items`."""
    offer = _offer(session, item, proposal)
    if offer is None:
        return _GONE
    who = (session, item, actor, now, new_id)
    match offer.kind:
        case "title":
            outcome = backlog.rename(*who, title=offer.value or "")
        case "category":
            outcome = backlog.file_under(*who, category=offer.value or "")
        case _:
            outcome = corrections.merge(*who, into=others[0])
    return _decided(session, item, offer, "accepted", actor, now, outcome)


def refuse(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, proposal: UUID) -> Outcome:
    """Say no. It is not proposed again."""
    offer = _offer(session, item, proposal)
    if offer is None:
        return _GONE
    outcome = backlog.turn_down(session, item, actor, now, new_id)
    return _decided(session, item, offer, "refused", actor, now, outcome)


def _offer(session: Session, item: Item, proposal: UUID) -> Offer | None:
    return next((each for each in offers(session, item.project_id, item.number) if each.id == proposal), None)


def _decided(
    session: Session, item: Item, offer: Offer, decision: str, actor: UUID, now: datetime, outcome: Outcome
) -> Outcome:
    """Write down who decided, and on the event whose proposal it was. The proposed words stay out of the event, which
    outlives them."""
    if isinstance(outcome, Done):
        event = session.get_one(ItemEvent, (item.project_id, outcome.event_id))
        event.after = event.after | {"proposed": offer.kind, "model": offer.model}
        proposal = session.get_one(Proposal, (item.project_id, offer.id))
        proposal.decision, proposal.decided_by, proposal.decided_at = decision, actor, now
        proposal.event_id = outcome.event_id
    return outcome


def _taken_back() -> ColumnElement[bool]:
    its = (_UNDOING.project_id == Proposal.project_id, _UNDOING.item_id == Proposal.item_id)
    return exists().where(*its, _UNDOING.undoes == Proposal.event_id)


def _makes_sense() -> ColumnElement[bool]:
    """A person has not said better meanwhile, and it would change something."""
    return or_(
        and_(Proposal.kind == "title", Item.title_by == "rule", Item.title != Proposal.value),
        and_(Proposal.kind == "category", standing.UNFILED, Item.category != Proposal.value),
        and_(Proposal.kind == "merge", OTHER.feedback_count > 0, ~HELD_APART),
    )
