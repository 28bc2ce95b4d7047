"""Feedback in items: who is in, who is out, with the refcounts that keep an item's people exact.

Whoever changes what is in an item, or counts it, holds the item's feature. Triage, purge and ageing pass over features
that others hold; intake, which must not be put off, waits for its turn in `withdraw`, before it changes any row of
feedback. So nobody waits for a feature while holding feedback or items that those who hold it may want.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, bindparam, delete, func, select, update
from sqlalchemy.orm import Session

from heedback_service.flow import finding, locks
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, Line
from heedback_service.store.joins import HELD, PLACED
from heedback_service.store.tables import Feature, Feedback, Item, ItemFeedback, ItemKey, ItemPerson

_PUT: Final = Direct(lambda dialect: insert_for(dialect, ItemFeedback))


def _adding(dialect: str) -> Any:
    new = insert_for(dialect, ItemPerson)
    counted = {"n": ItemPerson.n + new.excluded.n}
    return new.on_conflict_do_update(index_elements=["project_id", "item_id", "person"], set_=counted)


_ADD_PEOPLE: Final = Direct(_adding)


def put(session: Session, project_id: int, rows: Sequence[dict[str, Any]], people: Mapping[UUID, str | None]) -> None:
    """Put feedback, which is in no item, into items: rows of `item_feedback`, and the person of each feedback."""
    if not rows:
        return
    _PUT.many(Line(session.connection()), rows)
    counted = Counter((row["item_id"], people[row["feedback_id"]]) for row in rows)
    add_people(session, project_id, {(item, who): n for (item, who), n in counted.items() if who is not None})


def add_people(session: Session, project_id: int, counted: Mapping[tuple[UUID, str], int]) -> None:
    """Count `n` more pieces of feedback for each (item, person)."""
    if not counted:
        return
    rows = [
        {"project_id": project_id, "item_id": item_id, "person": person, "n": n}
        for (item_id, person), n in sorted(counted.items())
    ]
    _ADD_PEOPLE.many(Line(session.connection()), rows)


def features_of(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> set[UUID]:
    """The features of this feedback, and of the items it is in: not the same while it waits to be triaged again."""
    own = select(Feedback.feature_id).where(Feedback.project_id == project_id, Feedback.id.in_(feedback_ids))
    held = (
        select(Item.feature_id)
        .join(ItemFeedback, HELD)
        .where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(feedback_ids))
    )
    return set(session.scalars(own.union(held)))


def hold(session: Session, project_id: int, features: Collection[UUID], *, wait: bool) -> bool:
    """Keep others away from these features until the commit; without `wait`, False if somebody is there already."""
    query = select(Feature.id).where(Feature.project_id == project_id, Feature.id.in_(features)).order_by(Feature.id)
    # FOR NO KEY UPDATE: intake goes on storing rows that refer to the features.
    held = session.scalars(query.with_for_update(key_share=True, skip_locked=not wait)).all()
    return len(held) == len(set(features))


def withdraw(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> None:
    """Take feedback that is about to go out of its items, as soon as nobody else is at work there."""
    # In this order: others may have had the turn to name things before they come here, or take it after.
    locks.take_naming_turn(Line(session.connection()), project_id)
    hold(session, project_id, features_of(session, project_id, feedback_ids), wait=True)
    take_out(session, project_id, feedback_ids)


def take_out(session: Session, project_id: int, feedback_ids: Collection[UUID]) -> list[UUID]:
    """Take feedback out of its items, with the keys it holds; returns the items that lost some.

    The caller holds all of `features_of` this feedback.
    """
    leaving = (
        select(ItemFeedback.item_id, Feedback.person)
        .join(Feedback, PLACED)
        .where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(feedback_ids))
    )
    rows = session.execute(leaving).all()
    if not rows:
        return []
    items = sorted({item_id for item_id, _ in rows})
    _take_people(session, project_id, Counter((item_id, who) for item_id, who in rows if who is not None))
    held = (ItemKey.project_id == project_id, ItemKey.feedback_id.in_(feedback_ids))
    losing = sorted(set(session.scalars(select(ItemFeedback.item_id).join(ItemKey, finding.HOLDS).where(*held))))
    for table in (ItemKey, ItemFeedback):
        session.execute(delete(table).where(table.project_id == project_id, table.feedback_id.in_(feedback_ids)))
    for item_id in losing:
        finding.hand_over(session, project_id, item_id)
    recount(session, project_id, items)
    return items


def merge(session: Session, project_id: int, item_id: UUID, into: UUID) -> None:
    """Move all that `item_id` holds into another item."""
    its = (ItemPerson.project_id == project_id, ItemPerson.item_id == item_id)
    people = {(into, who): n for who, n in session.execute(select(ItemPerson.person, ItemPerson.n).where(*its))}
    session.execute(delete(ItemPerson).where(*its))
    add_people(session, project_id, people)
    moving = update(ItemFeedback).where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == item_id)
    session.execute(moving.values(item_id=into).execution_options(synchronize_session=False))


def move(session: Session, project_id: int, chosen: Select[UUID], into: UUID) -> list[UUID]:
    """Move feedback of other items of the same feature, with the keys it holds; returns the items that lost some.

    Either side stays findable by the words of what it holds. The caller holds the feature, and refreshes the items.
    """
    leaving = (
        select(ItemFeedback.item_id, Feedback.person, func.count())
        .join(Feedback, PLACED)
        .where(
            ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(chosen), ItemFeedback.item_id != into
        )
        .group_by(ItemFeedback.item_id, Feedback.person)
    )
    rows = session.execute(leaving).all()
    people = {(item_id, who): n for item_id, who, n in rows if who is not None}
    _take_people(session, project_id, people)
    arriving: Counter[tuple[UUID, str]] = Counter()
    for (_, who), n in people.items():
        arriving[into, who] += n
    add_people(session, project_id, arriving)
    moving = update(ItemFeedback).where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id.in_(chosen))
    session.execute(moving.values(item_id=into).execution_options(synchronize_session=False))
    left = sorted({item_id for item_id, _, _ in rows})
    for item_id in (*left, into):
        finding.hand_over(session, project_id, item_id)
    recount(session, project_id, [*left, into])
    return left


def recount(session: Session, project_id: int, items: Collection[UUID]) -> None:
    """Set each item's people and feedback from what it holds."""
    people = select(func.count()).where(ItemPerson.project_id == project_id, ItemPerson.item_id == Item.id)
    feedback = select(func.count()).where(ItemFeedback.project_id == project_id, ItemFeedback.item_id == Item.id)
    session.execute(
        update(Item)
        .where(Item.project_id == project_id, Item.id.in_(items))
        .values(people=people.scalar_subquery(), feedback_count=feedback.scalar_subquery())
        .execution_options(synchronize_session=False)
    )


def differences(session: Session, project_id: int) -> list[str]:
    """Where the counts of items and the feedback in them disagree, a line each; empty when all is well."""
    held = (
        select(ItemFeedback.item_id, Feedback.person)
        .join(Feedback, PLACED)
        .where(ItemFeedback.project_id == project_id)
    )
    feedback: Counter[UUID] = Counter()
    people: Counter[tuple[UUID, str]] = Counter()
    for item_id, who in session.execute(held.execution_options(yield_per=1000)):
        feedback[item_id] += 1
        if who is not None:
            people[item_id, who] += 1
    return [*_unlike_people(session, project_id, people), *_unlike_items(session, project_id, feedback, people)]


def _unlike_people(session: Session, project_id: int, people: Counter[tuple[UUID, str]]) -> Iterator[str]:
    query = select(ItemPerson.item_id, ItemPerson.person, ItemPerson.n).where(ItemPerson.project_id == project_id)
    stored = {(item_id, who): n for item_id, who, n in session.execute(query)}
    for item_id, who in sorted(people.keys() | stored.keys()):
        should, is_ = people[item_id, who], stored.get((item_id, who), 0)
        if should != is_ or is_ == 0:
            yield f"item {item_id} person {who}: the rows say {should}, the item says {is_}"


def _unlike_items(
    session: Session, project_id: int, feedback: Counter[UUID], people: Iterable[tuple[UUID, str]]
) -> Iterator[str]:
    persons = Counter(item_id for item_id, _ in people)
    query = select(Item.id, Item.number, Item.people, Item.feedback_count).where(Item.project_id == project_id)
    for item_id, number, *stored in session.execute(query.order_by(Item.number)):
        for what, should, is_ in zip(
            ("people", "feedback"), (persons[item_id], feedback[item_id]), stored, strict=True
        ):
            if should != is_:
                yield f"item {number} {what}: the rows say {should}, the item says {is_}"


def _take_people(session: Session, project_id: int, counted: Mapping[tuple[UUID, str], int]) -> None:
    if not counted:
        return
    taking = (
        update(ItemPerson)
        .where(
            ItemPerson.project_id == project_id,
            ItemPerson.item_id == bindparam("its_item"),
            ItemPerson.person == bindparam("its_person"),
        )
        .values(n=ItemPerson.n - bindparam("less"))
    )
    bound = [{"its_item": item_id, "its_person": who, "less": n} for (item_id, who), n in sorted(counted.items())]
    session.connection().execute(taking, bound)
    items = {item_id for item_id, _ in counted}
    gone = (ItemPerson.project_id == project_id, ItemPerson.item_id.in_(items), ItemPerson.n <= 0)
    session.execute(delete(ItemPerson).where(*gone))
