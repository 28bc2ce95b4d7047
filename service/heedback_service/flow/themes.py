"""Themes and candidates of a feature's items, worked out anew some minutes after something changed.

The feature is claimed by a lease, its items are read from one snapshot, and what was found is written in small pieces,
each holding the feature as triage does. In between nobody waits. A worker that dies leaves a lease that runs out; what
is half written is put right by the next turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID

from sqlalchemy import and_, bindparam, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from heedback_service.core.carrying import carried_over
from heedback_service.core.grouping import GROUPING_VERSION
from heedback_service.core.titles import title
from heedback_service.flow import placement, reports
from heedback_service.flow.apart import Found, overview_apart
from heedback_service.flow.kindred import kept_apart
from heedback_service.store.db import Database, insert_into
from heedback_service.store.tables import Candidate, Feature, Feedback, Item, Theme, ThemeRun

EVERY: Final = timedelta(minutes=5)  # a feature rests; with the job's own minute and its work it is fresh within ten
LEASE: Final = timedelta(minutes=8)  # longer than the arithmetic is given, and the writing takes
_LATE: Final = timedelta(minutes=1)  # an item may be committed so long after the time that it bears
_COMMENTS: Final = 3  # of an item that are read beside its title: its newest
_CHARACTERS: Final = 500  # of each
_WRITTEN: Final = 250  # items a transaction: tens of milliseconds, for which SQLite lets nobody else write
NAMED_BY: Final = 50  # items whose titles a theme is named by


class Overview(Protocol):
    """`core.overview`, wherever it is worked out."""

    def __call__(self, texts: Sequence[str], *, apart: Sequence[tuple[int, int]]) -> Found: ...


@dataclass(frozen=True, slots=True)
class _Line:
    """An item as it is compared with others. `text` is empty if nobody said anything, or nobody is left who did."""

    id: UUID
    title: str
    text: str
    holds: bool
    theme_id: UUID | None


def theme_step(db: Database, now: datetime, *, new_id: Callable[[], UUID], overview: Overview = overview_apart) -> bool:
    """Work out the themes of the feature that has waited longest; False if none is due.

    Raises:
        GaveUpError: they could not be worked out. It is tried again when the lease has run out.
    """
    with db.read() as session:
        due = _due(session, now)
    if due is None:
        return False
    project_id, feature_id = due
    token = new_id()
    with db.write() as session:
        if not _claim(session, project_id, feature_id, now, token):
            return True  # somebody else has it; there may be another
    with db.read() as session:
        lines = _lines(session, project_id, feature_id)
        places = {line.id: at for at, line in enumerate(lines)}
        pairs = [pair for pair in kept_apart(session, project_id, feature_id) if places.keys() >= set(pair)]
    apart = [(places[one], places[other]) for one, other in pairs]
    found = overview([line.text for line in lines], apart=apart)
    themes = _Themes(project_id, feature_id, lines, found, new_id)
    _write(db, themes)
    with db.write() as session:
        mine = (ThemeRun.project_id == project_id, ThemeRun.feature_id == feature_id, ThemeRun.token == token)
        session.execute(update(ThemeRun).where(*mine).values(looked_at=now - _LATE, lease_until=now))
    return True


def _due(session: Session, now: datetime) -> tuple[int, UUID] | None:
    """A feature with an item that was triaged after its last turn, which is `EVERY` ago, while nobody is at it."""
    changed = exists().where(
        Item.project_id == Feature.project_id,
        Item.feature_id == Feature.id,
        or_(ThemeRun.looked_at.is_(None), Item.prioritised_at > ThemeRun.looked_at),
    )
    rested = or_(ThemeRun.looked_at.is_(None), ThemeRun.looked_at <= now - EVERY)
    query = (
        select(Feature.project_id, Feature.id)
        .join(
            ThemeRun,
            and_(ThemeRun.project_id == Feature.project_id, ThemeRun.feature_id == Feature.id),
            isouter=True,
        )
        .where(or_(ThemeRun.project_id.is_(None), and_(ThemeRun.lease_until <= now, rested)), changed)
        .order_by(ThemeRun.looked_at.is_not(None), ThemeRun.looked_at, Feature.project_id, Feature.id)
        .limit(1)
    )
    found = session.execute(query).first()
    return None if found is None else (found[0], found[1])


def _claim(session: Session, project_id: int, feature_id: UUID, now: datetime, token: UUID) -> bool:
    """Whether the feature is ours until the lease runs out."""
    new = insert_into(session, ThemeRun)
    claiming = new.on_conflict_do_update(
        index_elements=["project_id", "feature_id"],
        set_={"lease_until": new.excluded.lease_until, "token": new.excluded.token},
        where=ThemeRun.lease_until <= now,
    ).returning(ThemeRun.token)
    its = {"project_id": project_id, "feature_id": feature_id, "lease_until": now + LEASE, "token": token}
    return bool(session.scalar(claiming.values(its)) == token)


def _lines(session: Session, project_id: int, feature_id: UUID) -> list[_Line]:
    """The feature's items, the oldest first: each by its newest comments, and by its title if a person gave it.

    What the rules call an item is quoted from a comment, or says in our words that there is none.
    """
    mine = Feedback.feature_id == feature_id
    spoken = reports.newest_comments(session, project_id, mine, most=_COMMENTS, characters=_CHARACTERS)
    query = (
        select(Item.id, Item.title, Item.title_by, Item.feedback_count, Item.theme_id)
        .where(Item.project_id == project_id, Item.feature_id == feature_id)
        .order_by(Item.number)
    )
    lines = []
    for item_id, name, named_by, holds, theme_id in session.execute(query):
        told = [name] * (named_by == "person") + spoken[item_id]
        lines.append(_Line(item_id, name, " \n".join(told) if holds else "", holds > 0, theme_id))
    return lines


class _Themes:
    """What is to be in the store: the themes of two items and more, under the ids they had before."""

    def __init__(
        self, project_id: int, feature_id: UUID, lines: Sequence[_Line], found: Found, new_id: Callable[[], UUID]
    ) -> None:
        self.project_id, self.feature_id = project_id, feature_id
        self.items = [line.id for line in lines]
        together = _with_wordless(lines, found.themes)
        sizes = Counter(together.values())
        now = {item_id: theme for item_id, theme in together.items() if sizes[theme] > 1}
        before = {line.id: line.theme_id for line in lines if line.theme_id is not None}
        ids = carried_over(before, now)
        for theme in sorted(set(now.values()) - ids.keys()):
            ids[theme] = new_id()
        self.theme_of: Mapping[UUID, UUID] = {item_id: ids[theme] for item_id, theme in now.items()}
        names: dict[UUID, list[str]] = defaultdict(list)
        for line in lines:
            if line.id in self.theme_of:
                names[self.theme_of[line.id]].append(line.title)
        self.titles = {theme_id: named(its[:NAMED_BY]) for theme_id, its in names.items()}
        self.candidates = {
            line.id: [(self.items[other], score, why) for other, score, why in its]
            for line, its in zip(lines, found.candidates, strict=True)
        }


def _with_wordless(lines: Sequence[_Line], themes: Sequence[int | None]) -> dict[UUID, int]:
    """The theme of each item; items without words are together if we call them the same, by their reason."""
    together = {line.id: theme for line, theme in zip(lines, themes, strict=True) if theme is not None}
    unused = max(together.values(), default=-1) + 1
    reasons: dict[str, int] = {}
    for line in lines:
        if line.holds and line.id not in together:
            together[line.id] = unused + reasons.setdefault(line.title, len(reasons))
    return together


def named(titles: Sequence[str]) -> str:
    """The title of a theme from those of its items: the most central of the quotes, if there are any."""
    quotes = [each for each in titles if each.startswith("“")]
    return title(quotes, "unknown") if quotes else min(titles, key=lambda each: (len(each), each))


def _write(db: Database, themes: _Themes) -> None:
    its = (Theme.project_id == themes.project_id, Theme.feature_id == themes.feature_id)
    with db.write() as session:
        new = insert_into(session, Theme)
        naming = new.on_conflict_do_update(
            index_elements=["project_id", "id"],
            set_={"title": new.excluded.title, "grouping_version": new.excluded.grouping_version},
        )
        rows = [
            {
                "project_id": themes.project_id,
                "id": theme_id,
                "feature_id": themes.feature_id,
                "title": name,
                "grouping_version": GROUPING_VERSION,
            }
            for theme_id, name in sorted(themes.titles.items())
        ]
        if rows:
            session.connection().execute(naming, rows)
    in_order = sorted(themes.items)
    for start in range(0, len(in_order), _WRITTEN):
        with db.write() as session:
            placement.hold(session, themes.project_id, {themes.feature_id}, wait=True)
            _write_items(session, themes, in_order[start : start + _WRITTEN])
    with db.write() as session:
        session.execute(delete(Theme).where(*its, Theme.id.not_in(list(themes.titles))))


def _write_items(session: Session, themes: _Themes, items: Sequence[UUID]) -> None:
    """Write what differs from what is stored."""
    project_id = themes.project_id
    held = select(Item.id, Item.theme_id).where(Item.project_id == project_id, Item.id.in_(items))
    stored = dict(session.execute(held).all())
    moved = [item_id for item_id in items if item_id in stored and stored[item_id] != themes.theme_of.get(item_id)]
    if moved:
        placing = update(Item).where(Item.project_id == project_id, Item.id == bindparam("its_id"))
        values = [{"its_id": item_id, "theme_id": themes.theme_of.get(item_id)} for item_id in moved]
        session.connection().execute(placing.values(theme_id=bindparam("theme_id")), values)
    of_these = (Candidate.project_id == project_id, Candidate.item_id.in_(items))
    known: dict[UUID, list[tuple[UUID, float, list[str]]]] = defaultdict(list)
    columns = select(Candidate.item_id, Candidate.other_id, Candidate.score, Candidate.why).where(*of_these)
    for item_id, other_id, score, why in session.execute(columns):
        known[item_id].append((other_id, score, why))
    changed = [each for each in items if each in stored and sorted(known[each]) != sorted(themes.candidates[each])]
    if changed:
        session.execute(delete(Candidate).where(Candidate.project_id == project_id, Candidate.item_id.in_(changed)))
    if rows := list(_candidate_rows(themes, changed)):
        session.connection().execute(insert_into(session, Candidate), rows)


def _candidate_rows(themes: _Themes, items: Iterable[UUID]) -> Iterable[dict[str, Any]]:
    for item_id in items:
        for other_id, score, why in themes.candidates[item_id]:
            yield {
                "project_id": themes.project_id,
                "item_id": item_id,
                "other_id": other_id,
                "score": score,
                "why": why,
                "grouping_version": GROUPING_VERSION,
            }
