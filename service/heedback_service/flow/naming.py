"""Features and slices by name: made on first sight, up to a cap, after which everything new counts for `other`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from heedback_service.core.ids import derived_id
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


def features(
    session: Session, project_id: int, names: Collection[str], now: datetime, new_id: Callable[[], UUID]
) -> dict[str, UUID]:
    """The feature id of each name."""
    known = _features(session, project_id, names)
    unknown = sorted(set(names) - known.keys())
    if not unknown:
        return known
    room = MAX_FEATURES - _count(session, Feature, Feature.project_id == project_id)
    made = unknown[: max(room, 0)]
    over = unknown[len(made) :]
    rows = [
        {"project_id": project_id, "id": new_id(), "name": name, "created_at": now}
        for name in [*made, *([OTHER] if over else [])]
    ]
    session.execute(insert_into(session, Feature).on_conflict_do_nothing(), rows)
    known |= _features(session, project_id, [*made, *([OTHER] if over else [])])
    if over:
        known |= dict.fromkeys(over, known[OTHER])
    return known


def dims_of(event: Mapping[str, Any]) -> Dims:
    """The dimensions that an output, or the context copied onto feedback, names."""
    return tuple([event.get(name) for name in DIMENSIONS])


def slices(session: Session, project_id: int, wanted: Collection[tuple[UUID, Dims]]) -> dict[tuple[UUID, Dims], UUID]:
    """The slice id of each (feature, dimensions)."""
    ids = {pair: derived_id(pair[0].hex, *pair[1]) for pair in wanted}
    in_store = select(Slice.id).where(Slice.project_id == project_id, Slice.id.in_(ids.values()))
    known = set(session.scalars(in_store))
    fresh: dict[UUID, list[tuple[UUID, Dims]]] = {}
    for pair, slice_id in ids.items():
        if slice_id not in known:
            fresh.setdefault(pair[0], []).append(pair)
    for feature_id, pairs in fresh.items():
        ids |= _make(session, project_id, feature_id, sorted(pairs, key=repr), ids)
    return ids


def _make(
    session: Session,
    project_id: int,
    feature_id: UUID,
    pairs: list[tuple[UUID, Dims]],
    ids: Mapping[tuple[UUID, Dims], UUID],
) -> dict[tuple[UUID, Dims], UUID]:
    room = MAX_SLICES - _count(session, Slice, Slice.project_id == project_id, Slice.feature_id == feature_id)
    made, over = pairs[: max(room, 0)], pairs[max(room, 0) :]
    rows = [_slice(project_id, feature_id, ids[pair], pair[1]) for pair in made]
    overflow = derived_id(feature_id.hex, "overflow")
    if over:
        rows.append(_slice(project_id, feature_id, overflow, (None,) * len(DIMENSIONS)) | {"overflow": True})
    session.execute(insert_into(session, Slice).on_conflict_do_nothing(), rows)
    return dict.fromkeys(over, overflow)


def _slice(project_id: int, feature_id: UUID, slice_id: UUID, dims: Dims) -> dict[str, Any]:
    named = dict(zip(DIMENSIONS, dims, strict=True))
    return {"project_id": project_id, "id": slice_id, "feature_id": feature_id, "overflow": False, **named}


def _features(session: Session, project_id: int, names: Collection[str]) -> dict[str, UUID]:
    found = select(Feature.name, Feature.id).where(Feature.project_id == project_id, Feature.name.in_(names))
    return dict(session.execute(found).all())


def _count(session: Session, table: type[Feature] | type[Slice], *where: Any) -> int:
    return session.scalar(select(func.count()).select_from(table).where(*where)) or 0
