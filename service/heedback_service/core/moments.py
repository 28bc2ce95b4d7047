"""Moments as the store keeps and compares them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


@lru_cache(1024)  # the columns of a row say the same moment two or three times
def from_microseconds(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)
