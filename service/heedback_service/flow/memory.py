"""What intake may remember between transactions: what never changes once it is committed, or not soon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_MOST: Final = 50_000
_SOON: Final = 3600 * 1000  # milliseconds


@dataclass(slots=True)
class Memory:
    """Features by name, slices that exist, and who has ids without a time, of one database.

    Only what a SELECT has seen goes in.

    A row that this transaction makes is left out: it may yet be rolled back. The next one finds it in the store.
    """

    _features: dict[tuple[int, str], UUID] = field(default_factory=dict)
    _slices: set[tuple[int, UUID]] = field(default_factory=set)
    _untimed: dict[int, tuple[int, bool]] = field(default_factory=dict)

    def feature(self, project_id: int, name: str) -> UUID | None:
        return self._features.get((project_id, name))

    def has_slice(self, project_id: int, slice_id: UUID) -> bool:
        return (project_id, slice_id) in self._slices

    def keep_feature(self, project_id: int, name: str, feature_id: UUID) -> None:
        if len(self._features) >= _MOST:
            self._features.clear()
        self._features[project_id, name] = feature_id

    def keep_slice(self, project_id: int, slice_id: UUID) -> None:
        if len(self._slices) >= _MOST:
            self._slices.clear()
        self._slices.add((project_id, slice_id))

    def untimed(self, project_id: int, now: int) -> bool | None:
        """Whether the project has stored ids without their time; None: ask again. It is forgotten after an hour."""
        seen = self._untimed.get(project_id)
        return seen[1] if seen is not None and 0 <= now - seen[0] < _SOON else None

    def keep_untimed(self, project_id: int, now: int, *, there: bool) -> None:
        self._untimed[project_id] = now, there
