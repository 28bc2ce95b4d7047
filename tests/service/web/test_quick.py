"""The quick lane loads what is right as marshmallow does, and takes nothing that marshmallow would not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from marshmallow import Schema, ValidationError, fields

from heedback import limits
from heedback_service.web.api.quick import UNSURE, lane
from heedback_service.web.api.schemas import EVENTS, EnvelopeSchema

CONTRACT = json.loads((Path(__file__).parents[2] / "contract" / "events.json").read_text())
RIGHT = [case["event"] for case in CONTRACT["accepted"]]
LANES = {kind: lane(schema) for kind, schema in EVENTS.items()}

# What is nearly right, beside what is not at all.
odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 7) | st.sampled_from([2**53, 2**53 + 1, 10**400]),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(
        [
            "\0",
            "\ud800",
            "é\0",
            "x" * 201,
            "{" + "0" * 36 + "}",
            "0199_0000-0000-7000-8000-00000000001",
            "end_user",
            "shown",
            "2026-W47-1",
        ]
    ),
    st.uuids().map(str) | st.uuids().map(lambda each: each.hex) | st.uuids().map(lambda each: f"urn:uuid:{each}"),
    st.datetimes().map(lambda each: f"{each.isoformat()}Z") | st.sampled_from(["2026-11-16 09:12:00+24:00"]),
    st.lists(st.sampled_from(["incorrect", "other", "", None, 1, "a b"]), max_size=22),
    st.dictionaries(
        st.sampled_from(["value", "scale", "k", "prompt_version", "\0"]), st.sampled_from([1, 0.5, "thumbs", "x", None])
    ),
    st.fixed_dictionaries(
        {"value": st.sampled_from([0, 1, 3, 0.5, True]), "scale": st.sampled_from(["thumbs", "stars", "score"])}
    ),
)
names = st.sampled_from(sorted({name for schema in EVENTS.values() for name in schema.fields} | {"new_field"}))


@pytest.mark.parametrize("event", RIGHT, ids=lambda event: event["type"])
def test_what_is_right_goes_the_quick_way(event: dict[str, Any]) -> None:
    assert LANES[event["type"]](event) == EVENTS[event["type"]].load(event)


@pytest.mark.parametrize("case", CONTRACT["rejected"], ids=lambda case: case["name"])
def test_what_the_contract_rejects_does_not(case: dict[str, Any]) -> None:
    with pytest.raises(UNSURE):
        LANES[case["event"]["type"]](case["event"])


@given(st.sampled_from(RIGHT), st.dictionaries(names, odd, max_size=3), st.sets(names, max_size=1))
def test_whatever_an_event_says_both_ways_agree(event: Any, changed: dict[str, Any], left_out: set[str]) -> None:
    said = {name: value for name, value in {**event, **changed}.items() if name not in left_out}
    agree(EVENTS[event["type"]], said)


@given(st.dictionaries(st.sampled_from(["sent_at", "sdk", "redactor", "dropped", "events", "new"]), odd))
def test_whatever_an_envelope_says_both_ways_agree(changed: dict[str, Any]) -> None:
    agree(EnvelopeSchema(), {"sent_at": "2026-11-16T09:12:00Z", "events": [1, None, {}], **changed})


@pytest.mark.parametrize("raw", [None, 1, "x", [], [1]])
def test_what_is_no_object_is_left_to_marshmallow(raw: Any) -> None:
    for each in LANES.values():
        with pytest.raises(UNSURE):
            each(raw)


def test_long_texts_are_counted_by_marshmallow() -> None:
    event = next(event for event in RIGHT if event["type"] == "output")
    for text in ("é" * (limits.TEXT_BYTES // 2), "x" * limits.TEXT_BYTES, "é" * limits.TEXT_BYTES):
        agree(EVENTS["output"], event | {"output": text})


def test_a_kind_of_field_that_lanes_do_not_know_is_refused_at_start() -> None:
    class Address(Schema):
        mail = fields.Email()

    with pytest.raises(KeyError):
        lane(Address())


def agree(schema: Schema, said: dict[str, Any]) -> None:
    """The lane loads the same, or leaves it to marshmallow."""
    try:
        quickly = lane(schema)(said)
    except UNSURE:
        return
    try:
        assert quickly == schema.load(said)
    except ValidationError as error:
        raise AssertionError(f"the lane took what marshmallow refuses: {error.messages}") from None
