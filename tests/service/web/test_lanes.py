"""The quick lane and marshmallow refuse the same numbers, on every field of every event."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from marshmallow import Schema, ValidationError

from heedback_service.web.api.quick import UNSURE, lane
from heedback_service.web.api.schemas import EVENTS

GOLDEN = json.loads((Path(__file__).parents[2] / "contract" / "events.json").read_text())["accepted"]


def spoiled(value: Any, by: float) -> list[Any]:
    """`value` with `by` in each place of it where something stands."""
    if isinstance(value, dict):
        return [value | {name: worse} for name, inner in value.items() for worse in spoiled(inner, by)] + [by]
    if isinstance(value, list):
        return [[worse] for inner in value for worse in spoiled(inner, by)] + [by]
    return [by]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize("event", [case["event"] for case in GOLDEN], ids=[case["name"] for case in GOLDEN])
def test_no_field_takes_what_is_no_number(event: dict[str, Any], number: float) -> None:
    schema: Schema = EVENTS[event["type"]]
    quick = lane(schema)
    quick(event)  # as it is it fits
    for worse in spoiled(event, number)[:-1]:
        [field] = [name for name in event if worse[name] is not event[name]]
        with pytest.raises(UNSURE):
            quick(worse)
        with pytest.raises(ValidationError) as refused:
            schema.load(worse)
        assert isinstance(refused.value.messages, dict)
        assert field in refused.value.messages


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf], ids=str)
@pytest.mark.parametrize("kind", EVENTS)
def test_no_field_that_the_golden_events_leave_out_takes_it_either(kind: str, number: float) -> None:
    schema = EVENTS[kind]
    event = next(case["event"] for case in GOLDEN if case["event"]["type"] == kind)
    for field in schema.load_fields:
        with pytest.raises(UNSURE):
            lane(schema)(event | {field: number})
        with pytest.raises(ValidationError) as refused:
            schema.load(event | {field: number})
        assert isinstance(refused.value.messages, dict)
        assert field in refused.value.messages
