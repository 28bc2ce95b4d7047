"""The verbs of the backlog, each with its inverse: accept / unaccept, decline / reopen, resolve / reopen,
snooze / wake, assign, rename and file_under (their own inverses), and undo, which takes back the last of them.

    new ──accept──▶ accepted ──resolve──▶ resolved        snoozed_until stands beside the state:
     └──────decline──────┴──▶ declined                    a snoozed item is out of sight until then

A verb changes the item and writes its event in the caller's transaction, or returns `Refused` and changes nothing.
Accept, decline, resolve and their inverses end a snooze.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, aliased
from sqlalchemy.orm.exc import StaleDataError

from heedback_service.core import classify
from heedback_service.flow.refusal import Refused
from heedback_service.flow.standing import is_flagged
from heedback_service.store.tables import Account, Item, ItemEvent, Member

VERDICTS: Final = ("confirmed", "not_a_problem", "by_design", "duplicate", "needs_info")
CAUSES: Final = ("prompt", "retrieval", "model", "tool", "data", "ui", "policy", "unknown")
TITLE_CHARS: Final = 200
RESOLVED_IN_CHARS: Final = 200
FILED_BY_PERSON: Final = "a person filed it so"
SNOOZE_AT_MOST: Final = timedelta(days=366)

# What was done, as a sentence goes on after the name of who did it. In place of ANOTHER a page may name the item.
ANOTHER: Final = "another one"
VERBS: Final = {
    "accept": "accepted it",
    "unaccept": "took the acceptance back",
    "decline": "declined it",
    "resolve": "resolved it",
    "reopen": "reopened it",
    "snooze": "snoozed it",
    "wake": "woke it",
    "assign": "changed the owner",
    "rename": "renamed it",
    "file_under": "filed it under another reason",
    "turn_down": "refused a proposal",
    "merge": f"merged it into {ANOTHER}",
    "take_in": f"merged {ANOTHER} into it",
    "split_off": f"split reports off into {ANOTHER}",
    "split_from": f"made it of reports split off {ANOTHER}",
    "move_out": f"moved reports to {ANOTHER}",
    "move_in": f"moved reports into it from {ANOTHER}",
    "not_same": f"said that {ANOTHER} is not the same",
    "undo": "took a step back",
}

_ENTERED_BY: Final = {"accepted": "accept", "resolved": "resolve", "declined": "decline"}
# Where an inverse leads when that event is not on record.
_BEFORE: Final = {"accepted": "new", "resolved": "accepted", "declined": "new"}
_UNDOING: Final = aliased(ItemEvent)  # made once, as making one takes longer than the query
_READERS: Final[dict[str, Callable[[str], Any]]] = {
    "assignee": UUID,
    "due_on": date.fromisoformat,
    "snoozed_until": datetime.fromisoformat,
}


@dataclass(frozen=True, slots=True)
class Done:
    """The item changed; `event_id` is what `undo` takes back."""

    event_id: UUID
    verb: str


Outcome = Done | Refused
NewId = Callable[[], UUID]


def find_item(session: Session, project_id: int, number: int) -> Item | None:
    """The item, locked until the transaction ends, so that two decisions about it come one after the other."""
    query = select(Item).where(Item.project_id == project_id, Item.number == number)
    return session.scalar(query.with_for_update())


def changed_since(session: Session, item: Item, seen: UUID | None) -> Refused | None:
    """Refused if the item is empty by now, or a person did something to it after event `seen` (None: none yet).

    `seen` is the last event on the page. Only what people did counts: a decision still stands when reports join.
    """
    if not item.feedback_count:
        return emptied(session, item)
    last = session.execute(
        select(ItemEvent.id, ItemEvent.verb, Account.name)
        .join(Account, Account.id == ItemEvent.actor)
        .where(ItemEvent.project_id == item.project_id, ItemEvent.item_id == item.id)
        .order_by(ItemEvent.id.desc())
        .limit(1)
    ).one_or_none()
    if last is None or (seen is not None and last.id <= seen):
        return None
    did = VERBS.get(last.verb, "changed it")
    return Refused(f"Somebody changed it: {last.name} {did}. Look again before you decide.")


def emptied(session: Session, item: Item) -> Refused:
    """The refusal of any verb on an item without reports; it tells where they are."""
    into = _home(session, item)
    if into is None:
        return Refused("No report is in it any more, so there is nothing to decide.")
    return Refused(f"Its reports moved to #{into}, so decide there.", see=into)


def _home(session: Session, item: Item) -> int | None:
    """The number of the item that holds by now what this one held; None if its reports are not in another one."""
    passed: set[int] = set()
    at: Item | None = item
    while at is not None and at.number not in passed:
        if at.feedback_count and passed:
            return at.number
        passed.add(at.number)
        undone = select(ItemEvent.undoes).where(
            ItemEvent.project_id == at.project_id, ItemEvent.item_id == at.id, ItemEvent.undoes.is_not(None)
        )
        merged = select(ItemEvent.after).where(
            ItemEvent.project_id == at.project_id,
            ItemEvent.item_id == at.id,
            ItemEvent.verb.in_(("merged", "merge")),
            ItemEvent.id.not_in(undone),
        )
        after = session.scalar(merged.order_by(ItemEvent.id.desc()).limit(1))
        chosen = select(Item).where(Item.project_id == at.project_id, Item.number == (after or {}).get("into"))
        at = session.scalar(chosen)
    return None


def accept(
    session: Session,
    item: Item,
    actor: UUID,
    now: datetime,
    new_id: NewId,
    *,
    owner: UUID | None = None,
    due_on: date | None = None,
    verdict: str | None = None,
    cause: str | None = None,
) -> Outcome:
    """Take it on. It has an owner from now on: the actor, unless another member is named."""
    owner = owner or actor
    refused = (
        _unless(item, "new", to="accepted") or _unless_member(session, item, owner) or _unless_known(verdict, cause)
    )
    after = {"state": "accepted", "assignee": owner, "due_on": due_on, "verdict": verdict, "cause": cause}
    return refused or _change(session, item, actor, now, new_id, "accept", after | {"snoozed_until": None})


def unaccept(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    """Put it back where it was before it was accepted."""
    refused = _unless(item, "accepted", to="put back among the new ones")
    return refused or _go_back(session, item, actor, now, new_id, "unaccept")


def decline(
    session: Session,
    item: Item,
    actor: UUID,
    now: datetime,
    new_id: NewId,
    *,
    verdict: str | None = None,
    cause: str | None = None,
) -> Outcome:
    """Nothing will be done about it, for the reason in `verdict`."""
    refused = _unless(item, "new", "accepted", to="declined") or _unless_known(verdict, cause)
    after = {"state": "declined", "verdict": verdict, "cause": cause, "snoozed_until": None}
    return refused or _change(session, item, actor, now, new_id, "decline", after)


def resolve(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, resolved_in: str | None = None
) -> Outcome:
    """It is fixed, by what `resolved_in` says ("prompt v14")."""
    text = (resolved_in or "").strip() or None
    too_long = text is not None and len(text) > RESOLVED_IN_CHARS
    refused = _unless(item, "accepted", to="resolved") or (
        Refused(f"Say what fixed it in at most {RESOLVED_IN_CHARS} characters.") if too_long else None
    )
    after = {"state": "resolved", "resolved_in": text, "snoozed_until": None}
    return refused or _change(session, item, actor, now, new_id, "resolve", after)


def reopen(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    """Put a declined or resolved item back where it was before."""
    refused = _unless(item, "declined", "resolved", to="reopened")
    return refused or _go_back(session, item, actor, now, new_id, "reopen")


def snooze(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, until: datetime) -> Outcome:
    """Out of sight until then; it comes back by itself."""
    refused = _unless(item, "new", "accepted", to="snoozed")
    if not now < until <= now + SNOOZE_AT_MOST:
        refused = refused or Refused("Snooze it until some day after today, within a year.")
    return refused or _change(session, item, actor, now, new_id, "snooze", {"snoozed_until": until})


def wake(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    """Bring a snoozed item back before its time."""
    if item.snoozed_until is None:
        return Refused("It is not snoozed.")
    return _change(session, item, actor, now, new_id, "wake", {"snoozed_until": None})


def assign(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, owner: UUID | None) -> Outcome:
    """Name its owner, or nobody while it is new."""
    refused = _unless(item, "new", "accepted", to="assigned")
    if owner is None and item.state == "accepted":
        refused = Refused("An accepted item has an owner: name another one, or take the acceptance back.")
    if owner is not None:
        refused = refused or _unless_member(session, item, owner)
    if owner == item.assignee:
        refused = refused or Refused("That is its owner already.")
    return refused or _change(session, item, actor, now, new_id, "assign", {"assignee": owner})


def rename(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, title: str) -> Outcome:
    """Say in your own words what the problem is; triage leaves such a title alone."""
    words = " ".join(title.split())
    if not 1 <= len(words) <= TITLE_CHARS:
        return Refused(f"A title has 1 to {TITLE_CHARS} characters.")
    if words == item.title:
        return Refused("That is its title already.")
    return _change(session, item, actor, now, new_id, "rename", {"title": words, "title_by": "person"})


def file_under(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, category: str) -> Outcome:
    """Say what people complain about, such as `down:style`; triage leaves it alone until people flag harm."""
    if category not in classify.NAMES:
        return Refused(f"A reason is one of {', '.join(classify.NAMES)}.")
    if is_flagged(item) and item.category_by == "rule" and not classify.is_harm(category):
        return Refused("People flagged it, and that stands. Decline it if nothing is to be done.")
    if category == item.category:
        return Refused("It is filed under that already.")
    after = {"category": category, "category_by": "person", "category_why": FILED_BY_PERSON}
    return _change(session, item, actor, now, new_id, "file_under", after)


def turn_down(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId) -> Outcome:
    """Refuse what was proposed about it: that is on record, and changes nothing."""
    return _change(session, item, actor, now, new_id, "turn_down", {})


def undo(
    session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, *, event_id: UUID | None = None
) -> Outcome:
    """Take back the last thing done to the item that still stands; with `event_id`, only if that is the last one."""
    last = to_undo(session, item, event_id)
    if isinstance(last, Refused):
        return last
    return _change(session, item, actor, now, new_id, "undo", _decoded(last.before), undoes=last.id)


def to_undo(session: Session, item: Item, event_id: UUID | None) -> ItemEvent | Refused:
    """The event that `undo` takes back."""
    last = next(iter(standing(session, item)), None)
    if last is None:
        return Refused("Nothing was done to it that could be taken back.")
    if event_id is not None and last.id != event_id:
        return Refused("Something newer was done to it, or this was taken back already. Look again.")
    return last


def _go_back(session: Session, item: Item, actor: UUID, now: datetime, new_id: NewId, verb: str) -> Outcome:
    """Restore what the verb changed that brought the item into its state."""
    entering = _ENTERED_BY[item.state]
    event = next((event for event in standing(session, item) if event.verb == entering), None)
    before = _decoded(event.before) if event else {"state": _BEFORE[item.state]}
    return _change(session, item, actor, now, new_id, verb, before | {"snoozed_until": None})


def standing(session: Session, item: Item) -> list[ItemEvent]:
    """What people did to the item and nobody took back, newest first."""
    taken_back = select(_UNDOING.undoes).where(
        _UNDOING.project_id == item.project_id, _UNDOING.item_id == item.id, _UNDOING.undoes.is_not(None)
    )
    query = select(ItemEvent).where(
        ItemEvent.project_id == item.project_id,
        ItemEvent.item_id == item.id,
        ItemEvent.actor.is_not(None),
        ItemEvent.undoes.is_(None),
        ItemEvent.id.not_in(taken_back),
    )
    return list(session.scalars(query.order_by(ItemEvent.id.desc())))


def _change(
    session: Session,
    item: Item,
    actor: UUID,
    now: datetime,
    new_id: NewId,
    verb: str,
    after: dict[str, Any],
    undoes: UUID | None = None,
) -> Outcome:
    before = {field: getattr(item, field) for field in after}
    event = ItemEvent(
        project_id=item.project_id,
        id=new_id(),
        item_id=item.id,
        actor=actor,
        verb=verb,
        before=_encoded(before),
        after=_encoded(after),
        undoes=undoes,
        at=now,
    )
    try:
        with session.begin_nested():
            for field, value in after.items():
                setattr(item, field, value)
            item.changed_at = now
            session.add(event)
    except StaleDataError:  # the caller did not lock the item, and somebody was faster
        return Refused("Somebody changed it at the same moment. Look again before you decide.")
    return Done(event.id, verb)


def _unless(item: Item, *states: str, to: str) -> Refused | None:
    if item.state in states:
        return None
    return Refused(f"It is {item.state}; only what is {' or '.join(states)} can be {to}.")


def _unless_member(session: Session, item: Item, owner: UUID) -> Refused | None:
    member = session.get(Member, (item.project_id, owner))
    return None if member else Refused("The owner of an item is a member of its project.")


def _unless_known(verdict: str | None, cause: str | None) -> Refused | None:
    if verdict is not None and verdict not in VERDICTS:
        return Refused(f"A verdict is one of {', '.join(VERDICTS)}.")
    if cause is not None and cause not in CAUSES:
        return Refused(f"A cause is one of {', '.join(CAUSES)}.")
    return None


def _encoded(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in fields.items()}


def _plain(value: Any) -> Any:
    match value:
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case _:
            return value


def _decoded(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _READERS[name](value) if value is not None and name in _READERS else value
        for name, value in fields.items()
    }
