"""What people said about pairs of reports, and what follows from it for the place of one of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple
from uuid import UUID


class Tie(NamedTuple):
    """Two reports are about the same problem, or not. `said` grows with time."""

    a: UUID
    b: UUID
    said: UUID
    same: bool


class Ties:
    """Ties by report. The newest on a pair counts, whatever was said of the pair before."""

    def __init__(self, ties: Iterable[Tie] = ()) -> None:
        newest: dict[tuple[UUID, UUID], Tie] = {}
        for tie in ties:
            pair = (min(tie.a, tie.b), max(tie.a, tie.b))
            if pair not in newest or newest[pair].said < tie.said:
                newest[pair] = tie
        self._of: dict[UUID, list[tuple[UUID, bool]]] = defaultdict(list)
        for tie in sorted(newest.values(), key=lambda tie: (tie.said, tie.a, tie.b), reverse=True):
            self._of[tie.a].append((tie.b, tie.same))
            self._of[tie.b].append((tie.a, tie.same))

    def __contains__(self, report: UUID) -> bool:
        return report in self._of

    @property
    def reports(self) -> Collection[UUID]:
        """All that are tied to another."""
        return self._of.keys()

    def verdicts(self, report: UUID, homes: Mapping[UUID, UUID]) -> dict[UUID, bool]:
        """For each item of `homes` (report → item) that is tied to `report`: whether it belongs there. Newest first.

        What was said of the report itself goes first. Then what follows: the same as one that is the same is the same,
        and what is not the same as that one is not.
        """
        found: dict[UUID, bool] = {}
        direct = self._of.get(report, [])
        for other, same in direct:
            if other in homes:
                found.setdefault(homes[other], same)
        for partner in [other for other, same in direct if same]:
            for other, same in self._of.get(partner, []):
                if other != report and other in homes:
                    found.setdefault(homes[other], same)
        return found
