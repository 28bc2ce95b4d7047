"""What is flagged, what is open, and which item comes first: the same in the queue and in the digest."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_

from heedback_service.store.tables import Item

OPEN_STATES: Final = ("new", "accepted")
FLAGGED: Final = Item.category.startswith("flag:", autoescape=True)
# What it is about was read off the reports by rules: no person said so, and nobody flags harm.
UNFILED: Final = and_(Item.category_by == "rule", ~FLAGGED)
OPEN: Final = Item.state.in_(OPEN_STATES)
# What weighs most; then what was said last. The number decides between equals.
ORDER: Final = (Item.priority.desc(), Item.last_at.desc(), Item.number.desc())


def is_flagged(item: Item) -> bool:
    return item.category.startswith("flag:")


def is_open(item: Item) -> bool:
    return item.state in OPEN_STATES
