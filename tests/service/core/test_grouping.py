"""What joins by itself, and what must not."""

import os
import random
import struct
import subprocess
import sys
import time
from hashlib import blake2b
from itertools import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback_service.core import grouping, nearness
from heedback_service.core.grouping import JOIN_AT, Report, keys, near
from heedback_service.core.text import normalise

TEXTS = st.text(alphabet="abcdef äß\n.!", max_size=60)
REPORTS = st.builds(
    Report,
    feature=st.sampled_from(["f", "g"]),
    reasons=st.sampled_from([(), ("incorrect",), ("incorrect", "style"), ("style", "incorrect")]),
    comment=st.one_of(st.none(), TEXTS),
    prompt_version=st.sampled_from([None, "v1"]),
    output_hash=st.sampled_from([None, "x", "y"]),
)


def said(comment: str | None, **other: object) -> Report:
    return Report(**{"feature": "f", "comment": comment, **other})  # type: ignore[arg-type]


def same(one: Report, other: Report) -> bool:
    """As triage joins them: by signature, or by near-identical words where texts have bands to be found by."""
    a, b = keys(one), keys(other)
    near_copies = bool(a.bands and b.bands) and near(one.text(), other.text(), JOIN_AT) >= JOIN_AT
    return a.signature == b.signature or near_copies


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The total leaves out the VAT.", "the total leaves out the vat!!"),
        ("The total leaves out the VAT.", "Hi team, the total leaves out the VAT, thanks"),
        ("The total leaves out the VAT.", "The total leavs out teh VAT."),
        ("Die Summe enthält keine Mehrwertsteuer", "die summe enthält keine mehrwertsteuer..."),
        ("it answered in the wrong language again", "It answred in the wrong langauge again"),
        ("The answer cites page four of a two-page letter", "The answercites page four of a two page letter"),
    ],
)
def test_near_copies_are_the_same_and_share_a_key(one: str, other: str) -> None:
    assert same(said(one), said(other))
    a, b = keys(said(one)), keys(said(other))
    assert a.signature == b.signature or set(a.bands) & set(b.bands)


@given(st.text(min_size=1, max_size=80).filter(normalise))
def test_bands_are_made_of_the_smallest_hash_of_each_kind(text: str) -> None:
    """As MinHash is written down; `keys` takes the smallest of all kinds at once."""
    normal = f" {normalise(text)} "
    shingles = [normal[at : at + 3].encode("utf-8", "backslashreplace") for at in range(len(normal) - 2)]
    smallest: list[int] = []
    for salt in range(4):
        digests = [blake2b(each, digest_size=64, salt=bytes([salt])).digest() for each in shingles]
        smallest += map(min, *[struct.unpack(">16I", each) for each in digests], repeat(1 << 32))
    rows = [struct.pack(">B4I", band, *smallest[4 * band : 4 * band + 4]) for band in range(16)]
    assert grouping._bands(normalise(text)) == tuple(blake2b(row, digest_size=8).hexdigest() for row in rows)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("please turn the lights on", "please turn the lights off"),
        ("the answer is correct", "the answer is incorrect"),
        ("this is legal advice here", "this is illegal advice here"),
        ("it does mention the price", "it does not mention the price"),
        ("when will my card arrive", "when will my virtual card arrive"),
        ("error 404 on the page", "error 500 on the page"),
        ("the date is wrong here", "the rate is wrong here"),
        ("wrong total", "wrong date"),
        ("no vat", "vat"),
    ],
)
def test_one_word_that_matters_keeps_two_reports_apart(one: str, other: str) -> None:
    assert not same(said(one), said(other))


def test_bare_thumbs_on_one_answer_are_one_item_and_on_two_answers_are_two() -> None:
    bare = said(None, reasons=("incorrect",), prompt_version="v1", output_hash="x")
    assert same(bare, said("👎", reasons=("incorrect",), prompt_version="v1", output_hash="x"))
    assert not same(bare, said(None, reasons=("incorrect",), prompt_version="v1", output_hash="y"))
    assert not same(bare, said(None, reasons=("style",), prompt_version="v1", output_hash="x"))
    assert not same(bare, said(None, reasons=("incorrect",), prompt_version="v2", output_hash="x"))


def test_a_word_that_says_no_more_than_the_thumb_counts_as_none() -> None:
    assert same(said("Wrong!", output_hash="x"), said(None, output_hash="x"))
    assert not same(said("Wrong!", output_hash="x"), said("wrong", output_hash="y"))


def test_short_texts_join_only_when_equal() -> None:
    assert same(said("no VAT", output_hash="x"), said("No vat!", output_hash="y"))
    assert not same(said("no VAT"), said("no VAAT"))
    assert keys(said("no VAT")).bands == ()


def test_no_signature_is_of_two_features() -> None:
    assert keys(said("the total is wrong")).signature != keys(said("the total is wrong", feature="g")).signature


def test_reasons_do_not_split_what_people_say_in_the_same_words() -> None:
    assert same(said("the total is wrong", reasons=("incorrect",)), said("the total is wrong"))


@given(REPORTS, REPORTS)
def test_sameness_is_symmetric_and_a_shared_signature_is_sameness(one: Report, other: Report) -> None:
    assert same(one, other) == same(other, one)
    assert same(one, one)
    if one.feature == other.feature and keys(one).signature == keys(other).signature:
        assert same(one, other)


@given(REPORTS)
def test_keys_are_short_hexadecimal_strings(report: Report) -> None:
    found = keys(report)
    assert all(len(key) <= 32 and int(key, 16) >= 0 for key in (found.signature, *found.bands))
    assert len(set(found.bands)) == len(found.bands)


@given(TEXTS, TEXTS)
def test_nearness_lies_between_0_and_1_and_is_1_for_equals(one: str, other: str) -> None:
    a, b = normalise(one), normalise(other)
    assert 0 <= near(a, b) <= 1
    assert near(a, b) == near(b, a)
    assert near(a, a) == 1


_HARD = ["the", "not", "on", "vat", "vta", "total", "totals", "totla", "answer", "answers", "a", "nswer", "an", "swer"]
SLIPS = st.lists(st.sampled_from([*_HARD, "invoice", "invocie"]), max_size=12).map(" ".join)


@given(SLIPS, SLIPS)
def test_whether_two_texts_are_near_enough_does_not_depend_on_who_asks_how_near_they_are(one: str, other: str) -> None:
    assert (near(one, other) >= JOIN_AT) == (near(one, other, JOIN_AT) >= JOIN_AT)


def test_no_slips_are_looked_for_where_they_cannot_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts from one template: five words of thirty differ, and not by a letter or two."""
    monkeypatch.setattr(nearness, "_distance", None)
    template = " ".join(f"word{chr(97 + n)}" for n in range(25))
    fillings = "zebra lumpy quick frond mixed", "chasm third nylon blurb depot"
    assert near(*(f"{template} {filling}" for filling in fillings), JOIN_AT) < JOIN_AT


def test_keys_do_not_depend_on_the_process() -> None:
    program = (
        "from heedback_service.core.grouping import Report, keys;"
        "print(keys(Report(feature='f', comment='the total leaves out the vat')))"
    )
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    printed = {
        subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, check=True).stdout
        for env in environments
    }
    assert printed == {f"{keys(said('the total leaves out the vat'))}\n"}


def test_near_copies_of_random_sentences_are_found_by_their_keys() -> None:
    rng = random.Random(7)
    vocabulary = ["".join(rng.choices("abcdefghijklmnoprstu", k=rng.randint(3, 9))) for _ in range(400)]
    missed = 0
    for _ in range(300):
        sentence = rng.choices(vocabulary, k=rng.randint(5, 20))
        copy = list(sentence)
        at = rng.choice([i for i, word in enumerate(copy) if len(word) >= 4] or [0])
        copy[at] = copy[at][:2] + copy[at][3:]
        one, other = keys(said(" ".join(sentence))), keys(said(" ".join(copy)))
        missed += not set(one.bands) & set(other.bands)
    assert missed <= 6  # 2 %


@pytest.mark.parametrize(
    "bait",
    [
        "word " * 20_000,
        " ".join(f"w{n:x}" for n in range(20_000)),
        "a" * 100_000,
        "ab" * 50_000,
        "\ud800 x y z" * 9_000,
    ],
)
def test_a_hostile_text_takes_bounded_time(bait: str) -> None:
    start = time.process_time()
    keys(said(bait))
    assert near(normalise(bait), normalise(bait.replace("w", "v"))) <= 1
    assert time.process_time() - start < 2
