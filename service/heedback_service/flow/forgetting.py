"""What was read off feedback forgets it when the feedback is purged: at once, not when it is next worked out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, delete, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.core.titles import title
from heedback_service.flow.themes import NAMED_BY, named
from heedback_service.store.tables import Candidate, Item, Proposal, ProposalRun, Theme


def forget_words(session: Session, project_id: int, items: Collection[UUID]) -> None:
    """Let nothing quote what these items no longer hold: their own titles, their themes', the words of candidates, what
    a model proposed from them (it may be asked about the rest).

    Call it when their counts and titles have been read anew. A title that a person gave is that person's words and
    stays. Candidates come back when the feature's themes are next worked out.
    """
    emptied = select(Item.id, Item.category).where(
        *_these(project_id, items), Item.feedback_count == 0, Item.title_by == "rule"
    )
    wordless = [{"its_id": item_id, "its_title": title((), of)} for item_id, of in session.execute(emptied)]
    if wordless:
        by_id = update(Item).where(Item.project_id == project_id, Item.id == bindparam("its_id"))
        session.connection().execute(by_id.values(title=bindparam("its_title")), wordless)
    ends = or_(Candidate.item_id.in_(items), Candidate.other_id.in_(items))
    session.execute(delete(Candidate).where(Candidate.project_id == project_id, ends))
    for table in (ProposalRun, Proposal):
        session.execute(delete(table).where(table.project_id == project_id, table.item_id.in_(items)))
    themes = session.scalars(select(Item.theme_id).where(*_these(project_id, items), Item.theme_id.is_not(None)))
    _rename(session, project_id, set(themes))


def _rename(session: Session, project_id: int, themes: Collection[UUID | None]) -> None:
    """Call these themes by what their items are called by now; who has none left goes."""
    quotes: dict[UUID | None, list[str]] = defaultdict(list)
    holding = select(Item.theme_id, Item.title).where(
        Item.project_id == project_id, Item.theme_id.in_(themes), Item.feedback_count > 0
    )
    for theme_id, name in session.execute(holding.order_by(Item.number)):
        quotes[theme_id].append(name)
    for theme_id in themes:
        its = (Theme.project_id == project_id, Theme.id == theme_id)
        if quotes[theme_id]:
            session.execute(update(Theme).where(*its).values(title=named(quotes[theme_id][:NAMED_BY])))
        else:
            session.execute(delete(Theme).where(*its))
            gone = (Item.project_id == project_id, Item.theme_id == theme_id)
            session.execute(update(Item).where(*gone).values(theme_id=None))


def _these(project_id: int, items: Collection[UUID]) -> tuple[Any, ...]:
    return Item.project_id == project_id, Item.id.in_(items)
