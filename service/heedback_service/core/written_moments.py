"""Moments as files write them."""

from __future__ import annotations

import re
import reprlib
from datetime import UTC, datetime, time
from typing import Any, Final

_BASIC_DATE: Final = "[0-9]{8}"  # of ISO 8601, without hyphens; so many seconds since 1970 are the years up to 1973
_MILLISECONDS: Final = 1e11  # from here on: so many seconds are the year 5138, so many milliseconds 1973


def moment(given: Any, column: str) -> datetime:
    """A date, a date and time (of UTC, if it does not say), or seconds or milliseconds since 1970.

    Raises:
        ValueError: it is none of these; the message shows it, and names its column.
    """
    try:
        if isinstance(given, bool):
            raise TypeError
        text = str(given).strip().removesuffix(".0")  # what becomes of a number in a column with empty cells
        number = re.fullmatch(r"[0-9]+(\.[0-9]*)?", text)
        if number is None or re.fullmatch(_BASIC_DATE, text):
            at = datetime.fromisoformat(text)
            return at if at.tzinfo else at.replace(tzinfo=UTC)
        since = float(text)
        return datetime.fromtimestamp(since / 1000 if since >= _MILLISECONDS else since, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError(f"{column} is no date and time: {reprlib.repr(given)}") from None


def is_only_a_date(at: datetime) -> bool:
    """Whether it is midnight, which is what spreadsheets and databases make of a date without a time of day."""
    return at.time() == time()
