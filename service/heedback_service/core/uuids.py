"""UUIDs as intake has them: read strictly, and with their digits at hand."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID, SafeUUID

__all__ = ["Uuid", "read_uuid"]

_BYTES: Final = 16


class Uuid(UUID):
    """A `uuid.UUID`, equal to any with the same digits, that does not work them out each time it is asked.

    Of an event they are asked for a dozen times, which took a twentieth of all that intake takes.
    """

    __slots__ = ("hex",)
    hex: str
    is_safe = SafeUUID.unknown  # type: ignore[misc]  # a slot of UUID, to be filled each time

    def __reduce__(self) -> tuple[type[UUID], tuple[str]]:
        return UUID, (self.hex,)


# A UUID refuses to be changed, and is filled by the descriptors of its slots.
_bare: Final = object.__new__
_set_number: Final[Any] = vars(UUID)["int"].__set__
_set_digits: Final[Any] = vars(Uuid)["hex"].__set__


def read_uuid(text: str) -> UUID:
    """The UUID in 32 hexadecimal digits, in either case, with hyphens or without; nothing else (RFC 9562, section 4).

    `uuid.UUID` would also take what only `int(text, 16)` takes for a number: underscores, signs, digits of any script.

    Raises:
        ValueError: it is none.
        AttributeError: it is no text.
    """
    digits = text.replace("-", "")
    raw = bytes.fromhex(digits)
    if not len(digits) == 2 * len(raw) == 2 * _BYTES:  # it also skips white space
        raise ValueError("not a UUID")
    found = _bare(Uuid)
    _set_number(found, int.from_bytes(raw))
    _set_digits(found, raw.hex())
    return found
