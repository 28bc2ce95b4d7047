"""Bob corrects triage: a service with reports of people, and verbs by the numbers of items."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from heedback_service.flow import corrections, learning, placement
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Item, ItemFeedback, Link, Project
from people import settle
from support import NOW, an_output, make_id, numbered_ids, some_feedback

VAT = "The total leaves out the VAT"
TYPO = "the total leavs out the VAT!!"
SLOW = "It takes forever to load on my phone"
GERMAN = "Answers in English to my German question"


class Desk:
    """A service with reports by people who are named after what they said, and Bob, who corrects triage."""

    def __init__(self, db: Database) -> None:
        self.db, self.now = db, NOW
        self.new_id = numbered_ids(0x10_0000)
        with db.write() as session:
            self.project = Project(slug="acme", name="Acme Books", timezone="Europe/Oslo", created_at=NOW)
            session.add(self.project)
            session.flush()
            self.bob = settle(session, self.project.id).bob
        self.hear(*(an_output(n) for n in range(1, 5)))

    def hear(self, *events: dict[str, Any]) -> None:
        with self.db.write() as session:
            take(session, self.project, Batch(sent_at=NOW, events=events), NOW, self.new_id)

    def told(self, **comments: str | None) -> None:
        """Reports of people, rated down, with a comment."""
        for user, comment in comments.items():
            n = int.from_bytes(user.encode())
            self.hear(some_feedback(n, down=True, output_id=make_id(1), user=user, comment=comment))
        self.triage()

    def triage(self) -> None:
        while triage_step(self.db, NOW, new_id=self.new_id):
            pass

    def triage_again(self) -> None:
        """All of it, as if nothing had been read."""
        with self.db.write() as session:
            session.execute(update(Feedback).values(triaged_at=None))
        self.triage()

    def ids(self, *people: str) -> set[UUID]:
        with self.db.read() as session:
            return set(session.scalars(select(Feedback.id).where(Feedback.person.in_(people))))

    def do(self, verb: Callable[..., Any], number: int, **named: Any) -> Any:
        """A verb on an item; `into`, `to` and `other` are numbers, `feedback` names people."""
        self.now += timedelta(minutes=1)
        others = [name for name in ("into", "to", "other") if name in named]
        if "feedback" in named:
            named["feedback"] = self.ids(*named["feedback"])
        with self.db.write() as session:
            found = corrections.find_items(session, self.project.id, number, *(named[name] for name in others))
            assert found is not None
            named |= dict(zip(others, found[1:], strict=True))
            return verb(session, found[0], self.bob, self.now, self.new_id, **named)

    def parts(self) -> dict[int, str]:
        """Who is in which item, in one string each."""
        with self.db.read() as session:
            query = select(Item.number, Feedback.person).join(ItemFeedback, ItemFeedback.item_id == Item.id)
            found: dict[int, str] = {}
            for number, person in session.execute(
                query.join(Feedback, Feedback.id == ItemFeedback.feedback_id).order_by(Feedback.person)
            ):
                found[number] = f"{found.get(number, '')} {person}".strip()
            return found

    def everything(self) -> tuple[Any, ...]:
        """What triage and people made of it, but for the record of how."""
        with self.db.read() as session:
            columns = (ItemFeedback.feedback_id, ItemFeedback.item_id, ItemFeedback.placed_by, ItemFeedback.why)
            placed = set(session.execute(select(*columns)).all())
            items = session.execute(
                select(Item.id, Item.title, Item.people, Item.feedback_count, Item.state, Item.priority).where(
                    Item.feedback_count > 0
                )
            ).all()
            said = select(Link.feedback_a, Link.feedback_b, Link.kind).where(Link.undone_at.is_(None))
            return placed, set(items), set(session.execute(said).all()), learning.learnt(session, self.project.id)

    def learnt(self) -> learning.Learnt:
        with self.db.read() as session:
            return learning.learnt(session, self.project.id)

    def check(self) -> None:
        with self.db.read() as session:
            assert placement.differences(session, self.project.id) == []
