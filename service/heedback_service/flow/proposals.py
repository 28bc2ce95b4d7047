"""A language model is asked about the items at the top of the queue, and what it proposes is kept for people to decide.

A step asks about one item. The item is claimed by a row that says when it was asked about; the question is asked while
no transaction is open; and what comes back is written if the claim is still ours. Nothing here changes an item.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.core import proposals as asking
from heedback_service.core.proposals import Question, Told
from heedback_service.flow import reports, standing
from heedback_service.flow.kindred import HELD_APART, OTHER
from heedback_service.store.db import Database, insert_into
from heedback_service.store.joins import HELD, PLACED
from heedback_service.store.tables import (
    Candidate,
    Feedback,
    Item,
    ItemFeedback,
    Project,
    Proposal,
    ProposalRun,
)

TOP: Final = 50  # a page of the queue; of what is below, nobody is shown anything
FIRST: Final = timedelta(minutes=15)  # an item is so old at its first question: by then its candidates are known
REST: Final = timedelta(hours=1)  # between two questions about an item, and the time that a budget is for
_GROWN: Final = (3, 2)  # as many times the reports that it had at the last question

Ask = Callable[[Sequence[Mapping[str, str]]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Model:
    """Whom to ask: `name` stands beside what it proposes; `ask` gives None for no answer, whatever the reason."""

    name: str
    ask: Ask


@dataclass(frozen=True, slots=True)
class _Posed:
    """A question with what its answer is written to: the items that its candidates stand for, in their order."""

    question: Question
    others: tuple[UUID, ...]


def propose_step(db: Database, now: datetime, model: Model, *, budget: int, new_id: Callable[[], UUID]) -> bool:
    """Ask about one item; False if there is none to ask about, or the model does not answer.

    Args:
        budget: questions in an hour, in each project.
    """
    with db.read() as session:
        due = _due(session, now, budget)
    if due is None:
        return False
    project_id, item_id = due
    token = new_id()
    with db.write() as session:
        if not _claim(session, project_id, item_id, now, budget, token):
            return True  # somebody else has it; there may be another
    with db.read() as session:
        posed = _pose(session, project_id, item_id)
    said = model.ask(asking.messages(posed.question))
    if said is None:
        return False  # who does not answer now is not asked about the next item at once
    with db.write() as session:
        _keep(session, project_id, item_id, token, _rows(posed, said, model.name, now), new_id)
    return True


def _due(session: Session, now: datetime, budget: int) -> tuple[int, UUID] | None:
    """The item that matters most, in the first project that has one and may ask."""
    for project_id in session.scalars(select(Project.id).order_by(Project.id)):
        if _spent(session, project_id, now) < budget and (item_id := _first(session, project_id, now)):
            return project_id, item_id
    return None


def _spent(session: Session, project_id: int, now: datetime) -> int:
    """Questions in the last hour. An item rests as long, so that its row has not been written over."""
    asked = (ProposalRun.project_id == project_id, ProposalRun.asked_at > now - REST)
    return session.scalar(select(func.count()).select_from(ProposalRun).where(*asked)) or 0


def _first(session: Session, project_id: int, now: datetime) -> UUID | None:
    awake = or_(Item.snoozed_until.is_(None), Item.snoozed_until <= now)
    new = (Item.project_id == project_id, Item.state == "new", Item.feedback_count > 0, awake)
    top = select(Item.id).where(*new, Item.created_at <= now - FIRST).order_by(*standing.ORDER).limit(TOP)
    run = and_(ProposalRun.project_id == Item.project_id, ProposalRun.item_id == Item.id)
    spoken = exists().where(HELD, PLACED, Feedback.counts, Feedback.comment.is_not(None))
    near = exists().where(Candidate.project_id == Item.project_id, Candidate.item_id == Item.id)
    query = (
        select(Item.id)
        .outerjoin(ProposalRun, run)
        .where(Item.project_id == project_id, Item.id.in_(top), _to_ask(now), spoken)
        .where(or_(Item.title_by == "rule", standing.UNFILED, near))
        .order_by(*standing.ORDER)
        .limit(1)
    )
    return session.scalar(query)


def _to_ask(now: datetime) -> ColumnElement[bool]:
    """The item was never asked about, or not answered for, or has grown, and it has rested."""
    times, per = _GROWN
    grown = Item.feedback_count * per >= ProposalRun.reports * times
    rested = and_(ProposalRun.asked_at <= now - REST, or_(~ProposalRun.answered, grown))
    return or_(ProposalRun.item_id.is_(None), rested)


def _claim(session: Session, project_id: int, item_id: UUID, now: datetime, budget: int, token: UUID) -> bool:
    """Whether the question is ours to ask. Of several processes one at a time counts what was asked in the project."""
    session.get_one(Project, project_id, with_for_update={"key_share": True})
    if _spent(session, project_id, now) >= budget:
        return False
    reports = session.scalars(
        select(Item.feedback_count).where(Item.project_id == project_id, Item.id == item_id)
    ).one()
    new = insert_into(session, ProposalRun)
    row = {"project_id": project_id, "item_id": item_id, "asked_at": now, "reports": reports, "answered": False}
    claiming = new.on_conflict_do_update(
        index_elements=["project_id", "item_id"],
        set_={name: new.excluded[name] for name in ("asked_at", "reports", "answered", "token")},
        where=ProposalRun.asked_at <= now - REST,
    ).returning(ProposalRun.token)
    return bool(session.scalar(claiming.values(row | {"token": token})) == token)


def _pose(session: Session, project_id: int, item_id: UUID) -> _Posed:
    item = session.get_one(Item, (project_id, item_id))
    near = (
        select(OTHER.id, OTHER.title)
        .join(Candidate, and_(Candidate.project_id == OTHER.project_id, Candidate.other_id == OTHER.id))
        .join(Item, and_(Item.project_id == Candidate.project_id, Item.id == Candidate.item_id))
        .where(Item.project_id == project_id, Item.id == item_id, OTHER.feedback_count > 0, ~HELD_APART)
        .order_by(Candidate.score.desc(), OTHER.number)
    )
    others = session.execute(near).all()
    told = (ItemFeedback.item_id.in_([item_id, *(row.id for row in others)]), Feedback.counts)
    said = reports.newest_comments(session, project_id, *told, most=2 * asking.QUOTES)
    wanted = {"title": item.title_by == "rule", "category": standing.is_unfiled(item), "merge": bool(others)}
    question = Question(
        item=Told(item.title, said[item_id]),
        category=item.category,
        candidates=[Told(row.title, said[row.id]) for row in others],
        wanted=frozenset(kind for kind, does in wanted.items() if does),
    )
    return _Posed(question, tuple(row.id for row in others))


def _rows(posed: _Posed, said: Mapping[str, Any], model: str, now: datetime) -> list[dict[str, Any]]:
    """What may be proposed of what the model said."""
    answer = asking.read(said, posed.question)
    into = None if answer.candidate is None else posed.others[answer.candidate]
    found = {"title": (answer.title, None), "category": (answer.category, None), "merge": (None, into)}
    return [
        {"kind": kind, "value": value, "other_id": other, "model": model, "proposed_at": now}
        for kind, (value, other) in found.items()
        if value is not None or other is not None
    ]


def _keep(
    session: Session,
    project_id: int,
    item_id: UUID,
    token: UUID,
    rows: Collection[dict[str, Any]],
    new_id: Callable[[], UUID],
) -> None:
    """Put these in the place of what nobody has decided about. What was refused before is not proposed again."""
    # Both items first, in the order in which others lock them: what is proposed refers to them.
    named = {item_id, *(row["other_id"] for row in rows if row["other_id"])}
    items = select(Item.id).where(Item.project_id == project_id, Item.id.in_(named)).order_by(Item.id)
    session.execute(items.with_for_update(read=True, key_share=True))
    ours = (ProposalRun.project_id == project_id, ProposalRun.item_id == item_id, ProposalRun.token == token)
    if session.scalar(update(ProposalRun).where(*ours).values(answered=True).returning(ProposalRun.item_id)) is None:
        return
    its = (Proposal.project_id == project_id, Proposal.item_id == item_id)
    session.execute(delete(Proposal).where(*its, Proposal.decision.is_(None)))
    refused = select(Proposal.kind, Proposal.value, Proposal.other_id).where(*its, Proposal.decision == "refused")
    known = {tuple(row) for row in session.execute(refused)}
    for row in rows:
        if (row["kind"], row["value"], row["other_id"]) not in known:
            session.add(Proposal(project_id=project_id, id=new_id(), item_id=item_id, **row))
