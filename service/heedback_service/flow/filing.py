"""Filing: what a board found is written, items with their numbers, places, people, keys and events."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, bindparam, func, literal_column, select, update

from heedback_service.core.grouping import GROUPING_VERSION
from heedback_service.flow import finding, placement
from heedback_service.flow.joining import Board, Scope
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, among
from heedback_service.store.tables import Item, ItemEvent, ItemKey, Project

_COUNT: Final = Direct(
    lambda _: (
        update(Project)
        .where(Project.id == bindparam("its_id"))
        .values(last_item_number=Project.last_item_number + bindparam("more"))
    )
)
_LAST: Final = Direct(lambda _: select(Project.last_item_number).where(Project.id == bindparam("project")))
_NEW_ITEMS: Final = Direct(lambda dialect: insert_for(dialect, Item))
_NEW_KEYS: Final = Direct(lambda dialect: insert_for(dialect, ItemKey))
_NEW_EVENTS: Final = Direct(lambda dialect: insert_for(dialect, ItemEvent))


def _last_of(dialect: str) -> Select[Any]:
    newest_first = func.row_number().over(partition_by=ItemEvent.item_id, order_by=ItemEvent.id.desc())
    ranked = (
        select(ItemEvent.item_id, ItemEvent.verb, newest_first.label("place"))
        .where(ItemEvent.project_id == bindparam("project"), among(dialect, ItemEvent.item_id, "items"))
        .subquery()
    )
    return select(ranked.c.item_id, ranked.c.verb).where(ranked.c.place == literal_column("1"))


_ITEMS: Final = Direct(
    lambda dialect: select(Item.id, Item.number, Item.state).where(
        Item.project_id == bindparam("project"), among(dialect, Item.id, "ids")
    )
)
_LAST_VERBS: Final = Direct(_last_of)


def file(scope: Scope, board: Board) -> set[UUID]:
    """Write what was found; returns the items that changed."""
    make_items(scope, board.made)
    for item_id, into in board.merged.items():
        placement.merge(scope.session, scope.project_id, item_id, into)
    homes = {each.report.told.id: board.home(each.item_id) for each in board.placed}
    rows = [
        {
            "project_id": scope.project_id,
            "feedback_id": each.report.told.id,
            "item_id": homes[each.report.told.id],
            "placed_by": "rule",
            "why": each.why,
            "grouping_version": GROUPING_VERSION,
        }
        for each in board.placed
    ]
    people = {each.report.told.id: each.report.told.person for each in board.placed}
    placement.put(scope.session, scope.project_id, rows, people)
    _keep_keys(scope, board)
    touched = set(homes.values())
    _log(scope, board, touched)
    return touched | set(board.merged) | set(board.merged.values())


def make_items(scope: Scope, made: Sequence[UUID]) -> None:
    """Insert new items, with the project's next numbers. What they are about is read off their reports later."""
    if not made:
        return
    _COUNT.many(scope.line, [{"its_id": scope.project_id, "more": len(made)}])  # others wait from now on
    ((last,),) = _LAST.rows(scope.line, project=scope.project_id)
    blank = _blank(scope)
    numbered = enumerate(made, start=last - len(made) + 1)
    _NEW_ITEMS.many(scope.line, [blank | {"id": item_id, "number": number} for number, item_id in numbered])


def _blank(scope: Scope) -> dict[str, Any]:
    nothing_yet = {"title": "", "category": "unknown", "category_why": "", "severity": 0, "severity_why": ""}
    counts = {"priority": 0, "factors": {}, "people": 0, "feedback_count": 0}
    times = ("prioritised_at", "first_at", "last_at", "created_at", "changed_at")
    by_people = ("theme_id", "verdict", "cause", "assignee", "due_on", "resolved_in", "snoozed_until")
    return {
        "project_id": scope.project_id,
        "feature_id": scope.feature_id,
        "title_by": "rule",
        "category_by": "rule",
        "state": "new",
        "version": 1,
        **nothing_yet,
        **counts,
        **dict.fromkeys(times, scope.now),
        **dict.fromkeys(by_people),
    }


def _keep_keys(scope: Scope, board: Board) -> None:
    rows = [
        row
        for each in board.placed
        if each.bands is not None
        for row in finding.key_rows(scope.project_id, each.report, each.bands)
    ]
    _NEW_KEYS.many(scope.line, sorted(rows, key=itemgetter("key")))  # SQLite finds their places one beside the other


def _log(scope: Scope, board: Board, touched: set[UUID]) -> None:
    ids = list(touched | set(board.merged.values()))
    items = _ITEMS.rows(scope.line, project=scope.project_id, ids=ids) if ids else []
    numbers = {item_id: number for item_id, number, _ in items}
    resolved = [item_id for item_id, _, state in items if state == "resolved" and item_id in touched]
    events: list[tuple[UUID, str, dict[str, Any]]] = [(item_id, "created", {}) for item_id in board.made]
    events += [(item_id, "merged", {"into": numbers[into]}) for item_id, into in board.merged.items()]
    events += [(item_id, "reported_again", {}) for item_id in _newly_back(scope, resolved)]
    rows = [
        {
            "project_id": scope.project_id,
            "id": scope.new_id(),
            "item_id": item_id,
            "actor": None,
            "verb": verb,
            "before": {},
            "after": after,
            "undoes": None,
            "at": scope.now,
        }
        for item_id, verb, after in events
    ]
    _NEW_EVENTS.many(scope.line, rows)


def _newly_back(scope: Scope, resolved: list[UUID]) -> list[UUID]:
    """Those whose last event is not that they were reported again: once a resolution is enough."""
    if not resolved:
        return []
    last = _LAST_VERBS.rows(scope.line, project=scope.project_id, items=resolved)
    return sorted(item_id for item_id, verb in last if verb != "reported_again")
