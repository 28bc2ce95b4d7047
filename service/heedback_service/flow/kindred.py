"""What an item is probably about together with others: its theme and its candidates, as a page or an API shows them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from heedback_service.store.tables import Candidate, Item, ItemFeedback, Link, Theme

LIKELY: Final = 0.1  # a score: what is below shares a word or two that few say, and is right for one in many


# Made once, as to make an alias takes longer than to run a query with it.
OTHER: Final = aliased(Item)
_A, _B = aliased(ItemFeedback), aliased(ItemFeedback)


def _said_apart(one: Any, two: Any) -> ColumnElement[bool]:
    return exists().where(
        *(_A.project_id == one.project_id, _A.item_id == one.id),
        *(Link.project_id == _A.project_id, Link.feedback_a == _A.feedback_id),
        *(Link.kind == "not_same", Link.undone_at.is_(None)),
        *(_B.project_id == Link.project_id, _B.feedback_id == Link.feedback_b, _B.item_id == two.id),
    )


# A person said of the two items of a query, `Item` and `OTHER`, or of reports in them, that they are not the same.
HELD_APART: Final = or_(_said_apart(Item, OTHER), _said_apart(OTHER, Item))


@dataclass(frozen=True, slots=True)
class ThemeOf:
    """`items`: how many share it, this one among them."""

    id: UUID
    title: str
    items: int


@dataclass(frozen=True, slots=True)
class MayRepeat:
    """An earlier item. `score`: 0 to 1; `why`: the words that tie the two, telling ones first."""

    number: int
    title: str
    state: str
    score: float
    why: tuple[str, ...]

    @property
    def is_likely(self) -> bool:
        """Whether it is worth a look at once. Of those that belong together up to one in five is less likely."""
        return self.score >= LIKELY


@dataclass(frozen=True, slots=True)
class Kindred:
    """`theme`: None if the item stands alone, or is not looked at yet. `candidates`: best first, at most five."""

    theme: ThemeOf | None
    candidates: tuple[MayRepeat, ...]


def kindred(session: Session, project_id: int, number: int) -> Kindred:
    """The theme and candidates of an item by its number; nothing of either if there is no such item.

    What holds nothing any more, because it became part of another item or everybody left, is not counted nor shown;
    nor is a candidate of which a person said that it is not the same.
    """
    of_item = (Item.project_id == project_id, Item.number == number)
    theme = session.execute(
        select(Theme.id, Theme.title, func.count())
        .join(Item, (Item.project_id == Theme.project_id) & (Item.theme_id == Theme.id))
        .join(OTHER, (OTHER.project_id == Theme.project_id) & (OTHER.theme_id == Theme.id))
        .where(*of_item, OTHER.feedback_count > 0)
        .group_by(Theme.id, Theme.title)
    ).first()
    candidates = session.execute(
        select(OTHER.number, OTHER.title, OTHER.state, Candidate.score, Candidate.why)
        .join(Item, (Item.project_id == Candidate.project_id) & (Item.id == Candidate.item_id))
        .join(OTHER, (OTHER.project_id == Candidate.project_id) & (OTHER.id == Candidate.other_id))
        .where(*of_item, OTHER.feedback_count > 0, ~HELD_APART)
        .order_by(Candidate.score.desc(), OTHER.number)
    )
    return Kindred(
        ThemeOf(*theme) if theme else None,
        tuple(MayRepeat(number, name, state, score, tuple(why)) for number, name, state, score, why in candidates),
    )


def kept_apart(session: Session, project_id: int, feature_id: UUID) -> list[tuple[UUID, UUID]]:
    """Pairs of the feature's items with reports of which people said that they are not the same."""
    query = (
        select(_A.item_id, _B.item_id)
        .select_from(Link)
        .join(_A, (_A.project_id == Link.project_id) & (_A.feedback_id == Link.feedback_a))
        .join(_B, (_B.project_id == Link.project_id) & (_B.feedback_id == Link.feedback_b))
        .join(Item, (Item.project_id == _A.project_id) & (Item.id == _A.item_id))
        .where(Item.feature_id == feature_id, _A.item_id != _B.item_id)
        .where(Link.project_id == project_id, Link.kind == "not_same", Link.undone_at.is_(None))
    )
    return sorted({(min(pair), max(pair)) for pair in map(tuple, session.execute(query))})
