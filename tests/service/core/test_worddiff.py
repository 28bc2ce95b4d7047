"""A correction as a word diff."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.worddiff import Span, diff

TEXTS = st.one_of(st.text(max_size=80), st.text(alphabet="ab .\n", max_size=80))


def told(spans: tuple[Span, ...], *kinds: str) -> str:
    return "".join(span.text for span in spans if span.kind in kinds)


def test_a_correction_shows_what_went_and_what_came() -> None:
    assert diff("Total 1,200.00 EUR.", "Total 1,428.00 EUR including VAT.") == (
        Span("same", "Total "),
        Span("del", "1,200.00"),
        Span("ins", "1,428.00"),
        Span("same", " EUR"),
        Span("ins", " including VAT"),
        Span("same", "."),
    )


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_back(before: str, after: str) -> None:
    spans = diff(before, after)
    assert told(spans, "same", "del") == before
    assert told(spans, "same", "ins") == after


@given(TEXTS, TEXTS)
def test_spans_are_never_empty_and_never_two_of_a_kind(before: str, after: str) -> None:
    spans = diff(before, after)
    assert all(span.text for span in spans)
    assert all(a.kind != b.kind and (a.kind, b.kind) != ("ins", "del") for a, b in pairwise(spans))


@given(TEXTS)
def test_equal_texts_have_no_changes(text: str) -> None:
    assert diff(text, text) == ((Span("same", text),) if text else ())


LINES = [f"{n % 13} lines of {n % 7} words each, " + "and so on " * (n % 5) + ".\n" for n in range(1000)]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("x " + "a b " * 16_000 + "y", "z " + "b a a " * 10_000 + "w"),
        ("x " + "a b " * 95 + "y", "z " + "b a a " * 60 + "w"),
        ("x. " + "a. b. " * 190 + "y", "z. " + "b. a. a. " * 130 + "w"),
        ("".join(LINES), "".join(LINES[::-1])),
        ("".join(LINES), "".join(line.replace("5", "6") for line in LINES)),
        ("!" * 65_536, "?!" * 32_768),
    ],
)
def test_long_and_repetitive_texts_take_bounded_time(before: str, after: str) -> None:
    start = time.process_time()
    spans = diff(before, after)
    assert time.process_time() - start < 2
    assert told(spans, "same", "del") == before
    assert told(spans, "same", "ins") == after


def test_a_changed_line_in_a_long_text_is_shown_by_words() -> None:
    before = "".join(f"Line {n} of the letter is here.\n" for n in range(1000))
    after = before.replace("Line 500 of the letter", "Line 500 of the invoice")
    assert [span for span in diff(before, after) if span.kind != "same"] == [
        Span("del", "letter"),
        Span("ins", "invoice"),
    ]
