"""Which language most of a project's feedback is in: what is in another one is worth a mark."""

from __future__ import annotations

from collections import Counter
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.core.language import language
from heedback_service.store.tables import Feedback

NEWEST: Final = 300  # pieces of feedback, of which some have words: enough to tell, and read in a moment


def usual(session: Session, project_id: int) -> str | None:
    """The most common language among the comments of the newest feedback, as a code; None if none could be told.

    Worked out when it is needed: what is stored would have to follow each change of a comment, and of the rules.
    """
    newest = (
        select(Feedback.comment)
        .where(Feedback.project_id == project_id)
        .order_by(Feedback.last_at.desc())
        .limit(NEWEST)
        .subquery()
    )
    comments = session.scalars(select(newest.c.comment).where(newest.c.comment.is_not(None)))
    told = Counter(code for comment in comments if (code := language(comment)))
    return min(told, key=lambda code: (-told[code], code), default=None)
