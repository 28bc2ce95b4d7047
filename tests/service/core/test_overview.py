"""Themes and candidates: the same for the same texts, whatever their order, and bounded whatever they are."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heedback_service.core.carrying import carried_over
from heedback_service.core.overview import Overview, overview
from heedback_service.core.themes import resolution

VAT = ["The total leaves out the VAT", "VAT missing in the total", "No VAT in the invoice total", "total without VAT"]
SLOW = [
    "Answers take forever",
    "so slow, answers take a minute",
    "Waiting for answers takes ages",
    "slow answers again",
]
TONE = ["The tone is rude", "rude tone in replies", "Far too rude a tone", "replies sound rude"]
ABOUT = [VAT, SLOW, TONE]

texts = st.lists(st.text(alphabet="abc dé中😀\u202e\0-", max_size=24), max_size=12)


def partition(found: Overview, said: list[str]) -> set[frozenset[str]]:
    """What is together, by the texts themselves."""
    return {
        frozenset(text for text, theme in zip(said, found.themes, strict=True) if theme == each)
        for each in set(found.themes) - {None}
    }


def test_what_is_about_one_thing_shares_a_theme() -> None:
    assert partition(overview(VAT + SLOW + TONE), VAT + SLOW + TONE) == set(map(frozenset, ABOUT))


def test_nothing_gives_nothing() -> None:
    assert overview([]) == Overview([], [])


@pytest.mark.parametrize("wordless", ["", "   ", "👍👍", "!!!", "\u202e", "\0"])
def test_what_has_no_words_has_neither_theme_nor_candidates(wordless: str) -> None:
    found = overview([*VAT, wordless])
    assert found.themes[-1] is None
    assert found.candidates[-1] == []


def test_one_text_is_a_theme_of_its_own() -> None:
    assert overview(["It is wrong"]) == Overview([0], [[]])


@settings(max_examples=60, deadline=None)
@given(texts, st.randoms(use_true_random=False))
def test_the_order_of_texts_does_not_matter_to_themes(said: list[str], random) -> None:
    shuffled = random.sample(said, len(said))
    assert partition(overview(said), said) == partition(overview(shuffled), shuffled)


@settings(max_examples=40, deadline=None)
@given(texts)
def test_doing_it_twice_gives_the_same(said: list[str]) -> None:
    assert overview(said) == overview(said)


@settings(max_examples=60, deadline=None)
@given(texts)
def test_candidates_are_earlier_and_best_first(said: list[str]) -> None:
    for at, its in enumerate(overview(said).candidates):
        assert all(each.other < at for each in its)
        assert len({each.other for each in its}) == len(its) <= 5
        scores = [each.score for each in its]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score <= 1 for score in scores)


def test_the_same_words_share_a_theme_and_are_the_first_candidate() -> None:
    found = overview([*VAT, "the total leaves out the vat!!"])
    assert found.themes[-1] == found.themes[0]
    first = found.candidates[-1][0]
    assert (first.other, first.score, first.why) == (0, 1.0, ("total", "leaves", "out", "vat"))


def test_a_candidate_says_which_words_tie_it() -> None:
    found = overview([*SLOW, VAT[0], VAT[2]])
    assert found.candidates[-1][0].other == 4
    assert set(found.candidates[-1][0].why) == {"vat", "total"}


def test_what_shares_next_to_nothing_is_no_candidate() -> None:
    """ "Answers" and "the" alone tie nothing, whatever else there is to choose from."""
    found = overview([*VAT, *TONE, "Exported files of March lack their last page"])
    assert found.candidates[-1] == []


def test_who_is_near_to_everybody_comes_behind_who_is_near_to_this_one() -> None:
    """Both share two words with the last; but everybody shares those of the crowd."""
    crowd = [f"the answer was wrong about {about}" for about in ("taxes", "wages", "travel", "leave", "rent", "meals")]
    found = overview([*crowd, "sums of the year add up badly", "the answer was wrong: sums of the year"])
    assert found.candidates[-1][0].other == len(crowd)


def test_what_people_said_is_not_the_same_is_no_candidate_and_not_tied() -> None:
    said = ["export to Excel fails", "export to Excel breaks"]
    assert overview(said).candidates[1][0].other == 0
    found = overview(said, apart=[(1, 0)])
    assert found.candidates == [[], []]
    assert found.themes[0] != found.themes[1]


def test_others_may_still_bring_what_is_not_the_same_into_one_theme() -> None:
    found = overview(VAT + SLOW, apart=[(0, 1)])
    assert partition(found, VAT + SLOW) == {frozenset(VAT), frozenset(SLOW)}
    assert all(each.other != 0 for each in found.candidates[1])


def test_several_languages_are_kept_apart_and_together() -> None:
    german = ["Die Antwort ist falsch berechnet", "Falsch berechnete Antworten", "Antwort wurde falsch berechnet"]
    japanese = ["答えが間違っています", "間違った答え", "答えは間違い"]
    assert partition(overview(german + japanese), german + japanese) == {frozenset(german), frozenset(japanese)}


@pytest.mark.parametrize(
    "bait",
    ["a" * 100_000, "word " * 20_000, "\0" * 100_000, "\u202e" * 50_000 + "abc", "😀" * 100_000, "(a+)+$" * 16_000],
    ids=["one word", "many words", "NUL", "overrides", "emoji", "regular expressions"],
)
def test_hostile_texts_take_bounded_time(bait: str) -> None:
    started = time.process_time()
    found = overview([*VAT, bait, *SLOW])
    assert time.process_time() - started < 2
    assert found.themes[0] == found.themes[1]


def test_meanings_bring_together_what_shares_no_word() -> None:
    said = ["cheap", "inexpensive", "slow", "sluggish", "low cost", "not quick"]
    axes = np.eye(2)[[0, 0, 1, 1, 0, 1]]
    found = overview(said, axes + np.linspace(0, 0.01, 12).reshape(6, 2))
    assert partition(found, said) == {frozenset(said[at] for at in group) for group in [(0, 1, 4), (2, 3, 5)]}


def test_meanings_that_are_no_numbers_count_for_nothing() -> None:
    said = VAT + SLOW
    rows = np.full((len(said), 3), np.nan)
    rows[0] = np.inf
    assert partition(overview(said, rows), said) == {frozenset(VAT), frozenset(SLOW)}


def test_few_texts_that_are_strangers_stay_alone() -> None:
    """That two reports say "the" and "is" does not make them one problem, not even among a dozen."""
    strangers = [
        "Wrong customer name",
        "I wanted a table, not prose",
        "The link to the source is dead",
        "Please write in German",
        "Cites a law that does not exist",
        "It repeats the same sentence twice",
        "Date format should be DD.MM.YYYY",
    ]
    said = [*VAT, *strangers, *SLOW]
    alone = {frozenset([each]) for each in strangers}
    assert partition(overview(said), said) == {frozenset(VAT), frozenset(SLOW)} | alone
    assert not any(overview(strangers).candidates)


def test_more_texts_are_cut_more_finely() -> None:
    assert resolution(0) == resolution(100) == 1.0
    assert resolution(3000) == pytest.approx(4.69, abs=0.01)


def test_a_theme_goes_on_from_the_one_it_shares_most_with() -> None:
    before = {1: "old", 2: "old", 3: "old", 4: "other"}
    assert carried_over(before, {1: 7, 2: 7, 3: 8, 4: 8, 5: 9}) == {7: "old", 8: "other"}


def test_no_former_theme_is_carried_over_twice() -> None:
    assert carried_over({1: "old", 2: "old"}, {1: 0, 2: 1}) == {0: "old"}


@given(
    st.dictionaries(st.integers(0, 20), st.sampled_from("abcd")), st.dictionaries(st.integers(0, 20), st.integers(0, 4))
)
def test_carrying_over_is_one_to_one_whatever_the_order(before: dict[int, str], now: dict[int, int]) -> None:
    kept = carried_over(before, now)
    assert len(set(kept.values())) == len(kept)
    assert carried_over(dict(reversed(before.items())), dict(reversed(now.items()))) == kept
    assert carried_over({item: kept[now[item]] for item in now if now[item] in kept}, now) == kept
