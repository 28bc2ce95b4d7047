"""Accounts and items for tests that are not about how they come to be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.core.ids import new_id
from heedback_service.core.priority import Factors, Trend, score
from heedback_service.store.tables import Account, Feedback, Item, ItemEvent, ItemFeedback, ItemPerson, Member, Project
from support import NOW, an_output, make_id, some_feedback

Feed = Callable[..., Any]  # the fixture that takes events in
Written = Callable[..., dict[str, Any]]  # the fixture that plans and writes a week


def ago(**span: float) -> float:
    """Minutes before now, as the makers of events in `support` take them."""
    return timedelta(**span) / timedelta(minutes=1)


def on(day: int, hour: int = 12) -> float:
    """Minutes from that day of November 2026, in UTC, to the fixed now."""
    return (NOW - datetime(2026, 11, day, hour, tzinfo=UTC)) / timedelta(minutes=1)


def rated(n: int, day: int, user: str | None, *, up: bool = False, **said: Any) -> list[dict[str, Any]]:
    """The n-th output, shown to `user` that day of November, and what they said about it: down, unless up."""
    shown = {name: said.pop(name) for name in ("feature", "prompt_version", "response_model") if name in said}
    feature = {"feature": shown["feature"]} if "feature" in shown else {}
    minutes = on(day)
    output = an_output(n, minutes=minutes, user=user, **shown)
    thumb = {"up" if up else "down": True}
    return [output, some_feedback(n, minutes=minutes, user=user, output_id=make_id(n), **feature, **thumb, **said)]


def a_member(session: Session, project: Project, name: str, *, digest: bool = True, role: str = "maintainer") -> UUID:
    """An account `NAME@example.com` with a place in the project."""
    account = Account(id=new_id(), email=f"{name}@example.com", name=name.title(), password_hash=None, created_at=NOW)
    session.add(account)
    session.flush()
    session.add(Member(project_id=project.id, account_id=account.id, role=role, digest=digest))
    session.flush()
    return account.id


def owed_last_weeks_digest(session: Session, project: Project, *members: str) -> None:
    """These members are owed it now, whatever the time is."""
    project.created_at -= timedelta(days=20)
    project.timezone = _zone_where_digests_are_out()
    for name in members:
        a_member(session, project, name)


def _zone_where_digests_are_out() -> str:
    """One where it is not the small hours of a Monday, when last week's digest is still to come, nor soon will be."""
    for name in ("UTC", "Etc/GMT+9"):
        moments = (datetime.now(ZoneInfo(name)) + timedelta(minutes=ahead) for ahead in (0, 10))
        if all(moment.weekday() != 0 or moment.hour >= 8 for moment in moments):
            return name
    raise AssertionError("both zones cannot be in the first eight hours of a Monday")


def an_item(
    session: Session,
    project: Project,
    number: int,
    feedback: list[Feedback],
    *,
    now: datetime = NOW,
    severity: int = 1,
    title: str = "The total leaves out the VAT",
    **fields: Any,
) -> Item:
    """An item of this feedback, as triage at `now` would leave it."""
    people = sorted({row.person for row in feedback if row.person})
    first, last = min(row.first_at for row in feedback), max(row.last_at for row in feedback)
    factors = Factors(
        people=len(people),
        reports=len(feedback),
        severity=severity,
        severity_why="as the test says",
        trend=Trend(len(feedback), None, 1.0, 1.0),
        first_at=first,
        last_at=last,
    )
    item = Item(
        project_id=project.id,
        id=new_id(),
        number=number,
        feature_id=feedback[0].feature_id,
        title=title,
        **{
            "title_by": "rule",
            "category": "down:incorrect",
            "category_why": "as the test says",
            "severity": severity,
            "severity_why": "as the test says",
            "priority": score(factors, now),
            "factors": factors.as_json(),
            "prioritised_at": now,
            "people": len(people),
            "feedback_count": len(feedback),
            "first_at": first,
            "last_at": last,
            "state": "new",
            "created_at": first,
            "changed_at": first,
            **fields,
        },
    )
    session.add(item)
    session.flush()
    session.add_all(_placed(item, row) for row in feedback)
    session.add_all(ItemPerson(project_id=project.id, item_id=item.id, person=person, n=1) for person in people)
    session.flush()
    return item


def done_to(session: Session, item: Item, verb: str, by: UUID | None, at: datetime) -> None:
    """An event of the item, without its effect."""
    event = ItemEvent(project_id=item.project_id, id=new_id(), item_id=item.id, actor=by, verb=verb, at=at)
    event.before, event.after = {}, {}
    session.add(event)
    session.flush()


def feedback_of(session: Session, project: Project, *people: str) -> list[Feedback]:
    """What these people said, or everybody."""
    chosen = select(Feedback).where(Feedback.project_id == project.id).order_by(Feedback.id)
    return list(session.scalars(chosen.where(Feedback.person.in_(people)) if people else chosen))


def _placed(item: Item, row: Feedback) -> ItemFeedback:
    return ItemFeedback(
        project_id=item.project_id,
        feedback_id=row.id,
        item_id=item.id,
        placed_by="rule",
        why="as the test says",
        grouping_version=1,
    )
