"""marshmallow fields that take what the wire says and nothing that merely looks like it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from marshmallow import ValidationError, fields, validate

from heedback import limits
from heedback_service.core.uuids import read_uuid
from heedback_widgets.values import NOT_TEXT, is_text

# ISO 8601 knows weeks, ordinal days and bare hours too; RFC 3339 does not. Its parent class asks for the zone.
RFC_3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)?", re.ASCII)


class Fits(validate.Validator):
    """The whole value fits the pattern; marshmallow's own `Regexp` lets a newline through behind `$`."""

    def __init__(self, pattern: str) -> None:
        self.regex: Final = re.compile(pattern)  # by this name it gets into the OpenAPI document

    def __call__(self, value: str) -> str:
        if self.regex.fullmatch(value) is None:
            raise ValidationError("String does not match expected pattern.")
        return value


class Text(fields.String):
    """Text of at most `characters`, or `utf8` bytes."""

    def __init__(
        self, *, characters: int | None = None, utf8: int | None = None, allow_none: bool = True, **kwargs: Any
    ) -> None:
        self.utf8: Final = utf8
        if characters is not None:
            kwargs["validate"] = [validate.Length(max=characters), *kwargs.get("validate", [])]
        super().__init__(allow_none=allow_none, **kwargs)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> str:
        if not isinstance(value, str):
            raise self.make_error("invalid")
        if not is_text(value):
            raise ValidationError(NOT_TEXT)
        # UTF-8 takes at most four bytes a character: short texts need no counting.
        if self.utf8 is not None and len(value) * 4 > self.utf8 and len(value.encode()) > self.utf8:
            raise ValidationError(f"Longer than {self.utf8} bytes of UTF-8.")
        return value


class Name(Text):
    """A short string: a model, a version, a key, a pseudonym."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(characters=limits.NAME_CHARS, **kwargs)


class Whole(fields.Integer):
    """A JSON number without a fraction, from 0 unless told otherwise. 5.0 is one, as JSON Schema has it."""

    def __init__(self, *, least: int = 0, most: int, allow_none: bool = True, **kwargs: Any) -> None:
        super().__init__(allow_none=allow_none, strict=True, validate=validate.Range(least, most), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> int:
        number = _a_number(self, value)
        whole = int(number) if isinstance(number, float) and number.is_integer() else number
        return super()._deserialize(whole, *args, **kwargs)


class Number(fields.Float):
    """A finite JSON number within a range."""

    def __init__(self, *, least: float, most: float, **kwargs: Any) -> None:
        super().__init__(allow_none=True, validate=validate.Range(least, most), **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> float:
        return super()._deserialize(_a_number(self, value), *args, **kwargs)


class YesNo(fields.Boolean):
    """true or false, not "yes" and not 1."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> bool:
        if not isinstance(value, bool):
            raise self.make_error("invalid", input=value)
        return value


class Moment(fields.AwareDateTime):
    """RFC 3339, with its zone, in the years 2000 to 2099: arithmetic on it cannot overflow."""

    def __init__(self, **kwargs: Any) -> None:
        years = validate.Range(datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC), max_inclusive=False)
        super().__init__(format="iso", validate=years, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> datetime:
        if not isinstance(value, str) or RFC_3339.fullmatch(value) is None:
            raise self.make_error("invalid", input=value, obj_type=self.OBJ_TYPE)
        return super()._deserialize(value.upper(), *args, **kwargs)  # RFC 3339 has t and z, Python's reader has not


class Id(fields.UUID):
    """32 hexadecimal digits, with hyphens or without, and no other form that Python can make a UUID of."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> UUID:
        try:
            return read_uuid(value)
        except (AttributeError, TypeError, ValueError):
            raise self.make_error("invalid_uuid") from None


class EventId(Id):
    """Any but the nil one, which is nobody's."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> UUID:
        found = super()._deserialize(value, *args, **kwargs)
        if found.int == 0:
            raise self.make_error("invalid_uuid")
        return found


class Few(fields.List[Any]):
    """A list of at most so many; of a longer one nothing is looked at."""

    def __init__(self, inner: fields.Field[Any], *, most: int) -> None:
        self._most: Final = validate.Length(max=most)
        super().__init__(inner, allow_none=True, validate=self._most)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> list[Any]:
        return super()._deserialize(self._most(value) if isinstance(value, list) else value, *args, **kwargs)


class Metadata(fields.Dict):
    """The host's own pairs of short strings."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Any:
        few = validate.Length(max=limits.METADATA_KEYS)  # of more than that nothing is looked at
        few_or_none = few(value) if isinstance(value, dict) else value
        return super()._deserialize(few_or_none, *args, **kwargs)  # type: ignore[no-untyped-call]

    def __init__(self) -> None:
        super().__init__(
            keys=Text(characters=limits.METADATA_KEY_CHARS, allow_none=False),
            values=Text(characters=limits.METADATA_VALUE_CHARS, allow_none=False),
            validate=validate.Length(max=limits.METADATA_KEYS),
            allow_none=True,
        )


class AnyEvent(fields.Field[Any]):
    """An event, not looked into yet: each one is loaded by itself, so that a bad one leaves its neighbours alone."""


def _a_number(field: fields.Field[Any], value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise field.make_error("invalid", input=value)
    return value
