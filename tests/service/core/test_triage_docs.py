"""The numbers in docs/triage.md are the ones the rules use, and its example comes out as it says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from math import prod
from pathlib import Path

import pytest

from heedback_service.channels import llm
from heedback_service.core import grouping, language, priority, proposals, severity, spam
from heedback_service.core.classify import SURE_ENOUGH
from heedback_service.core.priority import Factors, Weights
from heedback_service.core.titles import LONGEST_TITLE
from heedback_service.flow import aging, ranking, tongue
from heedback_service.flow import proposals as asking

PAGE = " ".join((Path(__file__).parents[3] / "docs" / "triage.md").read_text(encoding="utf-8").split())
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "said",
    [
        f"nearness of at least {grouping.JOIN_AT}",
        f"below {SURE_ENOUGH} the category is *unknown*",
        f"its newest {ranking.JUDGED} reports",
        f"at least {severity.ENOUGH_PEOPLE} different people",
        f"from its first {language.READ:,} characters",
        f"its newest {tongue.NEWEST} pieces of feedback",
        f"half every {priority.HALF_LIFE.days} days, never below {priority.STALE}",
        f"fewer than {priority.UNLIKELY * 100:.0f} of 100 weeks",
        f"up to {priority.PAST_WEEKS} weeks",
        f"at least {priority.FEWEST} reports of at least {priority.VOICES} people",
        f"A weight, 0 to {priority.HEAVIEST:g}, is the exponent",
        f"its score becomes {priority.FRONT} + a tenth of it. All others stop at {priority.FRONT - 1}",
        f"at most {LONGEST_TITLE} characters",
        f"{spam.REPEATS} times in the day before",
        f"given {spam.FLOOD} pieces of feedback in the hour before",
        f"{spam.ANONYMOUS_REPEATS} times among their last {spam.REACH} pieces of the hour before",
        f"the first {asking.TOP} of a project in the order of the queue",
        f"from {asking.FIRST / timedelta(minutes=1):.0f} minutes after it was made",
        f"up to {proposals.QUOTES} of its newest comments",
        f"the title and {proposals.QUOTES_OF_OTHERS} comments each",
        f"A comment is cut at {proposals.QUOTE_CHARS} characters",
        f"at most {llm._ANSWER:.0f} seconds and {llm._BYTES // 1024} KiB",
        f"every {aging.EVERY / timedelta(hours=1):.0f} hours",
    ],
)
def test_the_page_states_the_limits_in_force(said: str) -> None:
    assert said in PAGE


def test_the_worked_example_comes_out_as_it_says() -> None:
    first_at, last_at = NOW - timedelta(weeks=4), NOW - timedelta(hours=1)
    trend = priority.trend(16, 15, first_at, NOW)
    item = Factors(14, 31, 2, "because people say it is incorrect", trend, first_at, last_at)
    values = priority.values(item, NOW)
    points = prod(values)
    people, bad, rise, fresh = priority.phrases(item, NOW)
    for line in (
        f"| people | {people} | log2(15) = {values[0]:.2f} |",
        f"| severity | {bad} | {values[1]:.2f} |",
        f"| trend | {rise} | √3.2 = {values[2]:.2f} (chance: {trend.chance:.3f}) |",
        f"| freshness | {fresh} | {values[3]:.3f} |",
        f"= {points:.2f}. Score: 100 × {points:.2f} / {points + 4:.2f} = **{priority.score(item, NOW)}**",
    ):
        assert line in PAGE
    weighed = replace(item, weights=Weights(severity=2, trend=0))
    points = values[0] * values[1] ** 2 * values[3]
    for line in (
        f"| severity | {values[1]:.2f} | 2 | {values[1]:.2f}² = {values[1] ** 2:.2f} |",
        f"*{bad} ({priority.emphases(weighed.weights)[1]})*",
        f"= {points:.2f}. Score: 100 × {points:.2f} / {points + 4:.2f} = **{priority.score(weighed, NOW)}**",
    ):
        assert line in PAGE
