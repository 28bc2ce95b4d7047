"""Alice owns the project, Bob maintains it, Charlie is a stranger; and items for them to decide about."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from heedback_service.flow.accounts import add_member, create_account
from heedback_service.store.tables import Account, Feature, Item, Project
from support import NOW, make_id

FEATURE = make_id(1, variant=0xA000)
_HASHED: Final[dict[str, str | None]] = {}  # what accounts made of passwords before: it is made to take long


@dataclass(frozen=True, slots=True)
class People:
    alice: UUID
    bob: UUID
    charlie: UUID


def settle(session: Session, project_id: int, password: str | None = None) -> People:
    """The three of them; with `password`, Alice has one."""
    made = {}
    for n, name in enumerate(("Alice", "Bob", "Charlie"), start=1):
        account = create_account(
            session,
            f"{name.lower()}@example.org",
            name,
            NOW,
            lambda n=n: make_id(n, variant=0xB000),  # type: ignore[misc]
            password if name == "Alice" and password not in _HASHED else None,
        )
        assert isinstance(account, Account)
        if name == "Alice" and password:
            account.password_hash = _HASHED.setdefault(password, account.password_hash)
        made[name.lower()] = account.id
    people = People(**made)
    add_member(session, project_id, people.alice, "owner")
    add_member(session, project_id, people.bob)
    return people


def a_feature(session: Session, project: Project, name: str = "summary", id_: UUID = FEATURE) -> Feature:
    feature = session.get(Feature, (project.id, id_))
    if feature is None:
        feature = Feature(project_id=project.id, id=id_, name=name, created_at=NOW)
        session.add(feature)
        session.flush()
    return feature


def an_item(session: Session, project: Project, number: int, *, at: datetime = NOW, **fields: Any) -> Item:
    """A new item with three people in it, last reported an hour ago."""
    defaults = {
        "feature_id": a_feature(session, project).id,
        "title": f"Problem {number}",
        "title_by": "rule",
        "category": "down:incorrect",
        "category_why": "the reason “incorrect” was given",
        "severity": 2,
        "severity_why": "facts are wrong",
        "priority": 50,
        "factors": {},
        "prioritised_at": at,
        "people": 3,
        "feedback_count": 3,
        "first_at": at - timedelta(days=3),
        "last_at": at - timedelta(hours=1),
        "state": "new",
        "created_at": at,
        "changed_at": at,
    }
    item = Item(project_id=project.id, id=make_id(number, variant=0xC000), number=number, **defaults | fields)
    session.add(item)
    session.flush()
    return item
