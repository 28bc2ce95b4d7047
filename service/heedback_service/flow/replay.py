"""Today's rules tried on a project's history: what they would group otherwise, and making it so.

All reports of items that nobody has touched are placed anew, in the order in which they came, among the items that
people decided about, which stay as they are and take in what is the same. So no person's decision is undone: not an
item that was accepted or renamed, nor what somebody merged, split off, moved or said not to be the same.

It is planned on a snapshot, in nobody's way, and applied a change at a time; what has become of a report meanwhile is
respected.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID, uuid4

from sqlalchemy import bindparam, select, update
from sqlalchemy.orm import Session

from heedback_service.core.grouping import GROUPING_VERSION
from heedback_service.flow import finding, placement, ranking, reports
from heedback_service.flow.filing import make_items
from heedback_service.flow.joining import Board, Scope, touched
from heedback_service.flow.reports import Keyed
from heedback_service.store.joins import HELD, PLACED
from heedback_service.store.tables import Feature, Feedback, Item, ItemEvent, ItemFeedback

_MOVED_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True)
class Part:
    """Reports that leave an item, with the reason for which each belongs elsewhere. `of`: how many it has."""

    item_id: UUID
    number: int
    of: int
    why: Mapping[UUID, str]


@dataclass(frozen=True, slots=True)
class Change:
    """Reports of one or more items that belong to one item, `into`; None: to a new one."""

    feature_id: UUID
    into: UUID | None
    number: int | None
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What would change in one feature. `kept`: items that people touched, which lose nothing."""

    feature: str
    reports: int
    kept: int
    changes: tuple[Change, ...]

    @property
    def joins(self) -> int:
        """Items that would become part of others."""
        return sum(left == of for left, of in self._leaving())

    @property
    def splits(self) -> int:
        """Items that would lose a part."""
        return sum(left < of for left, of in self._leaving())

    @property
    def moves(self) -> int:
        """Reports that would be in another item."""
        return sum(left for left, _ in self._leaving())

    def _leaving(self) -> Iterable[tuple[int, int]]:
        left: Counter[tuple[UUID, int]] = Counter()
        for part in (part for change in self.changes for part in change.parts):
            left[part.item_id, part.of] += len(part.why)
        return [(n, of) for (_, of), n in left.items()]


def plans(session: Session, project_id: int, now: datetime, at: float | None = None) -> Iterable[Plan]:
    """What today's rules would change, feature by feature; with `at`, as if reports joined at that nearness."""
    features = select(Feature.id, Feature.name).where(Feature.project_id == project_id).order_by(Feature.name)
    for feature_id, name in session.execute(features).all():
        yield _plan(Scope(session, project_id, feature_id, now, uuid4), name, at)


def apply(session: Session, project_id: int, change: Change, now: datetime, new_id: Callable[[], UUID]) -> bool:
    """Make one change, or what is still left of it; False if nothing is. The caller commits."""
    placement.hold(session, project_id, {change.feature_id}, wait=True)
    parts = [part for part in (_still(session, project_id, part) for part in change.parts) if part.why]
    gone = change.into is not None and not _holds_any(session, project_id, change.into)
    if not parts or gone:
        return False
    into = change.into
    if into is None:
        into = new_id()
        make_items(Scope(session, project_id, change.feature_id, now, new_id), [into])
    number = session.scalar(select(Item.number).where(Item.project_id == project_id, Item.id == into))
    for part in parts:
        _move(session, project_id, part, into)
        whole = len(part.why) == part.of
        told = {"verb": "merged" if whole else "regrouped", "after": {"into": number}, "before": {}, "at": now}
        session.add(ItemEvent(project_id=project_id, id=new_id(), item_id=part.item_id, **told))
    session.flush()
    ranking.refresh(session, project_id, [into, *(part.item_id for part in parts)], now)
    return True


def outdated(session: Session, project_id: int) -> list[tuple[UUID, UUID]]:
    """(feature, item) of items with reports that were placed by an older version of the rules."""
    old = (
        select(Item.feature_id, Item.id)
        .join(ItemFeedback, HELD)
        .where(Item.project_id == project_id, ItemFeedback.grouping_version != GROUPING_VERSION)
        .distinct()
    )
    return [(feature_id, item_id) for feature_id, item_id in session.execute(old.order_by(Item.feature_id, Item.id))]


def renew(session: Session, project_id: int, feature_id: UUID, item_id: UUID) -> None:
    """Find an outdated item by today's keys. The caller commits."""
    placement.hold(session, project_id, {feature_id}, wait=True)
    finding.rekey(session, project_id, item_id)


class _Afresh(Board):
    """A board on which only what people decided about stands, with all it holds; nothing is looked up."""

    def __init__(
        self, scope: Scope, arrivals: Sequence[Keyed], standing: Mapping[UUID, Sequence[Keyed]], at: float | None
    ) -> None:
        self._standing = standing
        super().__init__(scope, arrivals, (), at)

    def _read(self, arrivals: Sequence[Keyed], former: Iterable[UUID]) -> None:
        for rank, (item_id, held) in enumerate(self._standing.items()):
            self._ranks[item_id], self._settled[item_id] = rank, True
            for report in held:
                self._texts[report.told.id] = report.text
                self._hold(report, item_id)


def _plan(scope: Scope, name: str, at: float | None) -> Plan:
    session, project_id = scope.session, scope.project_id
    items = select(Item.id, Item.number, Item.feedback_count, touched()).where(
        Item.project_id == project_id, Item.feature_id == scope.feature_id, Item.feedback_count > 0
    )
    rows = session.execute(items.order_by(Item.number)).all()
    numbers = {item_id: number for item_id, number, _, _ in rows}
    sizes = {item_id: count for item_id, _, count, _ in rows}
    settled = [item_id for item_id, _, _, its_touched in rows if its_touched]
    held = _held(scope)
    home = {report.told.id: item_id for item_id, its in held.items() for report in its}
    standing = {item_id: held.get(item_id, []) for item_id in settled}
    arrivals = [report for item_id, its in held.items() if item_id not in standing for report in its]
    board = _Afresh(scope, arrivals, standing, at)
    for report in sorted(arrivals, key=lambda report: report.told.id):
        board.place(report, None)
    groups: dict[UUID, dict[UUID, str]] = defaultdict(dict)
    for each in board.placed:
        groups[board.home(each.item_id)][each.report.told.id] = each.why
    targets = _targets(groups, standing, home, numbers)
    changes = []
    for group, why in groups.items():
        into = targets[group]
        parts: dict[UUID, dict[UUID, str]] = defaultdict(dict)
        for report_id, reason in why.items():
            if home[report_id] != into:
                parts[home[report_id]][report_id] = reason
        if parts:
            leaving = tuple(
                Part(item_id, numbers[item_id], sizes[item_id], parts[item_id]) for item_id in sorted(parts)
            )
            changes.append(Change(scope.feature_id, into, numbers.get(into) if into else None, leaving))
    return Plan(name, len(home), len(settled), tuple(changes))


def _held(scope: Scope) -> dict[UUID, list[Keyed]]:
    """What each item of the feature holds, but for reports that moved to another feature and wait to be read."""
    query = (
        reports.reading(scope.project_id)
        .add_columns(ItemFeedback.item_id)
        .join(ItemFeedback, PLACED)
        .join(Item, HELD)
        .where(Item.feature_id == scope.feature_id, Feedback.feature_id == scope.feature_id)
        .order_by(Feedback.id)
    )
    rows = scope.session.execute(query).all()
    found: dict[UUID, list[Keyed]] = defaultdict(list)
    for start in range(0, len(rows), _MOVED_AT_ONCE):
        some = rows[start : start + _MOVED_AT_ONCE]
        keyed = reports.keyed(scope.session, scope.project_id, map(reports.told, some))
        for row, report in zip(some, keyed, strict=True):
            found[row.item_id].append(report)
    return found


def _targets(
    groups: Mapping[UUID, Mapping[UUID, str]],
    standing: Mapping[UUID, Any],
    home: Mapping[UUID, UUID],
    numbers: Mapping[UUID, int],
) -> dict[UUID, UUID | None]:
    """The item of each group: the one that people decided about, else the old one with which it shares most."""
    shared = [
        (n, -numbers[item_id], group, item_id)
        for group, why in groups.items()
        if group not in standing
        for item_id, n in Counter(home[report_id] for report_id in why).items()
    ]
    found: dict[UUID, UUID | None] = {group: group if group in standing else None for group in groups}
    taken: set[UUID] = set()
    for _, _, group, item_id in sorted(shared, key=lambda each: each[:2], reverse=True):
        if found[group] is None and item_id not in taken:
            found[group] = item_id
            taken.add(item_id)
    return found


def _still(session: Session, project_id: int, part: Part) -> Part:
    """What of the part is still in an item that nobody has touched."""
    untouched = select(Item.id).where(Item.project_id == project_id, Item.id == part.item_id, ~touched())
    there = session.scalars(
        select(ItemFeedback.feedback_id).where(
            ItemFeedback.project_id == project_id, ItemFeedback.item_id.in_(untouched)
        )
    ).all()
    return Part(part.item_id, part.number, len(there), {each: part.why[each] for each in there if each in part.why})


def _holds_any(session: Session, project_id: int, item_id: UUID) -> bool:
    query = select(Item.feedback_count).where(Item.project_id == project_id, Item.id == item_id)
    return bool(session.scalar(query))


def _move(session: Session, project_id: int, part: Part, into: UUID) -> None:
    moving = (
        update(ItemFeedback)
        .where(ItemFeedback.project_id == project_id, ItemFeedback.feedback_id == bindparam("its_id"))
        .values(why=bindparam("its_why"), grouping_version=GROUPING_VERSION)
    )
    ids = sorted(part.why)
    for start in range(0, len(ids), _MOVED_AT_ONCE):
        some = ids[start : start + _MOVED_AT_ONCE]
        chosen = select(Feedback.id).where(Feedback.project_id == project_id, Feedback.id.in_(some))
        placement.move(session, project_id, chosen, into)
        session.connection().execute(moving, [{"its_id": each, "its_why": part.why[each]} for each in some])
