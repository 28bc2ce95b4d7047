"""What is flagged, what is open, and which item comes first: the same in the queue and in the digest."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_, literal_column

from heedback_service.core import classify
from heedback_service.store.tables import Item

OPEN_STATES: Final = ("new", "accepted")
# Spelled out, as nothing may be bound by itself in the statements that triage has compiled.
FLAGGED: Final = Item.category.like(literal_column(f"'{classify.HARM}%'"))
# What it is about was read off the reports by rules: no person said so, and nobody flags harm.
UNFILED: Final = and_(Item.category_by == "rule", ~FLAGGED)
OPEN: Final = Item.state.in_(OPEN_STATES)
# What weighs most; then what was said last. The number decides between equals.
ORDER: Final = (Item.priority.desc(), Item.last_at.desc(), Item.number.desc())


def is_flagged(item: Item) -> bool:
    return classify.is_harm(item.category)


def is_unfiled(item: Item) -> bool:
    """`UNFILED`, of an item at hand."""
    return item.category_by == "rule" and not is_flagged(item)


def is_open(item: Item) -> bool:
    return item.state in OPEN_STATES
