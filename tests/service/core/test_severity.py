"""How bad it is, and why."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback.limits import REASONS
from heedback_service.core.classify import Category
from heedback_service.core.severity import Severity, Voice, of_item, severity


def category(name: str) -> Category:
    kind, _, key = name.partition(":")
    return Category(kind, key, 1.0, ()) if key else Category("", "", 0.0, ())


@pytest.mark.parametrize(
    ("name", "polarity", "comment", "level", "why"),
    [
        ("flag:private_data", None, None, 3, "because people flag it for private data"),
        ("flag:private_data", None, "a minor thing", 3, "because people flag it for private data"),
        ("flag:other", None, None, 2, "because people flag it"),
        ("down:incorrect", -1, None, 2, "because people say it is incorrect"),
        ("down:incorrect", -1, "only a typo", 1, "because people write “typo”"),
        ("down:incorrect", -1, "dangerous", 2, "because people say it is incorrect"),
        ("down:incomplete", -1, "the customer saw it", 2, "because people write “customer saw”"),
        ("down:style", -1, None, 1, "because of how it is written"),
        ("down:wrong_currency", -1, None, 1, "because people marked it “wrong currency”"),
        ("unknown", -1, None, 1, "because people rate it down without a reason we know"),
        ("unknown", None, "hm", 0, "because people remark on it without rating it down"),
    ],
)
def test_severity_follows_flag_reason_rating_and_words(
    name: str, polarity: int | None, comment: str | None, level: int, why: str
) -> None:
    assert severity(category(name), polarity=polarity, comment=comment) == Severity(level, why)


@given(st.sampled_from([f"down:{key}" for key in REASONS["down"]] + ["unknown"]), st.text())
def test_words_alone_never_claim_harm(name: str, comment: str) -> None:
    assert severity(category(name), polarity=-1, comment=comment).level < 3


def voice(level: int, person: str | None = None, group: str | None = None, *ways: str) -> Voice:
    return Voice(Severity(level, f"because {level}"), person, group, frozenset(ways))


VOICES = st.lists(
    st.builds(
        Voice,
        st.builds(Severity, st.integers(0, 3), st.sampled_from(["because a", "because b"])),
        st.sampled_from([None, "ann", "bob", "carl", "dora"]),
        st.sampled_from([None, "sales", "legal"]),
        st.frozensets(st.sampled_from(["flag", "rating", "correction"])),
    ),
    max_size=12,
)


def test_an_item_is_as_bad_as_a_quarter_of_its_reports_say() -> None:
    mild, bad = voice(1), voice(2)
    assert of_item([bad, mild, mild, mild]) == bad.severity
    assert of_item([bad, mild, mild, mild, mild]) == mild.severity


def test_one_report_of_harm_is_enough() -> None:
    assert of_item([voice(3)] + [voice(0)] * 99).level == 3


def test_no_report_is_no_severity() -> None:
    assert of_item([]).level == 0


@pytest.mark.parametrize(
    ("voices", "why"),
    [
        (
            [voice(1, "ann", "sales"), voice(1, "bob", "legal"), voice(1, "carl")],
            "3 people in 2 user groups say so",
        ),
        (
            [voice(1, "ann", None, "rating"), voice(1, "bob", None, "rating", "correction"), voice(1, "carl")],
            "3 people say so, 1 corrected it",
        ),
        (
            [
                *(voice(1, name, "sales", "rating") for name in ("ann", "bob", "carl")),
                voice(1, "dora", "legal", "flag", "rating"),
            ],
            "4 people in 2 user groups say so, 1 flagged it",
        ),
        ([voice(0, "ann", "a"), voice(0, "bob", "b"), voice(0, "carl", "c")], "3 people in 3 user groups say so"),
    ],
)
def test_different_people_in_different_groups_or_ways_raise_it_by_one(voices: list[Voice], why: str) -> None:
    level = voices[0].severity.level
    assert of_item(voices) == Severity(level + 1, f"because {level}, raised by one: {why}")


@pytest.mark.parametrize(
    "voices",
    [
        pytest.param([voice(1, "ann", "a"), voice(1, "bob", "b")], id="two people"),
        pytest.param([voice(1, name, "a", "rating") for name in ("ann", "bob", "carl", "dora")], id="of one kind"),
        pytest.param([voice(1, None, group, "flag") for group in "abcd"], id="nobody we know"),
        pytest.param(
            [voice(1, "ann", "a", "flag"), voice(1, "ann", "b", "rating"), voice(1, "bob"), voice(1, "carl")],
            id="one person has both groups and both ways",
        ),
        pytest.param(
            [voice(1, "ann", "a"), voice(0, "bob", "b"), voice(0, "carl", "c")], id="others find it less severe"
        ),
    ],
)
def test_too_few_or_too_like_people_do_not_raise_it(voices: list[Voice]) -> None:
    assert of_item(voices) == Severity(1, "because 1")


def test_nobody_makes_harm_of_it_unless_somebody_flags_it() -> None:
    wrong = [voice(2, "ann", "a", "rating"), voice(2, "bob", "b", "correction"), voice(2, "carl", "c")]
    assert of_item(wrong).level == 2
    assert of_item([*wrong, voice(2, "dora", "a", "flag")]) == Severity(
        3, "because 2, raised by one: 4 people in 3 user groups say so, 1 flagged it, 1 corrected it"
    )


@given(VOICES)
def test_voices_raise_by_one_at_most_and_never_lower(voices: list[Voice]) -> None:
    plain = of_item([replace(each, person=None) for each in voices])
    assert plain.level <= of_item(voices).level <= min(3, plain.level + 1)


@given(VOICES)
def test_one_person_never_raises_it(voices: list[Voice]) -> None:
    assert (
        of_item([replace(each, person="ann") for each in voices]).level
        == of_item([replace(each, person=None) for each in voices]).level
    )


@given(VOICES, st.randoms())
def test_the_order_of_reports_does_not_matter(voices: list[Voice], random: Random) -> None:
    assert of_item(voices) == of_item(random.sample(voices, len(voices)))
