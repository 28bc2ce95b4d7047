"""How bad it is, and why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from heedback.limits import REASONS
from heedback_service.core.classify import Category
from heedback_service.core.severity import Severity, of_item, severity

SEVERITIES = st.lists(st.builds(Severity, st.integers(0, 3), st.sampled_from(["because a", "because b"])), max_size=12)


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


def test_an_item_is_as_bad_as_a_quarter_of_its_reports_say() -> None:
    mild, bad = Severity(1, "because mild"), Severity(2, "because bad")
    assert of_item([bad, mild, mild, mild]) == bad
    assert of_item([bad, mild, mild, mild, mild]) == mild


def test_one_report_of_harm_is_enough() -> None:
    assert of_item([Severity(3, "because harm")] + [Severity(0, "because so")] * 99).level == 3


def test_no_report_is_no_severity() -> None:
    assert of_item([]).level == 0


@given(SEVERITIES, st.randoms())
def test_the_order_of_reports_does_not_matter(severities: list[Severity], random: object) -> None:
    assert of_item(severities) == of_item(sorted(severities, key=repr))
