"""How feedback, its place and its item belong together: what queries join by."""

from __future__ import annotations

from typing import Final

from sqlalchemy import and_

from heedback_service.store.backlog import Item, ItemFeedback
from heedback_service.store.evidence import Feedback

PLACED: Final = and_(ItemFeedback.project_id == Feedback.project_id, ItemFeedback.feedback_id == Feedback.id)
HELD: Final = and_(Item.project_id == ItemFeedback.project_id, Item.id == ItemFeedback.item_id)
