"""Features and slices by name: made on first sight, up to a cap, after which everything new counts for `other`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import bindparam, func, select
from sqlalchemy.orm import Session

from heedback_service.core.ids import derived_id
from heedback_service.flow import locks
from heedback_service.flow.memory import Memory
from heedback_service.store.db import insert_into
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

_FEATURES: Final = select(Feature.__table__.c.name, Feature.__table__.c.id).where(
    Feature.project_id == bindparam("project"), Feature.name.in_(bindparam("names", expanding=True))
)
_SLICES: Final = select(Slice.__table__.c.id).where(
    Slice.project_id == bindparam("project"), Slice.id.in_(bindparam("ids", expanding=True))
)


def features(
    session: Session,
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
        stored = _features(session, project_id, unseen)
        for name, feature_id in stored.items():
            memory.keep_feature(project_id, name, feature_id)
        known |= stored
    unknown = sorted(unseen - known.keys())
    return known | _new_features(session, project_id, unknown, now, new_id) if unknown else known


def dims_of(event: Mapping[str, Any]) -> Dims:
    """The dimensions that an output, or the context copied onto feedback, names."""
    return tuple([event.get(name) for name in DIMENSIONS])


def slices(session: Session, project_id: int, wanted: Collection[Place], memory: Memory) -> dict[Place, UUID]:
    """The slice id of each (feature, dimensions)."""
    ids = {place: derived_id(place[0].hex, *place[1]) for place in wanted}
    unseen = [slice_id for slice_id in ids.values() if not memory.has_slice(project_id, slice_id)]
    if not unseen:
        return ids
    stored = set(session.connection().scalars(_SLICES, {"project": project_id, "ids": unseen}))
    for slice_id in stored:
        memory.keep_slice(project_id, slice_id)
    fresh: dict[UUID, list[Place]] = {}
    for place, slice_id in ids.items():
        if slice_id in unseen and slice_id not in stored:
            fresh.setdefault(place[0], []).append(place)
    for feature_id, places in fresh.items():
        ids |= _new_slices(session, project_id, feature_id, sorted(places, key=repr), ids)
    return ids


def _new_features(
    session: Session, project_id: int, names: list[str], now: datetime, new_id: Callable[[], UUID]
) -> dict[str, UUID]:
    locks.take_naming_turn(session, project_id)
    room = MAX_FEATURES - _count(session, Feature, Feature.project_id == project_id)
    made, over = names[: max(room, 0)], names[max(room, 0) :]
    wanted = [*made, *([OTHER] if over else [])]
    rows = [{"project_id": project_id, "id": new_id(), "name": name, "created_at": now} for name in wanted]
    session.connection().execute(insert_into(session, Feature).on_conflict_do_nothing(), rows)
    known = _features(session, project_id, wanted)
    return known | dict.fromkeys(over, known[OTHER]) if over else known


def _new_slices(
    session: Session, project_id: int, feature_id: UUID, places: list[Place], ids: Mapping[Place, UUID]
) -> dict[Place, UUID]:
    locks.take_naming_turn(session, project_id)
    room = MAX_SLICES - _count(session, Slice, Slice.project_id == project_id, Slice.feature_id == feature_id)
    made, over = places[: max(room, 0)], places[max(room, 0) :]
    rows = [_slice(project_id, feature_id, ids[place], place[1]) for place in made]
    overflow = derived_id(feature_id.hex, "overflow")
    if over:
        rows.append(_slice(project_id, feature_id, overflow, (None,) * len(DIMENSIONS)) | {"overflow": True})
    session.connection().execute(insert_into(session, Slice).on_conflict_do_nothing(), rows)
    return dict.fromkeys(over, overflow)


def _slice(project_id: int, feature_id: UUID, slice_id: UUID, dims: Dims) -> dict[str, Any]:
    named = dict(zip(DIMENSIONS, dims, strict=True))
    return {"project_id": project_id, "id": slice_id, "feature_id": feature_id, "overflow": False, **named}


def _features(session: Session, project_id: int, names: Collection[str]) -> dict[str, UUID]:
    found = session.connection().execute(_FEATURES, {"project": project_id, "names": list(names)})
    return {name: feature_id for name, feature_id in found.all()}  # noqa: C416 - `dict` of rows is not typed


def _count(session: Session, table: type[Feature] | type[Slice], *where: Any) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0
