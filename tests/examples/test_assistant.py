"""The AI feature answers from the docs, and its versions really differ."""

from __future__ import annotations

from pathlib import Path

import pytest
from assistant import EXTRACT_CHARS, NOT_FOUND, PROMPTS, SUMMARY_SECTIONS, Assistant
from retrieval import RANKERS, Library, Passage, read_passages
from start import DOCS, PAGES


def assistant(prompt: str, model: str, passages: list[Passage] | None = None) -> Assistant:
    return Assistant(Library(passages or read_passages(DOCS, PAGES), RANKERS[model]), PROMPTS[prompt])


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    (tmp_path / "tea.md").write_text(
        "# Tea\n\nAll about [tea](x.md).\n\n## Brewing\n\nUse `water` of 80 degrees.\n\nWait.\n\n"
        "| leaf | minutes |\n|---|---|\n| green | 2 |\n\n```\n# not a heading\n```\n"
    )
    return tmp_path


def test_a_page_becomes_one_passage_a_section(pages: Path) -> None:
    tea, brewing = read_passages(pages, ["tea"])
    assert tea == Passage("tea", "Tea", "Tea", "All about tea.")
    assert brewing.title == "Tea"
    assert brewing.anchor == "brewing"
    assert brewing.text == ("Use water of 80 degrees.\nWait.\nleaf: minutes\ngreen: 2\n# not a heading")


def test_a_missing_page_is_named_at_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="tea"):
        read_passages(tmp_path, ["tea"])


def test_it_answers_from_the_section_that_answers() -> None:
    answer = assistant("v12", "2026-09").answer("Can an event be counted twice?")
    assert answer.sources[0].heading == "Can an event be counted twice?"
    assert answer.text.startswith("No. Every event has its own id")


def test_a_question_in_german_finds_nothing() -> None:
    answer = assistant("v12", "2026-09").answer("Wann kommt der Digest?")
    assert answer.text == NOT_FOUND
    assert answer.sources == ()


def test_a_question_without_words_finds_nothing() -> None:
    assert assistant("v13", "2026-10").answer("???").text == NOT_FOUND


def test_the_new_prompt_cuts_where_the_old_one_did_not() -> None:
    question = "What happens when the service is down?"
    old = assistant("v12", "2026-10").answer(question)
    new = assistant("v13", "2026-10").answer(question)
    assert not old.text.endswith("…")
    assert len(old.sources) == 1
    assert len(new.sources) == 2
    first = new.text.split("\n")[0]
    assert first.endswith("…")
    assert len(first) <= EXTRACT_CHARS + 4


def test_the_new_model_answers_something_else_under_the_same_name() -> None:
    question = "How do I flag something?"
    old = assistant("v12", "2026-09").answer(question)
    new = assistant("v12", "2026-10").answer(question)
    assert old.text != new.text
    assert old.facts["request_model"] == new.facts["request_model"]
    for silent in ("response_model", "system_fingerprint"):
        assert old.facts[silent] != new.facts[silent]


def test_a_summary_opens_each_of_the_first_sections() -> None:
    answer = assistant("v13", "2026-10").summarise("questions")
    assert len(answer.text.split("\n")) == SUMMARY_SECTIONS
    assert answer.facts["prompt_name"] == "docs-summary"


def test_a_summary_of_no_page_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        assistant("v13", "2026-10").summarise("nowhere")
