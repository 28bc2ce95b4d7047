"""What an item is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.titles import LONGEST_TITLE, title


def test_the_quote_that_most_others_echo_is_the_title() -> None:
    comments = ["no vat again!!", "The VAT is missing from the total.", "vat missing in the total, third time", "meh"]
    assert title(comments, "down:incomplete") == "“The VAT is missing from the total”"


def test_a_sentence_that_says_something_is_preferred_to_a_shout() -> None:
    assert title(["WTF!! The link goes to a dead page. Please fix."], "unknown") == "“The link goes to a dead page”"


@pytest.mark.parametrize(
    ("category", "said"),
    [
        ("down:incorrect", "Marked incorrect, no words"),
        ("flag:private_data", "Flagged for private data, no words"),
        ("down:wrong_currency", "Marked wrong currency, no words"),
        ("unknown", "Rated down, no words"),
    ],
)
def test_without_words_the_reason_speaks(category: str, said: str) -> None:
    assert title(["👎", "1428", "  "], category) == said


def test_a_long_quote_is_cut_at_a_word() -> None:
    found = title(
        ["The summary of the quarterly report leaves out every single paragraph about the pension fund"], "unknown"
    )
    assert found == "“The summary of the quarterly report leaves out every single paragraph about…”"


def test_what_cannot_be_seen_is_left_out() -> None:
    assert title(["\u202eevil\u202c title\x00 with\ttabs"], "unknown") == "“evil title with tabs”"


@given(st.lists(st.text(), max_size=6), st.text(alphabet="abc_", max_size=64).map(lambda key: f"down:{key}"))
def test_a_title_is_one_short_line_of_words_whatever_people_write(comments: list[str], category: str) -> None:
    found = title(comments, category)
    assert found == title(comments[::-1], category)
    assert 0 < len(found) <= LONGEST_TITLE
    assert any(map(str.isalpha, found))
    assert found.isprintable()
