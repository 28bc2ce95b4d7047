"""The quick lane: what is right, as nearly all of it is, loaded in a tenth of the time marshmallow takes.

Made from the schemas themselves, so that there is one place for what the wire may say. What a lane does not take at
once it leaves to marshmallow, which has the last word and all the messages. A test generates events, right and wrong,
to see that a lane takes nothing that marshmallow would not, and loads it alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from marshmallow import EXCLUDE, Schema, ValidationError, fields, missing, validate

from heedback_service.core.uuids import read_uuid
from heedback_service.web.api.fields import (
    RFC_3339,
    AnyEvent,
    EventId,
    Few,
    Fits,
    Id,
    Metadata,
    Moment,
    Name,
    Number,
    Text,
    Whole,
    YesNo,
)
from heedback_widgets.values import is_text

Load = Callable[[Any], Any]
Test = Callable[[Any], bool]


class UnsureError(Exception):
    """Let marshmallow look at it."""


# Everything a lane may raise: that, what a rule says, and what Python says of a value that is not what it should be.
UNSURE: Final = (UnsureError, ValidationError, AttributeError, TypeError, ValueError, LookupError, OverflowError)


def lane(schema: Schema) -> Callable[[Any], dict[str, Any]]:
    """What loads a mapping as `schema` does, or raises one of `UNSURE`.

    Raises:
        KeyError: a field or validator of the schema is of a kind that lanes do not know yet.
    """
    loads = {name: _field(each) for name, each in schema.load_fields.items()}
    required = frozenset(name for name, each in schema.load_fields.items() if each.required)
    defaults = {n: each.load_default for n, each in schema.load_fields.items() if each.load_default is not missing}
    strict = schema.unknown != EXCLUDE
    rule: Callable[[Mapping[str, Any]], None] | None = getattr(schema, "rule", None)

    def load(raw: Any) -> dict[str, Any]:
        loaded = defaults.copy()
        for name, value in raw.items() if strict else _known(raw, loads):
            loaded[name] = loads[name](value)  # KeyError: there is no such field
        if not required <= loaded.keys():
            raise UnsureError
        if rule is not None:
            rule(loaded)
        return loaded

    return load


def _known(raw: Any, loads: Mapping[str, Load]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in raw.items() if name in loads)


def _field(field: fields.Field[Any]) -> Load:
    if (at_once := _AT_ONCE.get(type(field))) is not None:
        load, tests = at_once(field)
    else:
        load, tests = _CONVERTERS[type(field)](field), [_TESTS[type(each)](each) for each in field.validators]
    for test in tests:
        load = _tested(load, test)
    return _or_none(load) if field.allow_none and (tests or at_once is not _text) else load


def _tested(convert: Load, test: Test) -> Load:
    def load(value: Any) -> Any:
        value = convert(value)
        return value if test(value) else _unsure()

    return load


def _or_none(load: Load) -> Load:
    return lambda value: None if value is None else load(value)


def _string(_: fields.Field[Any]) -> Load:
    return lambda value: value if type(value) is str else _unsure()


def _text(field: Any) -> tuple[Load, list[Test]]:
    """With its length and None, as most fields of an event are such: each call of a function tells."""
    most: float = math.inf if field.utf8 is None else field.utf8 // 4  # longer ones have to be counted
    tests, nullable = [], field.allow_none
    for each in field.validators:
        if isinstance(each, validate.Length) and (each.min, each.equal) == (None, None):
            most = min(most, math.inf if each.max is None else each.max)
        else:
            tests.append(_TESTS[type(each)](each))

    def load(value: Any) -> str | None:
        if type(value) is str and len(value) <= most and is_text(value):
            return value
        return None if value is None and nullable else _unsure()

    return load, tests


def _moment(field: Any) -> tuple[Load, list[Test]]:
    """With the years it may lie in; near their ends the zone decides, and marshmallow looks."""
    [years] = field.validators
    first, last = years.min.year + 1, years.max.year - 2

    def load(value: Any) -> datetime:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None or not first <= moment.year <= last or RFC_3339.fullmatch(value) is None:
            raise UnsureError
        return moment

    return load, []


def _event_id(_: fields.Field[Any]) -> Load:
    def convert(value: Any) -> UUID:
        found = read_uuid(value)
        return found if found.int else _unsure()

    return convert


def _number(_: fields.Field[Any]) -> Load:
    return lambda value: float(value) if type(value) in (int, float) else _unsure()


def _exactly(kind: type) -> Callable[[fields.Field[Any]], Load]:
    return lambda _: lambda value: value if type(value) is kind else _unsure()


def _list(field: Any) -> Load:
    inner = _field(field.inner)
    return lambda value: list(map(inner, value)) if type(value) is list else _unsure()


def _pairs(field: Any) -> Load:
    key, value = _field(field.key_field), _field(field.value_field)
    return lambda pairs: {key(one): value(other) for one, other in pairs.items()}


def _unsure() -> Any:
    raise UnsureError


_CONVERTERS: Final[dict[type, Callable[[Any], Load]]] = {
    fields.String: _string,
    Id: lambda _: read_uuid,
    EventId: _event_id,
    fields.List: _list,
    Few: _list,
    fields.Dict: _pairs,
    fields.Nested: lambda field: lane(field.schema),
    AnyEvent: lambda _: lambda value: value,
    Number: _number,
    Whole: _exactly(int),
    YesNo: _exactly(bool),
    Metadata: _pairs,
}

_AT_ONCE: Final[dict[type, Callable[[Any], tuple[Load, list[Test]]]]] = {Text: _text, Name: _text, Moment: _moment}


def _length(limits: Any) -> Test:
    least, most = limits.min or 0, math.inf if limits.max is None else limits.max
    return lambda value: least <= len(value) <= most


def _within(limits: Any) -> Test:
    least, most, closed = limits.min, limits.max, limits.max_inclusive
    return lambda value: least <= value <= most and (closed or value != most)


def _choice(choices: Any) -> Test:
    allowed = frozenset(choices.choices)
    return lambda value: value in allowed


def _equal(rule: Any) -> Test:
    only = rule.comparable
    return lambda value: bool(value == only)


def _fits(rule: Any) -> Test:
    matches = rule.regex.fullmatch
    return lambda value: matches(value) is not None


_TESTS: Final[dict[type, Callable[[Any], Test]]] = {
    validate.Length: _length,
    validate.Range: _within,
    validate.OneOf: _choice,
    validate.Equal: _equal,
    Fits: _fits,
}
