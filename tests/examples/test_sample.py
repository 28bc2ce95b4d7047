"""What the sample file promises to those who use it, for demonstrations and for measuring."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime
from typing import Any

import pytest
from assistant import NOT_FOUND, PROMPTS, Assistant
from retrieval import RANKERS, Library, read_passages
from sample import FILE, Sample, last_sunday
from start import DOCS, PAGES

from heedback.limits import REASONS

SUNDAY = date(2026, 11, 22)
ENTHUSIAST, SPAMMER = "p04", "p30"


@pytest.fixture(scope="module")
def sample() -> Sample:
    return Sample(FILE, SUNDAY, UTC)


@pytest.fixture(scope="module")
def entries(sample: Sample) -> list[dict[str, Any]]:
    return [line for line in sample.lines if "person" in line]


def comments(entries: list[dict[str, Any]]) -> list[str]:
    return [line["comment"] for line in entries if "comment" in line]


def people_who_say(entries: list[dict[str, Any]], *words: str) -> set[str]:
    return {line["person"] for line in entries if all(word in line.get("comment", "").lower() for word in words)}


def test_it_says_in_its_first_line_that_it_is_sample_data(sample: Sample) -> None:
    assert sample.header["sample"] is True
    assert sample.header["about"].startswith("Sample data")


def test_about_thirty_people_wrote_at_least_170_entries(entries: list[dict[str, Any]]) -> None:
    assert len(entries) >= 170
    assert 28 <= len({line["person"] for line in entries}) <= 33


def test_each_of_five_weeks_has_its_share(entries: list[dict[str, Any]]) -> None:
    weeks = Counter((line["day"] + 34) // 7 + 1 for line in entries)
    assert min(line["day"] for line in entries) == -34
    assert all(weeks[week] >= 30 for week in range(1, 6))
    assert 0 < weeks[6] < 10


def test_every_reason_is_one_that_heedback_knows(entries: list[dict[str, Any]]) -> None:
    for line in entries:
        known = REASONS[line["rating"]] if "rating" in line else ()
        assert set(line.get("reasons", ())) <= set(known), line
        assert set(line.get("flag_reasons", ())) <= set(REASONS["flag"]), line


def test_there_are_bare_thumbs_and_reasons_without_words(entries: list[dict[str, Any]]) -> None:
    wordless = [line for line in entries if not line.keys() & {"comment", "correction", "flag_reasons"}]
    assert any("reasons" not in line for line in wordless)
    assert any("reasons" in line for line in wordless)


def test_six_people_write_german(sample: Sample, entries: list[dict[str, Any]]) -> None:
    german = {name for name, facts in sample.people.items() if facts["locale"] == "de-DE"}
    assert len(people_who_say(entries, "auf deutsch") | people_who_say(entries, "bricht")) >= 6
    assert people_who_say(entries, "auf deutsch") <= german


@pytest.mark.parametrize(
    ("words", "least"),
    [
        (("in the middle of",), 12),
        (("switch", "off"), 9),
        (("deutsch",), 6),
        (("five questions",), 6),
        (("half has nothing to do",), 5),
        (("what an output is",), 4),
        (("price",), 4),
        (("box", "drawing"), 3),
    ],
)
def test_problems_recur(entries: list[dict[str, Any]], words: tuple[str, ...], least: int) -> None:
    """Each of these is one problem that several people report, some in nearly the same words."""
    assert len(people_who_say(entries, *words)) >= least


def test_one_spammer_repeats_one_link(entries: list[dict[str, Any]]) -> None:
    spam = [line for line in entries if "http://" in line.get("comment", "")]
    assert {line["person"] for line in spam} == {SPAMMER}
    assert len(spam) >= 8


def test_one_enthusiast_gives_a_third_of_all_praise(entries: list[dict[str, Any]]) -> None:
    praise = Counter(line["person"] for line in entries if line.get("rating") == "up" and line["person"] != SPAMMER)
    assert 0.3 <= praise[ENTHUSIAST] / praise.total() <= 0.36


def test_harm_and_private_data_are_flagged(entries: list[dict[str, Any]]) -> None:
    flagged = Counter(reason for line in entries for reason in line.get("flag_reasons", ()))
    assert flagged["private_data"] == 1
    assert flagged["harmful"] >= 2


def test_the_model_changes_silently_in_week_three_and_the_prompt_in_week_four(sample: Sample) -> None:
    model, prompt = sample.header["releases"][1:]
    assert model == {"from_day": -18, "model": "2026-10", "announced": False}
    assert prompt == {"from_day": -9, "prompt": "v13", "announced": True}
    assert RANKERS["2026-09"].fingerprint != RANKERS["2026-10"].fingerprint


def test_the_complaint_about_cut_sentences_comes_with_the_new_prompt(entries: list[dict[str, Any]]) -> None:
    days = [line["day"] for line in entries if "middle of" in line.get("comment", "").lower()]
    assert len(days) >= 15
    assert min(days) == -9


def test_nobody_browses_at_a_random_time(sample: Sample) -> None:
    """Reading the file twice gives the same visits, so that two demonstrations can be compared."""
    until = datetime(2026, 12, 1, tzinfo=UTC)
    again = Sample(FILE, SUNDAY, UTC)
    assert sample.visits(until) == again.visits(until)


def test_few_outputs_are_rated_down(sample: Sample) -> None:
    visits = sample.visits(datetime(2026, 12, 1, tzinfo=UTC))
    down = sum(visit.said.get("rating") == "down" for visit in visits)
    assert 0.04 <= down / len(visits) <= 0.08


def test_what_has_not_happened_yet_is_left_out(sample: Sample) -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
    assert all(visit.at < now for visit in sample.visits(now))
    assert any(visit.at.date() == now.date() for visit in sample.visits(now))


@pytest.mark.parametrize(
    ("today", "sunday"),
    [(date(2026, 11, 23), SUNDAY), (date(2026, 11, 28), SUNDAY), (date(2026, 11, 22), date(2026, 11, 15))],
)
def test_day_zero_is_the_sunday_that_ends_the_last_complete_week(today: date, sunday: date) -> None:
    assert last_sunday(today) == sunday


def test_every_page_that_is_summed_up_exists(sample: Sample) -> None:
    pages = {passage.page for passage in read_passages(DOCS, PAGES)}
    assert {line["page"] for line in sample.lines if "page" in line} <= pages


@pytest.mark.parametrize(
    ("complaint", "feature", "seen"),
    [
        ("middle of", "docs-answer", "…"),
        ("switch heedback off", "docs-answer", "disabled=True"),
        ("nichts gefunden", "docs-answer", NOT_FOUND),
        ("page about privacy", "docs-answer", NOT_FOUND),
        ("the whole folder", "docs-answer", "delete the folder"),
        ("box", "docs-summary", "┌"),
    ],
)
def test_people_complain_about_what_the_answers_really_do(
    sample: Sample, complaint: str, feature: str, seen: str
) -> None:
    """After a change of the docs most complaints must still fit, or the demonstration makes no sense."""
    passages = read_passages(DOCS, PAGES)
    assistants = {
        (prompt, model): Assistant(Library(passages, RANKERS[model]), PROMPTS[prompt])
        for prompt in PROMPTS
        for model in RANKERS
    }
    fits = []
    for visit in sample.visits(datetime(2026, 12, 1, tzinfo=UTC)):
        if visit.feature == feature and complaint in visit.said.get("comment", "").lower():
            assistant = assistants[visit.release["prompt"], visit.release["model"]]
            ask = assistant.summarise if feature == "docs-summary" else assistant.answer
            fits.append(seen in ask(visit.asked).text)
    assert len(fits) >= 2
    assert sum(fits) / len(fits) >= 0.8
