"""When something happened, when the sender's clock may be wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_TRUSTED: Final = timedelta(minutes=1)
_EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)  # as on the wire
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def corrected(occurred_at: datetime, sent_at: datetime, now: datetime) -> datetime:
    """`occurred_at` by our clock, given that the sender's clock read `sent_at` at `now`.

    A clock within a minute of ours is taken as it is: the difference is then mostly travel time, which changes with
    each retry, and a retry must not reorder anything. Nothing happens later than a minute from now, nor before 2000,
    where a clock that is far ahead and an event that is far back would lead.
    """
    ahead = sent_at - now
    moment = occurred_at if abs(ahead) <= _TRUSTED else occurred_at - ahead
    return max(_EARLIEST, min(moment, now + _TRUSTED))


def microseconds(moment: datetime) -> int:
    """Whole microseconds since 1970."""
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_microseconds(value: int) -> datetime:
    return _EPOCH + timedelta(microseconds=value)
