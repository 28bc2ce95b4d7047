"""The AI feature: answers a question about the docs, or sums up a page; by retrieval or an endpoint."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

from endpoint import Endpoint, EndpointError
from retrieval import Hit, Library, Passage

NOT_FOUND: Final = "I could not find anything about that in the docs."
MIN_COVERAGE: Final = 0.34  # below a third of the question's words, it is probably about something else
SUMMARY_SECTIONS: Final = 5
PASSAGE_CHARS: Final = 600
EXTRACT_CHARS: Final = 140
PAGE_CHARS: Final = 12_000  # of a page that is summed up by an endpoint


@dataclass(frozen=True, slots=True)
class Answer:
    """What is shown, where it comes from, and the facts that go along with the output to Heedback."""

    text: str
    sources: tuple[Passage, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Prompt:
    """One version of the prompt: what is made of the passages, or asked of the endpoint."""

    version: str
    passages: int
    compose: Callable[[str, list[Hit]], str]
    instruction: str


def best_passage(question: str, hits: list[Hit]) -> str:
    """The best passage as it stands, up to the paragraph that would make it too long."""
    kept = ""
    for paragraph in hits[0].passage.text.split("\n"):
        if kept and len(kept) + len(paragraph) > PASSAGE_CHARS:
            break
        kept += paragraph + "\n"
    return kept.strip()


def two_extracts(question: str, hits: list[Hit]) -> str:
    """The densest lines of the two best passages: short enough for a phone."""
    return "\n".join(extract(question, hit.passage.text) for hit in hits)


def extract(question: str, text: str) -> str:
    """The stretch of about `EXTRACT_CHARS` characters of `text` that shares most words with the question."""
    words = text.split()
    asked = set(re.findall(r"\w+", question.lower()))
    stretches = [_stretch(words, start) for start in range(0, len(words), 4)]
    best = max(stretches, key=lambda span: len(asked & set(re.findall(r"\w+", span[1].lower()))))
    start, chosen = best
    more = start + len(chosen.split()) < len(words)
    return ("… " if start else "") + chosen + (" …" if more else "")


PROMPTS: Final = {
    "v12": Prompt("v12", 1, best_passage, "Answer from this passage of the docs. Keep its wording."),
    "v13": Prompt("v13", 2, two_extracts, "Answer from these passages in at most two short sentences."),
}


class Assistant:
    """Answers from one library, with one prompt, through `endpoint` if there is one."""

    def __init__(self, library: Library, prompt: Prompt, endpoint: Endpoint | None = None) -> None:
        self.library = library
        self.prompt = prompt
        self.endpoint = endpoint

    def answer(self, question: str) -> Answer:
        """The answer to `question`. If the endpoint fails, retrieval answers, and `error_type` says why."""
        hits = self.library.search(question, self.prompt.passages)
        found = bool(hits) and hits[0].coverage >= MIN_COVERAGE
        sources = tuple(hit.passage for hit in hits) if found else ()
        text = self.prompt.compose(question, hits) if found else NOT_FOUND
        local = Answer(text, sources, self._local_facts("docs-answer", self.prompt.version))
        request = f"{self.prompt.instruction}\n\n{_as_prompt(sources)}\n\nQuestion: {question}"
        return self._through_endpoint(local, request)

    def summarise(self, page: str) -> Answer:
        """The gist of one page: what its first sections open with.

        Raises:
            KeyError: there is no such page.
        """
        sections = self.library.page(page)
        if not sections:
            raise KeyError(page)
        text = "\n".join(_first_sentence(section.text) for section in sections[:SUMMARY_SECTIONS])
        local = Answer(text, (sections[0],), self._local_facts("docs-summary", "v4"))
        request = f"Sum up this page in five short lines.\n\n{_as_prompt(tuple(sections))[:PAGE_CHARS]}"
        return self._through_endpoint(local, request)

    def _through_endpoint(self, local: Answer, request: str) -> Answer:
        if self.endpoint is None:
            return local
        try:
            text, facts = self.endpoint.complete(request)
        except EndpointError as error:
            return replace(local, facts=local.facts | {"error_type": error.kind})
        named = {key: local.facts[key] for key in ("prompt_name", "prompt_version")}
        return replace(local, text=text, facts=facts | named)

    def _local_facts(self, prompt_name: str, prompt_version: str) -> dict[str, Any]:
        ranker = self.library.ranker
        return {
            "provider": "local",
            "request_model": "bm25-docs",
            "response_model": f"bm25-docs-{ranker.name}",
            "system_fingerprint": ranker.fingerprint,
            "prompt_name": prompt_name,
            "prompt_version": prompt_version,
        }


def _stretch(words: list[str], start: int) -> tuple[int, str]:
    end, length = start, 0
    while end < len(words) and length + len(words[end]) < EXTRACT_CHARS:
        length += len(words[end]) + 1
        end += 1
    return start, " ".join(words[start : max(end, start + 1)])


def _first_sentence(text: str) -> str:
    return re.split(r"(?<=[.!?:])\s", text, maxsplit=1)[0]


def _as_prompt(passages: tuple[Passage, ...]) -> str:
    return "\n\n".join(f"[{passage.title}: {passage.heading}]\n{passage.text}" for passage in passages)
