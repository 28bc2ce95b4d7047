"""Redaction: the golden cases, done twice is done once, and time that grows with the text and no faster."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from heedback.redaction import MARKS, VERSION, redact, redact_values

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("contract/redaction.json").read_text(encoding="utf-8"))
CASES = [pytest.param(case["before"], case["after"], id=case["name"]) for case in GOLDEN["cases"]]

# Pieces that each rule reacts to, so that hypothesis puts them beside each other in every order.
PIECES = [
    *(case["before"] for case in GOLDEN["cases"]),
    *MARKS,
    *("1", "0", "+", "-", ".", ":", "@", " ", "sk-", "eyJ", "bearer ", "DE89", "::", "a", "F", "[", "]", "\n", "é"),
]

HOSTILE = {
    "one word": "x",
    "digits": "1",
    "digits apart": "1 ",
    "groups that may be cards": "411 ",
    "beginnings of an IBAN": "DE89 ",
    "at signs": "@",
    "addresses without an end": "a@a.",
    "beginnings of a phone": "0170 ",
    "plus signs": "+1",
    "beginnings of a key": "sk-",
    "beginnings of a JWT": "-eyJaaaaaaaaa",
    "bearers of nothing": "bearer aaaa ",
    "private keys without an end": "-----BEGIN PRIVATE KEY ",
    "colons": "a:",
    "dots": "1.",
    "neighbours that block each other": "1.2.3.4sk-abcdefgh12345678901",
}


def test_the_golden_file_is_of_this_version() -> None:
    """A new version of the rules comes with new cases."""
    assert GOLDEN["version"] == VERSION


@pytest.mark.parametrize(("before", "after"), CASES)
def test_golden(before: str, after: str) -> None:
    """Each text becomes what both sides agreed on."""
    assert redact(before) == after


@given(st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=4)), max_size=12).map("".join))
@example("1.2.3.4sk-abcdefgh12345678901" * 3)
@example("sk-abcdefgh123456789" * 40)
def test_twice_is_once(text: str) -> None:
    """What was redacted is never redacted again: marks survive, and no mark makes a new find beside it."""
    once = redact(text)
    assert redact(once) == once


@given(st.text(alphabet="abcdefghij klmnopqrstuvwxyz.,!?()'\"\n", max_size=400))
def test_words_stay_as_they_are(text: str) -> None:
    """Without a digit, an @ or a known beginning nothing is touched."""
    assert redact(text) == text


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE)
def test_time_is_linear(piece: str) -> None:
    """Eight times the text takes about eight times as long: 64 times would be quadratic, 20 leaves room for noise."""
    small = piece * (16_384 // len(piece))
    assert fastest(small * 8) <= 20 * fastest(small)


def test_a_megabyte_of_hostile_text_is_done_in_seconds() -> None:
    """The worst of them all, at the size the service may have to look at."""
    began = time.process_time()
    redact("411 411 4111 DE89 a@a. 0170 sk- " * 32_768)
    assert time.process_time() - began < 30


def test_metadata_values_are_redacted_and_keys_are_not() -> None:
    """A key is the developer's word."""
    assert redact_values({"reply_to": "jane@example.com"}) == {"reply_to": "[email]"}


def fastest(text: str) -> float:
    """CPU seconds, the least of three: noise only adds. Never less than what a clock can tell."""
    taken = []
    for _ in range(3):
        began = time.process_time()
        redact(text)
        taken.append(time.process_time() - began)
    return max(min(taken), 0.0005)
