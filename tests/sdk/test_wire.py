"""The golden events of the wire are what public calls make, with a fixed clock and fixed ids."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import heedback
from heedback.testing import capturing

ACCEPTED = json.loads(Path(__file__).parents[1].joinpath("contract/events.json").read_text(encoding="utf-8"))[
    "accepted"
]

FIRST = "019aa000-0000-7000-8000-000000000001"
FEATURE = "invoice-summary"

CALLS: dict[str, Callable[[datetime], object]] = {
    "an output with everything": lambda at: tracked(at),
    "the smallest output": lambda at: heedback.output(FEATURE, occurred_at=at),
    "a thumb down with details": lambda at: heedback.rate(
        shown("u-7f3a"), "down", reasons=["incorrect"], comment="The total leaves out the VAT.",
        correction="Total 1,428.00 EUR including 19 % VAT.", occurred_at=at),
    "five stars are thumbs up's neighbour": lambda at: heedback.rate(shown("u-1"), stars=4, occurred_at=at),
    "a score from code": lambda at: heedback.rate(shown("u-1"), score=0.8, source="code", occurred_at=at),
    "a flag is not a rating": lambda at: heedback.flag(
        shown("u-1"), user="u-2", reasons=["private_data"], occurred_at=at),
    "null clears": lambda at: heedback.rate(shown("u-7f3a"), comment=None, occurred_at=at),
    "everything taken back": lambda at: heedback.retract(shown("u-7f3a"), occurred_at=at),
    "feedback by trace, with a copy of the context": lambda at: heedback.rate(
        None, "up", feature=FEATURE, user="u-3", asked=True, occurred_at=at,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7",
        context={"request_model": "gpt-5.1", "prompt_version": "v13"}),
    "feedback by response": lambda at: heedback.rate(
        stars=1, response_id="resp_1", feature=FEATURE, source="reviewer", occurred_at=at),
    "feedback by the host's own key": lambda at: heedback.rate(
        score=0.3, join_key="invoice-2291", feature=FEATURE, source="llm", occurred_at=at),
    "a signal": lambda at: heedback.signal(shown("u-7f3a"), "shown", occurred_at=at),
    "text that follows": lambda at: heedback.add_text(
        "019aa000-0000-7000-8000-000000000002", feature=FEATURE, input="Summarise.", output="Nothing to summarise."),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _people_by_their_golden_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """The golden pseudonyms are short; how real ones are made is tested with the client."""
    monkeypatch.setattr("heedback.client.pseudonyms", lambda options, warn: str)


@pytest.mark.parametrize("golden", ACCEPTED, ids=lambda golden: golden["name"])
def test_golden(golden: dict[str, Any]) -> None:
    """One public call makes the very object, field by field; every golden event has its call."""
    event = golden["event"]
    at = datetime.fromisoformat(event["occurred_at"])
    moment = int(at.timestamp()) * 1_000_000_000
    ticks = iter((0, 0, 812_500_000))
    with capturing(clock=lambda: moment, new_id=lambda now: event["id"], stopwatch=lambda: next(ticks)) as sent:
        CALLS[golden["name"]](at)
        assert sent.events == [event]


def shown(user: str) -> heedback.Output:
    """The first golden output as the host holds it."""
    return heedback.Output(FIRST, FEATURE, user)


def tracked(at: datetime) -> None:
    with heedback.track(
        FEATURE, user="u-7f3a", user_group="beta", session_id="s-1", conversation_id="c-1", provider="openai",
        request_model="gpt-5.1", prompt_name="summary", prompt_version="v13", app_version="4.2.0",
        environment="production", surface="web", locale="en-GB", join_key="invoice-2291", probe=False,
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736", span_id="00f067aa0ba902b7",
        input="Summarise this invoice in two lines.", metadata={"tenant": "nordlys"}, occurred_at=at,
    ) as out:  # fmt: skip
        out.set(
            output="Invoice 2291 from Nordlys AS, due 30 November.\nTotal 1,200.00 EUR.",
            response_model="gpt-5.1-2026-10-01", system_fingerprint="fp_1", response_id="resp_1",
            input_tokens=410, output_tokens=58, cost_usd=0.0021, finish_reasons=["stop"],
        )  # fmt: skip
