"""What each value that a browser may send looks like. Pure: a function a shape; what does not fit raises `Unfit`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from heedback import limits

Shape = Callable[[Any], object]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# PostgreSQL cannot store NUL, and half a surrogate pair is no UTF-8; refused on both databases alike.
_NOT_TEXT: Final = re.compile("[\x00\ud800-\udfff]")
NOT_TEXT: Final = "NUL and lone surrogates are not text."
_REASON: Final = re.compile(limits.REASON_PATTERN)
_RECEIPT: Final = re.compile(r"[A-Za-z0-9_-]{22,64}")
# What each scale takes, and how one is told so.
SCALES: Final[Mapping[str, tuple[str, Callable[[Any], bool]]]] = {
    "thumbs": ("thumbs is 1 (up) or 0 (down).", lambda value: value in (0, 1)),
    "stars": ("stars is a whole number from 1 to 5.", lambda value: value in (1, 2, 3, 4, 5)),
    "score": ("score is a number from 0 to 1.", lambda value: value is not None and 0 <= value <= 1),
}


class Unfit(ValueError):  # noqa: N818 - a verdict on one value, caught where it was asked for
    """A value is not what its field takes; `message` says why, `field` where in it, if that is not all of it."""

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.field = field


def or_null(shape: Shape) -> Shape:
    return lambda value: None if value is None else shape(value)


def moment(value: Any) -> datetime:
    """RFC 3339 with its zone, in the years 2000 to 2099; the datetime it is."""
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            at = datetime.fromisoformat(value.upper())
            if EARLIEST <= at < _LATEST:
                return at
    except ValueError:
        pass
    raise Unfit("Not a valid datetime.")


def identity(value: Any) -> None:
    if not isinstance(value, str) or _ID.fullmatch(value) is None:
        raise Unfit("Not a valid UUID.")


def is_text(value: str) -> bool:
    """Whether a string has neither NUL nor a lone surrogate in it."""
    # Most are ASCII, which Python knows without looking.
    return "\0" not in value if value.isascii() else _NOT_TEXT.search(value) is None


def text(most: int) -> Shape:
    def shape(value: Any) -> None:
        if not isinstance(value, str):
            raise Unfit("Not a valid string.")
        if not is_text(value):
            raise Unfit(NOT_TEXT)
        if len(value) > most:
            raise Unfit(f"Longer than maximum length {most}.")

    return shape


def truth(value: Any) -> None:
    if not isinstance(value, bool):
        raise Unfit("Not a valid boolean.")


def true(value: Any) -> None:
    if value is not True:
        raise Unfit("Must be true.")


def reasons(value: Any) -> None:
    if not isinstance(value, list):
        raise Unfit("Not a valid list.")
    if len(value) > limits.MAX_REASONS:
        raise Unfit(f"Longer than maximum length {limits.MAX_REASONS}.")
    for at, key in enumerate(value):
        if not isinstance(key, str) or _REASON.fullmatch(key) is None:
            raise Unfit("Not a key of a reason.", str(at))


def number(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= limits.MAX_VALUE:
        raise Unfit("Not a valid number.")


def version(value: Any) -> None:
    number(value)
    if value != int(value) or not 1 <= value <= limits.MAX_REASONS_VERSION:
        raise Unfit(f"Must be a whole number from 1 to {limits.MAX_REASONS_VERSION}.")


def rating(value: Any) -> None:
    if not isinstance(value, dict) or value.keys() != {"value", "scale"}:
        raise Unfit("Give value and scale.")
    scale = value["scale"]
    if not isinstance(scale, str) or scale not in SCALES:
        raise Unfit(f"Must be one of: {', '.join(SCALES)}.", "scale")
    message, does = SCALES[scale]
    try:
        number(value["value"])
    except Unfit as unfit:
        raise Unfit(unfit.message, "value") from None
    if not does(value["value"]):
        raise Unfit(message, "value")


def receipt(value: Any) -> None:
    if not isinstance(value, str) or _RECEIPT.fullmatch(value) is None:
        raise Unfit("Not 128 random bits in base64url or hex.")


def signal(value: Any) -> None:
    if not isinstance(value, str) or value not in limits.SIGNALS:
        raise Unfit(f"Must be one of: {', '.join(limits.SIGNALS)}.")
