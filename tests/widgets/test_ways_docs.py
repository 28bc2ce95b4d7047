"""What `docs/widget-hosts.md` says is what the code says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from heedback.tickets import MAY, Ticket
from heedback_widgets import refusals, rules
from heedback_widgets.refusals import Refusal
from ways import click

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "widget-hosts.md").read_text("utf-8")
REFUSALS = [each for each in vars(refusals).values() if isinstance(each, Refusal)]


def test_every_refusal_is_listed_in_its_words_and_no_other() -> None:
    listed = set(re.findall(r"^\| (\d{3}) \| `(\w+)` \| (.+?) \|$", PAGE, re.MULTILINE))
    assert listed == {(str(each.status), each.reason, each.detail) for each in REFUSALS}


@pytest.mark.parametrize(
    "said", [{"rating": None}, {"retracted": True}, {"flag": True}, {"comment": "x"}, {"correction": "x"}, {"x": 1}]
)
def test_what_an_event_is_refused_for_is_listed(said: dict[str, object]) -> None:
    ticket = Ticket("k", "019aa000-0000-7000-8000-000000000001", "f", "u", ("read",), 0)
    found = rules.fit(ticket, click(**said))
    assert isinstance(found, rules.Refused)
    for name, messages in found.errors.items():
        assert "x" in said or f"`{name}`" in PAGE
        assert all(message in PAGE or message == "Unknown field." for message in messages)
    assert rules.TOO_MANY["edits"][0] in PAGE


@pytest.mark.parametrize("name", ["flask", "fastapi", "django"])
def test_an_adapter_is_a_leaf_of_at_most_eighty_lines(name: str) -> None:
    lines = (ROOT / "widgets" / "heedback_widgets" / f"{name}.py").read_text("utf-8").splitlines()
    assert len(lines) <= 80


def test_whatever_fits_the_rules_fits_the_wire() -> None:
    """The service takes every event that the rules let through, with every field in it."""
    from heedback_service.web.api.schemas import load_event

    everything = {
        "rating": {"value": 5, "scale": "stars"}, "flag": True, "flag_reasons": ["legal"], "reasons": ["style"],
        "reasons_version": 1, "comment": "c", "correction": "d", "asked": True, "surface": "web", "locale": "de",
        "retracted": True, "receipt": "a" * 32,
    }  # fmt: skip
    cleared = dict.fromkeys(set(everything) - {"retracted", "receipt"})
    ticket = Ticket("k", "019aa000-0000-7000-8000-000000000001", "f", None, MAY, 0)
    signal = {"type": "signal", "name": "edited", "value": 0.5}
    for said in (everything, cleared, signal, signal | {"value": None}):
        event = rules.fit(ticket, click(**said))
        assert not isinstance(event, rules.Refused), event
        load_event(event)
    assert {name for fields in rules._FIELDS.values() for name in fields} <= {
        "id", "occurred_at", *everything, *signal,
    }  # fmt: skip
