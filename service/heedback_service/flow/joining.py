"""A batch of reports finding their items: by exact signature, or by near-identical words.

Items are the connected parts of the graph whose edges are "the same": an equal signature, or a shared band and the
nearness at which reports of the project join. So neither the order of reports nor the cut into batches matters, while
nothing is crowded: a report is compared with the 32 texts it shares most bands with, and a band is held by at most 64
texts, the first that came. Where more than that are alike without being equal, as reports made from one template are,
which pairs are compared depends on the order, and one item may stay two until a report connects them.

A report that connects two items joins them into one, but for what people have touched: that stays as it is, and takes
in what nobody has touched. What people said about pairs of reports goes before what their words say: a report is put
where one is that is the same, and never where one is that is not.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, exists, or_, select
from sqlalchemy.orm import Session

from heedback_service.core.grouping import COMPARED, CROWDED, near
from heedback_service.core.text import normalise
from heedback_service.core.ties import Ties
from heedback_service.flow import finding, links
from heedback_service.flow.learning import to_join_by
from heedback_service.flow.reports import Keyed
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.tables import Feedback, Item, ItemEvent, ItemFeedback, ItemKey, Link

_HOLDERS: Final = Direct(
    lambda dialect: (
        select(ItemKey.key, ItemKey.feedback_id, ItemFeedback.item_id)
        .join(ItemFeedback, finding.HOLDS)
        .where(ItemKey.project_id == bindparam("project"), among(dialect, ItemKey.key, "keys"))
    )
)
_COMMENTS: Final = Direct(
    lambda dialect: select(Feedback.id, Feedback.comment).where(
        Feedback.project_id == bindparam("project"), among(dialect, Feedback.id, "ids"), Feedback.comment.is_not(None)
    )
)
_NUMBERS: Final = Direct(
    lambda dialect: select(Item.id, Item.number).where(
        Item.project_id == bindparam("project"),
        Item.feature_id == bindparam("feature"),
        among(dialect, Item.id, "ids"),
    )
)


@dataclass(frozen=True, slots=True)
class Scope:
    """Where and when, and how new rows are named."""

    session: Session
    project_id: int
    feature_id: UUID
    now: datetime
    new_id: Callable[[], UUID]
    line: Line = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "line", Line(self.session.connection()))


@dataclass(frozen=True, slots=True)
class Placed:
    """A report with the item it was found to belong to, and the bands it makes it findable by (None: by no key)."""

    report: Keyed
    item_id: UUID
    why: str
    bands: tuple[str, ...] | None


class Board:
    """The items of one feature while a batch is placed on them. Nothing is written here."""

    def __init__(
        self, scope: Scope, arrivals: Sequence[Keyed], former: Iterable[UUID], at: float | None = None
    ) -> None:
        self._scope = scope
        self._into: dict[UUID, UUID] = {}  # item → the item it became part of
        self._home: dict[UUID, UUID] = {}  # report that holds keys → its item
        self._texts = {each.told.id: each.text for each in arrivals}
        self._holders: dict[str, list[UUID]] = defaultdict(list)
        self._ranks: dict[UUID, int] = {}  # the older an item, the lower
        self._settled: dict[UUID, bool] = {}
        learnt, self._corrected = to_join_by(scope.session, scope.project_id)
        self._join_at = learnt if at is None else at
        self._ties = Ties()
        self._tied: dict[UUID, UUID] = {}  # report that people tied to another → its item
        self._read(arrivals, former)
        self._stored = set(self._ranks)
        self._next_rank = max(self._ranks.values(), default=0)
        self.placed: list[Placed] = []

    def place(self, report: Keyed, former: UUID | None) -> None:
        """Find or make the item of `report`. `former`: the item that it alone made up until now."""
        matches = self._matches(report)
        if former in self._ranks:
            matches.setdefault(self.home(former), "was there alone, and its words changed")
        said = self._said(report)
        if together := next((item_id for item_id, same in said.items() if same), None):
            matches = {together: "a person put them together"}
        matches = {item_id: why for item_id, why in matches.items() if said.get(item_id, True)}
        home = self._joined(matches) if matches else self._made()
        why = matches.get(home) or next(iter(matches.values()), "the first of its kind")
        if report.told.id in self._ties:
            self._tied[report.told.id] = home
            self._settled[home] = True  # it is no longer one that nobody has touched
        bands = None if report.keys.signature in self._holders else self._hold(report, home)
        self.placed.append(Placed(report, home, why, bands))

    def home(self, item_id: UUID) -> UUID:
        """The item that `item_id` is part of by now."""
        while item_id in self._into:
            item_id = self._into[item_id]
        return item_id

    @property
    def made(self) -> list[UUID]:
        """New items, in the order in which they were found to be needed."""
        return [item_id for item_id in self._ranks if item_id not in self._stored and item_id not in self._into]

    @property
    def merged(self) -> dict[UUID, UUID]:
        """Stored items that became part of another one."""
        return {item_id: self.home(item_id) for item_id in self._into if item_id in self._stored}

    def _said(self, report: Keyed) -> dict[UUID, bool]:
        """The items with reports that people tied to this one: whether it belongs there, by their newest word."""
        if report.told.id not in self._ties:
            return {}
        homes = {other: self.home(item_id) for other, item_id in self._tied.items()}
        return self._ties.verdicts(report.told.id, homes)

    def _matches(self, report: Keyed) -> dict[UUID, str]:
        """The items of the same reports, with why."""
        if alike := self._holders.get(report.keys.signature):
            why = "the same words" if report.text else "the same answer and reasons, no words"
            return {self.home(self._home[holder]): why for holder in alike}
        scores = {
            holder: near(report.text, self._texts.get(holder, ""), self._join_at) for holder in self._candidates(report)
        }
        by_score = sorted(scores, key=lambda holder: scores[holder])
        return {
            self.home(self._home[holder]): f"nearly the same words ({scores[holder]:.2f})"
            for holder in by_score
            if scores[holder] >= self._join_at
        }

    def _candidates(self, report: Keyed) -> list[UUID]:
        """Those whose text shares most bands with the report's."""
        shared = Counter(holder for band in report.keys.bands for holder in self._holders.get(band, ()))
        return sorted(shared, key=lambda holder: (-shared[holder], holder))[:COMPARED]

    def _joined(self, matches: Iterable[UUID]) -> UUID:
        """One item for all that match: the oldest that people touched, else the oldest; it takes in the untouched."""
        oldest_first = sorted(matches, key=lambda item_id: self._ranks[item_id])
        if len(oldest_first) == 1:
            return oldest_first[0]
        home = next(filter(self._is_settled, oldest_first), oldest_first[0])
        for other in oldest_first:
            if other != home and not self._is_settled(other):
                self._into[other] = home
        return home

    def _made(self) -> UUID:
        item_id = self._scope.new_id()
        self._ranks[item_id] = self._next_rank = self._next_rank + 1
        self._settled[item_id] = False
        return item_id

    def _hold(self, report: Keyed, home: UUID) -> tuple[str, ...]:
        self._home[report.told.id] = home
        self._holders[report.keys.signature].append(report.told.id)
        free = tuple(band for band in report.keys.bands if len(self._holders[band]) < CROWDED)
        for band in free:
            self._holders[band].append(report.told.id)
        return free

    def _read(self, arrivals: Sequence[Keyed], former: Iterable[UUID]) -> None:
        project_id, feature_id = self._scope.project_id, self._scope.feature_id
        self._read_holders({each.keys.signature for each in arrivals})
        fresh = [each for each in arrivals if each.keys.signature not in self._holders]  # the others are found
        self._read_holders({band for each in fresh for band in each.keys.bands})
        self._read_texts({holder for each in fresh for holder in self._candidates(each)})
        if self._corrected:
            self._ties = links.ties_of(self._scope.session, project_id, [each.told.id for each in arrivals])
            self._tied = links.homes_of(self._scope.session, project_id, feature_id, self._ties.reports)
        self._read_items({*self._home.values(), *self._tied.values(), *former})

    def _read_holders(self, keys: set[str]) -> None:
        stored = {finding.number(self._scope.feature_id, key): key for key in keys}
        if stored:
            rows = _HOLDERS.rows(self._scope.line, project=self._scope.project_id, keys=list(stored))
            for number, holder, item_id in rows:
                self._holders[stored[number]].append(holder)
                self._home[holder] = item_id

    def _read_texts(self, holders: set[UUID]) -> None:
        if holders:
            read = _COMMENTS.rows(self._scope.line, project=self._scope.project_id, ids=list(holders))
            self._texts |= {holder: normalise(comment) for holder, comment in read}

    def _read_items(self, items: set[UUID]) -> None:
        if items:
            place = {"project": self._scope.project_id, "feature": self._scope.feature_id}
            self._ranks = dict(_NUMBERS.rows(self._scope.line, **place, ids=list(items)))

    def _is_settled(self, item_id: UUID) -> bool:
        """Whether a person has done anything to it. Whoever wants to, from now on, waits until we have committed."""
        if item_id not in self._settled:
            project_id = self._scope.project_id
            # By itself: a statement that waits for a decision sees its row, and not the event that tells of it.
            deciding = select(Item.id).where(Item.project_id == project_id, Item.id == item_id)
            self._scope.session.execute(deciding.with_for_update(key_share=True))
            query = select(touched()).where(Item.project_id == project_id, Item.id == item_id)
            self._settled[item_id] = bool(self._scope.session.scalar(query))
        return self._settled[item_id]


def touched() -> ColumnElement[bool]:
    """The item of a query on items is one that a person has done anything to, or that holds what people tied."""
    its = (ItemFeedback.project_id == Item.project_id, ItemFeedback.item_id == Item.id)
    decided = exists().where(
        ItemEvent.project_id == Item.project_id, ItemEvent.item_id == Item.id, ItemEvent.actor.is_not(None)
    )
    placed = exists().where(*its, ItemFeedback.placed_by == "person")
    tied = [
        exists().where(
            *its, Link.project_id == Item.project_id, end == ItemFeedback.feedback_id, Link.undone_at.is_(None)
        )
        for end in (Link.feedback_a, Link.feedback_b)
    ]
    state = (Item.state != "new", Item.title_by != "rule", Item.snoozed_until.is_not(None))
    return or_(*state, decided, placed, *tied)
