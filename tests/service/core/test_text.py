"""One reading of what people type."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core.text import LONGEST, all_words, normalise, words


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("The total is WRONG!!!", "the total is wrong"),
        ("Hi team, the total is wrong. Thank you", "the total is wrong"),
        ("Guten Morgen zusammen, die Summe ist falsch, danke", "die summe ist falsch"),
        ("Hei, totalen er feil. Mvh", "totalen er feil"),
        ("don’t / don't / dont", "dont dont dont"),
        ("👎👎\ufe0f", ""),
        ("nooooo way", "noo way"),
        ("all wrong", "all wrong"),
        ("there is no link", "there is no link"),
        ("I hate you", "i hate you"),
        ("thanks", "thanks"),
        ("\u202eabc\u200b\u202c\x00", "abc"),
        ("ＦＵＬＬ　width", "full width"),
        ("合計が違う", "合 計 が 違 う"),
        ("हिन्दी में", "हिन्दी में"),
    ],
)
def test_spellings_of_the_same_words_are_equal(typed: str, read: str) -> None:
    assert normalise(typed) == read


@given(st.text())
def test_normalising_twice_is_normalising_once(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text())
def test_only_letters_digits_and_single_spaces_are_left(text: str) -> None:
    read = normalise(text)
    assert read == " ".join(words(text))
    assert all(any(map(str.isalnum, word)) for word in words(text))
    assert len(read) <= LONGEST


@given(st.text(alphabet="abc .", max_size=40))
def test_case_and_punctuation_do_not_matter(text: str) -> None:
    assert normalise(text.upper() + "!!") == normalise(text)


def test_courtesies_are_kept_where_they_are_the_opinion() -> None:
    assert all_words("No, thanks") == ("no", "thanks")


@pytest.mark.parametrize(
    "bait", ["a" * 100_000, "\ufdfa" * 100_000, "'!" * 50_000, "thanks " * 15_000, "\x00" * 100_000]
)
def test_a_hostile_text_takes_bounded_time(bait: str) -> None:
    start = time.process_time()
    assert len(normalise(bait)) <= LONGEST
    assert time.process_time() - start < 1
