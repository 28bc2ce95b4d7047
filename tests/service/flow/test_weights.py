"""What a project weighs: set by a person, followed by all open items, and by those that come."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from correcting import SLOW, VAT, Desk
from heedback_service.core.priority import Factors, Weights
from heedback_service.flow import aging, projects
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database
from heedback_service.store.tables import Item, Project
from support import NOW


@pytest.fixture
def desk(db: Database) -> Desk:
    """Three people find it slow (severity 2); seven people, one after the other, say nothing but thumbs down (1)."""
    desk = Desk(db)
    desk.told(alice=SLOW, bob=SLOW, carl=SLOW)
    desk.told(**dict.fromkeys("defghij"))
    return desk


def set_weights(desk: Desk, **named: float) -> Refused | None:
    with desk.db.write() as session:
        return projects.set_weights(session, session.get_one(Project, desk.project.id), named)


def rank(desk: Desk) -> None:
    with desk.db.write() as session:
        assert aging.reprioritise(session, NOW)
        assert not aging.reprioritise(session, NOW)


def order(desk: Desk) -> list[int]:
    with desk.db.read() as session:
        return list(session.scalars(select(Item.number).order_by(Item.priority.desc())))


def stored(desk: Desk) -> Any:
    with desk.db.read() as session:
        return session.scalars(select(Project.weights)).one()


def test_open_items_follow_the_weights(desk: Desk) -> None:
    assert order(desk) == [1, 2]
    assert set_weights(desk, people=2, severity=0) is None
    rank(desk)
    assert order(desk) == [2, 1]
    assert set_weights(desk, people=1, severity=1) is None
    rank(desk)
    assert order(desk) == [1, 2]


def test_an_item_made_afterwards_is_weighed_and_keeps_the_weights_beside_its_factors(desk: Desk) -> None:
    set_weights(desk, trend=0, freshness=0.5)
    desk.told(kim=VAT)
    with desk.db.read() as session:
        item = session.scalars(select(Item).where(Item.number == 3)).one()
    assert Factors.from_json(item.factors).weights == Weights(trend=0, freshness=0.5)


def test_weights_that_are_not_named_stay_and_all_at_1_are_none(desk: Desk) -> None:
    set_weights(desk, people=2)
    set_weights(desk, trend=3)
    assert stored(desk) == {"people": 2, "trend": 3}
    set_weights(desk, people=1, trend=1)
    assert stored(desk) is None


def test_what_cannot_be_weighed_is_refused_and_changes_nothing(desk: Desk) -> None:
    unknown = "'mood' is no factor of priority; those are people, severity, trend, freshness"
    assert set_weights(desk, people=2, mood=1) == Refused(unknown)
    for weight, told in ((-0.1, "-0.1"), (3.1, "3.1"), (float("nan"), "nan"), (float("inf"), "inf")):
        assert set_weights(desk, people=weight) == Refused(f"a weight is 0 to 3, not {told}")
    assert stored(desk) is None
    with desk.db.write() as session:
        assert not aging.reprioritise(session, NOW)
