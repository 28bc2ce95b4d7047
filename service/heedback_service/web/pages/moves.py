"""What is done to an item. A change is a resource: `POST …/acceptance` makes it, `POST …/acceptance/removal` takes it
away, because forms know no DELETE. Owner and title have no removal, they are set anew; a merge and a difference, which
are about two items, have undo: `POST …/undo` takes back the last step of any kind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from flask import abort, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from heedback_service.core.periods import local_day
from heedback_service.flow import backlog, corrections, undoing
from heedback_service.flow.backlog import Outcome
from heedback_service.flow.queue import following
from heedback_service.flow.refusal import Refused
from heedback_service.store.tables import Item
from heedback_service.web.pages.access import account, project
from heedback_service.web.pages.blueprint import ItemNumber, pages
from heedback_service.web.pages.desk import show_desk, viewed, viewer_now
from heedback_service.web.runtime import runtime


@dataclass(frozen=True, slots=True)
class Move:
    """A verb, what it takes from the form, what is said afterwards, and whether the next item follows.

    `other` is what the verb calls a second item, whose number is in the form.
    """

    verb: Callable[..., Outcome]
    said: str
    form: Callable[[], dict[str, Any]] = dict
    goes_on: bool = False
    other: str | None = None


@pages.post("/p/<slug>/items/<number:number>/<name>")
def move(slug: str, number: int, name: str) -> ResponseReturnValue:
    return _make(number, MOVES.get(name) or abort(404))


@pages.post("/p/<slug>/items/<number:number>/<name>/removal")
def removal(slug: str, number: int, name: str) -> ResponseReturnValue:
    return _make(number, REMOVALS.get(name) or abort(404))


def _make(number: int, move: Move) -> ResponseReturnValue:
    with runtime().db.write() as session:
        item, *others = _found(session, number, move) or abort(404)
        after = following(session, viewer_now(), viewed() or "new", number) if move.goes_on else number
        outcome = _outdated(session, item, move) or _do(session, item, others, move)
    return told(item, outcome, move.said, on_to=after)


def told(item: Item, outcome: Outcome, said: str, *, on_to: int | None) -> ResponseReturnValue:
    """Say what was done to the item, with a button to undo it, on the page of item `on_to`; or why nothing was."""
    if isinstance(outcome, Refused):
        return show_desk(item.number, outcome)
    undoable = None if outcome.verb == "undo" else outcome.event_id.hex
    flash({"said": said, "title": item.title, "number": item.number, "event": undoable})  # type: ignore[arg-type]
    return redirect(_on_to(on_to), 303)


def _do(session: Session, item: Item, others: list[Item], move: Move) -> Outcome:
    named = {move.other: others[0]} if move.other else {}
    return move.verb(session, item, account().id, runtime().clock(), runtime().new_id, **named, **move.form())


def _found(session: Session, number: int, move: Move) -> list[Item] | None:
    """The item, locked, and the other one that the verb is about; where reports may move, the feature as well."""
    if move.other is None and move.verb is not undoing.undo:
        found = backlog.find_item(session, project().id, number)
        return [found] if found else None
    return corrections.find_items(session, project().id, number, *([_other()] if move.other else []))


def _outdated(session: Session, item: Item, move: Move) -> Refused | None:
    """Undo names the event it takes back and needs no other check."""
    return None if move.verb is undoing.undo else backlog.changed_since(session, item, form_id("seen"))


def _on_to(number: int | None) -> str:
    slug, view = project().slug, viewed()
    if number is None:
        return url_for("pages.queue", slug=slug, view=view)
    return url_for("pages.item", slug=slug, number=number, view=view)


def _acceptance() -> dict[str, Any]:
    return {"owner": form_id("owner"), "due_on": _date("due_on"), **_judgement()}


def _judgement() -> dict[str, Any]:
    return {"verdict": request.form.get("verdict") or None, "cause": request.form.get("cause") or None}


def _until() -> dict[str, Any]:
    """Until the morning of a day: so many days from today, or the date beside the button."""
    choice = request.form.get("until", "7")
    today = local_day(runtime().clock(), project().timezone)
    if choice == "date":
        day = _date("date") or today
    else:
        day = today + timedelta(days=int(choice) if choice.isdecimal() and len(choice) < 5 else 0)
    return {"until": datetime.combine(day, time(), ZoneInfo(project().timezone))}


def _date(name: str) -> date | None:
    given = request.form.get(name)
    try:
        return date.fromisoformat(given) if given else None
    except ValueError:
        abort(400)


def _other() -> int:
    given = request.form.get("other", "")
    return int(given) if re.fullmatch(ItemNumber.regex, given, re.ASCII) else abort(400)


def form_id(name: str) -> UUID | None:
    given = request.form.get(name)
    try:
        return UUID(given) if given else None
    except ValueError:
        abort(400)


MOVES: Final = {
    "acceptance": Move(backlog.accept, "Accepted", _acceptance, goes_on=True),
    "declination": Move(backlog.decline, "Declined", _judgement, goes_on=True),
    "resolution": Move(
        backlog.resolve, "Resolved", lambda: {"resolved_in": request.form.get("resolved_in")}, goes_on=True
    ),
    "snooze": Move(backlog.snooze, "Snoozed", _until, goes_on=True),
    "assignment": Move(backlog.assign, "Owner changed", lambda: {"owner": form_id("owner")}),
    "title": Move(backlog.rename, "Renamed", lambda: {"title": request.form.get("title", "")}),
    "merge": Move(corrections.merge, "Merged", goes_on=True, other="into"),
    "difference": Move(corrections.not_same, "Kept apart", other="other"),
    "undo": Move(undoing.undo, "Taken back", lambda: {"event_id": form_id("event")}),
}
REMOVALS: Final = {
    "acceptance": Move(backlog.unaccept, "Put back among the new"),
    "declination": Move(backlog.reopen, "Reopened"),
    "resolution": Move(backlog.reopen, "Reopened"),
    "snooze": Move(backlog.wake, "Woken"),
}
