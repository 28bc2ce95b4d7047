"""Redaction at the door: what a sender did not redact, or by other rules, is stored redacted and within the limits."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from heedback import limits
from heedback.redaction import VERSION
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, Output, OutputText, Signal
from posting import Post, said, small
from support import make_id

CASES = json.loads((Path(__file__).parents[2] / "contract/redaction.json").read_text(encoding="utf-8"))["cases"]
NUMBERS = {make_id(n): n for n in range(2 * len(CASES))}
ADDRESSES = "a@b.cc "  # a mark is longer than these


def events_with(text: str, n: int) -> list[dict[str, Any]]:
    """The n-th text in each place that may hold one."""
    ids = count(100_000 + 10 * n)
    pair = {"k": text}
    return [
        small(n, input=text, output=text, metadata=pair),
        small(next(ids), type="output_text", output_id=str(make_id(n + len(CASES))), input=text, output=text),
        said(next(ids), about=n, comment=text, correction=text, metadata=pair),
        small(next(ids), type="signal", output_id=str(make_id(n)), name="copied", metadata=pair),
    ]


def stored(db: Database) -> dict[int, dict[str, str]]:
    """Every text that is stored, by the number of its output and its place."""
    found: dict[int, dict[str, str]] = defaultdict(dict)

    def keep(output_id: UUID, **texts: Any) -> None:
        number = NUMBERS[output_id]
        found[number % len(CASES)] |= {f"later {key}" if number >= len(CASES) else key: texts[key] for key in texts}

    with db.read() as session:
        for text in session.scalars(select(OutputText)):
            keep(text.output_id, input=text.input, output=text.output)
        for output in session.scalars(select(Output)):
            keep(output.id, shown=(output.extra or {}).get("k"))
        for feedback in session.scalars(select(Feedback)):
            told = {"comment": feedback.comment, "correction": feedback.correction}
            keep(feedback.output_id, said=(feedback.extra or {}).get("k"), **told)
        for signal in session.scalars(select(Signal)):
            keep(signal.output_id, signalled=(signal.extra or {}).get("k"))
    return found


PLACES = {"input", "output", "later input", "later output", "shown", "comment", "correction", "said", "signalled"}


@pytest.mark.parametrize(
    ("envelope", "version"),
    [
        ({}, "after"),
        ({"redactor": None}, "after"),
        ({"redactor": VERSION + 1}, "after"),
        ({"redactor": VERSION}, "before"),
    ],
    ids=["undeclared", "declared as nothing", "another version", "our version"],
)
def test_each_golden_case_in_each_place(post: Post, db: Database, envelope: dict[str, Any], version: str) -> None:
    """Redacted unless the sender declares our version of the rules: then it is stored as it was sent."""
    events = [event for n, case in enumerate(CASES) for event in events_with(case["before"], n)]
    for first in range(0, len(events), limits.MAX_EVENTS):
        answer = post(events[first : first + limits.MAX_EVENTS], **envelope)
        assert answer.json is not None
        assert answer.json["rejected"] == []
    assert stored(db) == {n: dict.fromkeys(PLACES, case[version]) for n, case in enumerate(CASES)}


def test_short_strings_that_providers_write(post: Post, db: Database) -> None:
    """An error's name and the reasons to stop may quote what the person wrote: redacted, and still short."""
    cases = [case for case in CASES if len(case["before"]) <= limits.NAME_CHARS]
    cases.append({"before": ADDRESSES * 28, "after": ("[email] " * 28)[: limits.NAME_CHARS]})
    for redactor, version in ((None, "after"), (VERSION, "before")):
        events = [
            small(n + 1000 * (redactor or 0), error_type=case["before"], finish_reasons=["stop", case["before"]])
            for n, case in enumerate(cases)
        ]
        answer = post(events, redactor=redactor)
        assert answer.json is not None
        assert answer.json["rejected"] == []
        ids = {UUID(event["id"]): n for n, event in enumerate(events)}
        with db.read() as session:
            outputs = {ids[each.id]: each for each in session.scalars(select(Output)) if each.id in ids}
        for n, case in enumerate(cases):
            assert (outputs[n].error_type, outputs[n].finish_reasons) == (case[version], ["stop", case[version]])


def test_keys_of_metadata_and_pseudonyms_stay(post: Post, db: Database) -> None:
    """They are the developer's words, and what people are counted by."""
    post(
        [
            small(1, user="jane@example.com", metadata={"jane@example.com": "x"}),
            said(2, user="jane@example.com", rating=None),
        ]
    )
    with db.read() as session:
        assert session.scalars(select(Output.extra)).one() == {"jane@example.com": "x"}
        assert session.scalars(select(Feedback.person)).one() == "jane@example.com"


def test_what_redaction_makes_longer_is_cut_to_the_limits(post: Post, db: Database) -> None:
    """Nothing stored is longer than the wire allows, and no mark is cut through."""

    def full(most: int) -> str:
        return (ADDRESSES * (most // len(ADDRESSES) + 1))[: most - 2] + "!!"

    texts = {"input": full(limits.TEXT_BYTES), "output": "ø" + full(limits.TEXT_BYTES - 2)}
    pair = {"k": full(limits.METADATA_VALUE_CHARS)}
    told = {"comment": full(limits.COMMENT_CHARS), "correction": full(limits.CORRECTION_CHARS)}
    answer = post([small(1, **texts, metadata=pair), said(2, metadata=pair, **told)])
    assert answer.json is not None
    assert answer.json["rejected"] == []
    most = {"input": limits.TEXT_BYTES, "output": limits.TEXT_BYTES, "comment": limits.COMMENT_CHARS}
    most |= {"correction": limits.CORRECTION_CHARS}
    for place, text in stored(db)[1].items():
        kept = text.removesuffix(limits.TRUNCATION_MARK)
        room = most.get(place, limits.METADATA_VALUE_CHARS)
        assert kept != text, place
        assert room - len("[email] ") <= len(text.encode()) <= room, place
        assert kept.removeprefix("ø").replace("[email]", "").strip() == "", place
