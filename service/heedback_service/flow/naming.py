"""Features and slices by name: made on first sight, up to a cap, after which everything new counts for `other`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select

from heedback_service.core.ids import derived_id
from heedback_service.flow import locks
from heedback_service.flow.memory import Memory
from heedback_service.store.db import insert_for
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.tables import Feature, Slice

MAX_FEATURES: Final = 500
MAX_SLICES: Final = 2000  # a feature
OTHER: Final = "other"
DIMENSIONS: Final = (
    "provider",
    "request_model",
    "response_model",
    "system_fingerprint",
    "prompt_name",
    "prompt_version",
    "app_version",
    "environment",
    "surface",
    "user_group",
)

Dims = tuple[str | None, ...]  # in the order of DIMENSIONS
Place = tuple[UUID, Dims]  # a feature, and where in it

_FEATURES: Final = Direct(
    lambda dialect: select(Feature.name, Feature.id).where(
        Feature.project_id == bindparam("project"), among(dialect, Feature.name, "names")
    )
)
_SLICES: Final = Direct(
    lambda dialect: select(Slice.id).where(Slice.project_id == bindparam("project"), among(dialect, Slice.id, "ids"))
)


def features(
    line: Line,
    project_id: int,
    names: Collection[str],
    now: datetime,
    new_id: Callable[[], UUID],
    memory: Memory,
) -> dict[str, UUID]:
    """The feature id of each name."""
    known = {name: known_id for name in names if (known_id := memory.feature(project_id, name)) is not None}
    unseen = set(names) - known.keys()
    if unseen:
        stored = _features(line, project_id, unseen)
        for name, feature_id in stored.items():
            memory.keep_feature(project_id, name, feature_id)
        known |= stored
    unknown = sorted(unseen - known.keys())
    return known | _new_features(line, project_id, unknown, now, new_id) if unknown else known


def dims_of(event: Mapping[str, Any]) -> Dims:
    """The dimensions that an output, or the context copied onto feedback, names."""
    return tuple([event.get(name) for name in DIMENSIONS])


def slices(line: Line, project_id: int, wanted: Collection[Place], memory: Memory) -> dict[Place, UUID]:
    """The slice id of each (feature, dimensions)."""
    ids = {place: derived_id(place[0].hex, *place[1]) for place in wanted}
    unseen = [slice_id for slice_id in ids.values() if not memory.has_slice(project_id, slice_id)]
    if not unseen:
        return ids
    stored = {found for (found,) in _SLICES.rows(line, project=project_id, ids=unseen)}
    for slice_id in stored:
        memory.keep_slice(project_id, slice_id)
    fresh: dict[UUID, list[Place]] = {}
    for place, slice_id in ids.items():
        if slice_id in unseen and slice_id not in stored:
            fresh.setdefault(place[0], []).append(place)
    for feature_id, places in fresh.items():
        ids |= _new_slices(line, project_id, feature_id, sorted(places, key=repr), ids)
    return ids


def _new_features(
    line: Line, project_id: int, names: list[str], now: datetime, new_id: Callable[[], UUID]
) -> dict[str, UUID]:
    locks.take_naming_turn(line, project_id)
    room = MAX_FEATURES - _count(line, Feature, Feature.project_id == project_id)
    made, over = names[: max(room, 0)], names[max(room, 0) :]
    wanted = [*made, *([OTHER] if over else [])]
    rows = [{"project_id": project_id, "id": new_id(), "name": name, "created_at": now} for name in wanted]
    line.connection.execute(insert_for(line.dialect.name, Feature).on_conflict_do_nothing(), rows)
    known = _features(line, project_id, wanted)
    return known | dict.fromkeys(over, known[OTHER]) if over else known


def _new_slices(
    line: Line, project_id: int, feature_id: UUID, places: list[Place], ids: Mapping[Place, UUID]
) -> dict[Place, UUID]:
    locks.take_naming_turn(line, project_id)
    room = MAX_SLICES - _count(line, Slice, Slice.project_id == project_id, Slice.feature_id == feature_id)
    made, over = places[: max(room, 0)], places[max(room, 0) :]
    rows = [_slice(project_id, feature_id, ids[place], place[1]) for place in made]
    overflow = derived_id(feature_id.hex, "overflow")
    if over:
        rows.append(_slice(project_id, feature_id, overflow, (None,) * len(DIMENSIONS)) | {"overflow": True})
    line.connection.execute(insert_for(line.dialect.name, Slice).on_conflict_do_nothing(), rows)
    return dict.fromkeys(over, overflow)


def _slice(project_id: int, feature_id: UUID, slice_id: UUID, dims: Dims) -> dict[str, Any]:
    named = dict(zip(DIMENSIONS, dims, strict=True))
    return {"project_id": project_id, "id": slice_id, "feature_id": feature_id, "overflow": False, **named}


def _features(line: Line, project_id: int, names: Collection[str]) -> dict[str, UUID]:
    return dict(_FEATURES.rows(line, project=project_id, names=list(names)))


def _count(line: Line, table: type[Feature] | type[Slice], *where: Any) -> int:
    return line.connection.scalar(select(func.count()).select_from(table).where(*where)) or 0
