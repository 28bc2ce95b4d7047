"""What triage reads of feedback: the newest words in an item."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from heedback_service.flow.reports import newest_comments
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Item, Project
from support import NOW, numbered_ids, some_feedback

SAID = ("The total leaves out the VAT", "the total leaves out the VAT!", "THE TOTAL LEAVES OUT THE VAT")


def test_the_newest_come_first_and_the_same_words_once(
    db: Database, project: Project, feed: Callable[..., Any]
) -> None:
    for n, comment in enumerate((*SAID, SAID[1], None), start=11):
        feed(some_feedback(n, down=True, join_key=f"k-{n}", comment=comment))
    assert triage_step(db, NOW, new_id=numbered_ids(0x10_0000))
    with db.read() as session:
        item_id, *others = session.scalars(select(Item.id).order_by(Item.number)).all()
        assert len(others) == 1  # the one without words
        assert newest_comments(session, project.id, most=3) == {item_id: [SAID[1], SAID[2]]}
        assert newest_comments(session, project.id, most=9, characters=9) == {
            item_id: ["the total", "THE TOTAL", "The total"]
        }
        assert newest_comments(session, project.id, Feedback.comment == SAID[0], most=9) == {item_id: [SAID[0]]}
