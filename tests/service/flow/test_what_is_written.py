"""docs/performance.md says what one event writes: it is counted here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select

from heedback_service.store.db import Database
from heedback_service.store.tables import Base
from support import a_signal, an_output, make_id, some_feedback

PAGE = Path(__file__).parents[3] / "docs" / "performance.md"
_NOT_YET = {"ref IS NOT NULL", "triaged_at IS NOT NULL OR version > 1"}
EVENTS: dict[str, Any] = {
    "feedback": some_feedback(2, output_id=make_id(1), user="u-1", up=True, comment="Good"),
    "output": an_output(3, user="u-1", input="?", output="!"),
    "signal": a_signal(4, "shown", 1, user="u-1"),
}


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_writes_what_the_page_says(db: Database, feed: Any, kind: str) -> None:
    feed(an_output(1, minutes=2 * 24 * 60))  # another day: its roll-ups are other rows
    feed(a_signal(9, "copied", 1))
    before = rows(db)
    feed(EVENTS[kind])
    written = {name: n - before[name] for name, n in rows(db).items() if n > before[name]}
    told, entries = page()[kind]
    # Where an event changes a row that another has made, the page counts it and the database has no more rows.
    assert {name: written.get(name, 1) for name in told} == told
    assert written.keys() <= told.keys()
    assert sum(n * indexes(db, name) for name, n in told.items()) == entries


def page() -> dict[str, tuple[dict[str, int], int]]:
    lines = re.findall(r"^\| `(\w+)`[^|]*\|([^|]*)\| (\d+) \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return {
        kind: ({name: int(n) for name, n in re.findall(r"`(\w+)` (\d+)", rows)}, int(entries))
        for kind, rows, entries in lines
    }


def rows(db: Database) -> dict[str, int]:
    with db.read() as session:
        tables = Base.metadata.sorted_tables
        return {each.name: session.scalar(select(func.count()).select_from(each)) or 0 for each in tables}


def indexes(db: Database, table: str) -> int:
    """The primary key, unique constraints and indexes, without those of what an event with an id is not yet."""
    found = inspect(db.engine)
    others = [each for each in found.get_indexes(table) if not each.get("duplicates_constraint")]
    taken = [each for each in others if not conditions(each) & _NOT_YET]
    return 1 + len(found.get_unique_constraints(table)) + len(taken)


def conditions(index: Any) -> set[str]:
    options = index.get("dialect_options", {})
    return {re.sub("[()]", "", str(where)) for name, where in options.items() if name.endswith("_where")}
