"""What intake may remember between transactions: ids that never change once they are committed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

_MOST: Final = 50_000


@dataclass(slots=True)
class Memory:
    """Features by name and slices that exist, of one database. Only what a SELECT has seen goes in.

    A row that this transaction makes is left out: it may yet be rolled back. The next one finds it in the store.
    """

    _features: dict[tuple[int, str], UUID] = field(default_factory=dict)
    _slices: set[tuple[int, UUID]] = field(default_factory=set)

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
