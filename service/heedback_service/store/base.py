"""What every table shares: the declarative base, the column types, and the naming of constraints."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import orjson
from sqlalchemy import JSON, DateTime, Dialect, ForeignKeyConstraint, MetaData, String, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase

_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """An instant: only aware datetimes go in, only UTC comes out. SQLite forgets the zone; this does not."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a naive datetime is not an instant: {value!r}")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def to_json(value: Any) -> str:
    """How JSON columns are written: for machines."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # whole numbers beyond 64 bits, which Python's own takes
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


Json = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=_NAMES)
    type_annotation_map: ClassVar = {
        datetime: UTCDateTime,
        UUID: Uuid(),
        dict[str, Any]: Json,
        list[str]: Json,
        str: String(),
    }


def in_project(*columns: str, of: str) -> ForeignKeyConstraint:
    """A foreign key that starts with `project_id`, to the rows of table `of` in the same project."""
    target = [f"{of}.project_id", f"{of}.id"]
    return ForeignKeyConstraint(["project_id", *columns], target, ondelete="CASCADE")
