"""The quick way of the commonest feedback makes the event that the long way makes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heedback import Output, UsageError, events, limits, plain, redaction
from heedback.shapes import Policy

OUT = Output("019aa000-0000-7000-8000-000000000001", "invoice-summary", 'u-"7f3a\\')
STAMP = "2026-11-18T12:00:00.000Z"

reasons = st.sampled_from([*limits.REASONS["down"], *limits.REASONS["up"], "harmful", "no_such", "Not a key"])
texts = st.one_of(
    st.text(),
    st.text(st.sampled_from('ab"\\\n\0\x1f\ud800é€😀')),
    st.sampled_from(["write to ann@example.org", "x" * 5000, ""]),
)


@example(OUT, "down", ..., {"reasons": ["incorrect", "other", "incorrect"]})
@example(OUT, "down", ..., {"reasons": []})
@example(OUT, "up", ..., {"reasons": ["incorrect"], "comment": "It was."})
@example(OUT, "up", ..., {"comment": None})
@example(OUT, "up", ..., {"comment": 7})
@example(OUT.id, "up", ..., {})
@example(OUT, "up", 4, {})
@example(OUT, "up", ..., {"surface": "web"})
@given(
    about=st.sampled_from([OUT, Output(OUT.id, "invoice-summary"), Output(OUT.id, "not a feature"), OUT.id, None]),
    value=st.sampled_from(["up", "down", "sideways", None, ..., 1]),
    stars=st.sampled_from([..., ..., ..., 4]),
    fields=st.fixed_dictionaries(
        {},
        optional={
            "reasons": st.one_of(st.none(), reasons, st.lists(reasons, max_size=4), st.tuples(reasons)),
            "comment": st.one_of(st.none(), texts, st.just(7)),
            "surface": st.just("web"),
        },
    ),
)
def test_both_ways_make_the_same_event(about: Any, value: Any, stars: Any, fields: dict[str, Any]) -> None:
    """Whatever is said, down to what is left out and what is refused."""
    quick, long = made(plain.rating, about, value, stars, fields), made(events.rating, about, value, stars, fields)
    assert quick == long


@pytest.mark.parametrize(
    "fields",
    [{}, {"reasons": ["incorrect", "other"]}, {"comment": "No VAT."}, {"comment": 'Say "no"', "reasons": ["style"]}],
)
def test_the_commonest_feedback_goes_the_quick_way(fields: dict[str, Any]) -> None:
    """Else there would be nothing to compare."""
    assert isinstance(plain.rating(OUT, "down", ..., ..., fields, policy([])), str)


def made(way: Any, about: Any, value: Any, stars: Any, fields: dict[str, Any]) -> tuple[Any, list[str]]:
    """The event that this way makes, or what was wrong, and what it left out."""
    left_out: list[str] = []
    try:
        event = way(about, value, stars, ..., dict(fields), policy(left_out))
        return json.loads(events.encode(OUT.id, STAMP, event)), left_out
    except UsageError as error:
        return str(error), left_out


def policy(left_out: list[str]) -> Policy:
    return Policy(
        redact=redaction.redact, keep_text=True, pseudonym=str, left_out=lambda error: left_out.append(str(error))
    )
