"""What fifty answers of a maintainer do to themes, in the product itself, on texts whose groups are known.

    with Desk(texts, gold) as desk:   # a service that has heard these texts, each from somebody else
        before, best = desk.f1(), desk.best()
        desk.answer(50)               # the first candidate of the first item in the queue: merged, or not the same
        after = desk.f1()

The gold says whether two items are one problem. Nothing is left out of the way from a text to a theme: intake, triage,
corrections and the job that finds themes, on a store of its own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Self

import numpy as np
from _agreement import agreement
from sqlalchemy import select

from heedback_service.core import themes
from heedback_service.core.ids import new_id
from heedback_service.core.nearest import nearest
from heedback_service.core.overview import overview
from heedback_service.core.text import normalise
from heedback_service.core.vectors import vectors
from heedback_service.flow import corrections
from heedback_service.flow.apart import Found
from heedback_service.flow.intake import Batch, take
from heedback_service.flow.kindred import kindred
from heedback_service.flow.queue import Viewer, listing
from heedback_service.flow.themes import EVERY, theme_step
from heedback_service.flow.triage import triage_step
from heedback_service.store.db import Database
from heedback_service.store.tables import Base, Feedback, Item, ItemFeedback, Project

ANSWERS: Final = 50
CLOSE: Final = 0.9  # of the best F1 there is
# Of the resolution that so many texts have: coarse to fine, wide enough that F1 falls at either end.
FINELY: Final = (0.2, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.6, 2.0, 3.0)
_AT_ONCE: Final = 10  # answers between two turns of the job, which are five minutes apart at least
_BATCH: Final = 500


@dataclass(frozen=True, slots=True)
class Taught:
    """B-cubed F1 of themes before and after the answers, `merged` of which said "the same", and the best there is."""

    texts: int
    items: int
    answers: int
    merged: int
    before: float
    after: float
    best: float
    best_at: float

    @property
    def is_close(self) -> bool:
        return self.after >= CLOSE * self.best


def taught(texts: Sequence[str], gold: Sequence[str]) -> Taught:
    with Desk(texts, gold) as desk:
        items, before, (best, best_at) = len(desk.shown), desk.f1(), desk.best()
        answers, merged = desk.answer(ANSWERS)
        return Taught(len(texts), items, answers, merged, before, desk.f1(), best, best_at)


class Desk:
    """A project whose queue one maintainer works through, beside the known group of each report."""

    def __init__(self, texts: Sequence[str], gold: Sequence[str]) -> None:
        self.texts, self.gold = texts, gold
        self.now = datetime.now(UTC)
        self.maintainer = new_id()
        self.shown: list[str] = []  # the texts of items as they were last compared

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self.db = Database(f"sqlite:///{self._folder.name}/heedback.db")
        with self.db.write() as session:
            Base.metadata.create_all(session.connection())
            self.project = Project(slug="bench", name="Bench", timezone="UTC", created_at=self.now)
            session.add(self.project)
        for start in range(0, len(self.texts), _BATCH):
            events = [self._event(at) for at in range(start, min(start + _BATCH, len(self.texts)))]
            with self.db.write() as session:
                take(session, self.project, Batch(self.now, events), self.now, new_id)
        while triage_step(self.db, self.now, new_id=new_id):
            pass
        self._themes()
        return self

    def __exit__(self, *failure: object) -> None:
        self.db.dispose()
        self._folder.cleanup()

    def answer(self, count: int) -> tuple[int, int]:
        """Answer so many pairs, or all there are; returns how many, and how many of them were merged."""
        given = merged = 0
        while given < count and (pair := self._first_pair()):
            same = self._group(pair[0]) == self._group(pair[1])
            self._say(*pair, same=same)
            given, merged = given + 1, merged + same
            if given % _AT_ONCE == 0:
                self._themes()
        self._themes()
        return given, merged

    def f1(self) -> float:
        """Of the reports' themes; an item that stands alone is a group of its own."""
        with self.db.read() as session:
            rows = session.execute(self._placed(Item.theme_id, ItemFeedback.item_id)).all()
        groups: list[Any] = [None] * len(self.texts)
        for person, theme, item in rows:
            groups[int(person)] = theme or item
        return agreement(self.gold, groups).f1

    def best(self) -> tuple[float, float]:
        """The highest F1 of any resolution, and which one, in multiples of the product's own."""
        said = [normalise(text) for text in self.texts]
        different = sorted(set(said) - {""})
        place = {text: row for row, text in enumerate(different)}
        around, _ = nearest(vectors(different).rows, np.zeros(len(different)), themes.NEIGHBOURS, 0)
        found = {}
        for finely in FINELY:
            groups = themes.grouped(around, finely * themes.resolution(len(different))).tolist()
            found[finely] = agreement(self.gold, [groups[place[text]] if text else None for text in said]).f1
        at = max(found, key=lambda finely: found[finely])
        return found[at], at

    def _event(self, at: int) -> dict[str, Any]:
        told = {"user": str(at), "join_key": str(at), "rating": {"value": 0, "scale": "thumbs"}}
        when = self.now - timedelta(seconds=len(self.texts) - at)
        about = {"type": "feedback", "id": new_id(), "occurred_at": when, "feature": "f", "source": "end_user"}
        return about | told | {"comment": self.texts[at]}

    def _themes(self) -> None:
        self.now += 2 * EVERY
        theme_step(self.db, self.now, new_id=new_id, overview=self._overview)

    def _overview(self, texts: Sequence[str], *, apart: Sequence[tuple[int, int]] = ()) -> Found:
        """The product's own arithmetic, without a process of its own."""
        self.shown = [text for text in texts if text]
        found = overview(texts, apart=apart)
        candidates = [[(each.other, each.score, list(each.why)) for each in its] for its in found.candidates]
        return Found(found.themes, candidates)

    def _first_pair(self) -> tuple[int, int] | None:
        """The numbers of the first item in the queue that has candidates, and of the first of these."""
        with self.db.read() as session:
            for number in self._queue(session):
                if its := kindred(session, self.project.id, number).candidates:
                    return number, its[0].number
        return None

    def _queue(self, session: Any) -> Iterator[int]:
        viewer, page, pages = Viewer(self.project.id, self.maintainer, self.now), 1, 1
        while page <= pages:
            listed = listing(session, viewer, "new", page)
            yield from (row.item.number for row in listed.rows)
            page, pages = page + 1, listed.pages

    def _say(self, number: int, other: int, *, same: bool) -> None:
        self.now += timedelta(seconds=10)
        with self.db.write() as session:
            found = corrections.find_items(session, self.project.id, number, other)
            assert found is not None
            by = (self.maintainer, self.now, new_id)
            if same:
                done = corrections.merge(session, found[0], *by, into=found[1])
            else:
                done = corrections.not_same(session, found[0], *by, other=found[1])
            assert isinstance(done, corrections.Done), done

    def _group(self, number: int) -> str:
        """The group of the item's first report: items hold what is the same."""
        with self.db.read() as session:
            its = self._placed().where(Item.number == number).order_by(Feedback.first_at)
            return self.gold[int(session.scalars(its).first() or 0)]

    def _placed(self, *more: Any) -> Any:
        return (
            select(Feedback.person, *more)
            .join(ItemFeedback, ItemFeedback.feedback_id == Feedback.id)
            .join(Item, Item.id == ItemFeedback.item_id)
            .where(Feedback.project_id == self.project.id)
        )
