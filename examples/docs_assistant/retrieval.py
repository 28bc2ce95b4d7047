"""Finds passages in a folder of Markdown pages. Sections in, ranked hits out; nothing is kept on disk."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rank_bm25 import BM25, BM25Okapi, BM25Plus  # type: ignore[import-untyped]

_HEADING: Final = re.compile(r"^(#{1,4}) +(.+)$")
_LINK: Final = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_NOISE: Final = re.compile(r"^```.*$|^\|[-| :]+\|$|[`*]", re.MULTILINE)
_ROW: Final = re.compile(r"^\| *(.*?) *\|$", re.MULTILINE)
_WORD: Final = re.compile(r"[^\W_]+")
_STOP: Final = frozenset(
    _WORD.findall(
        "a an and are as at be by can did do does for from has have how i if in is it its me my not of on or "
        "our so that the then there this to us was we what when where which who why will with you your"
    )
)


@dataclass(frozen=True, slots=True)
class Passage:
    """One section of one page. `page` is the file's name without `.md`, `anchor` the heading as an id."""

    page: str
    title: str
    heading: str
    text: str

    @property
    def anchor(self) -> str:
        return re.sub(r"[^\w\- ]", "", self.heading.lower()).strip().replace(" ", "-")


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage, how well it fits, and the share (0 to 1) of the question's words that it contains."""

    passage: Passage
    score: float
    coverage: float


@dataclass(frozen=True, slots=True)
class Ranker:
    """One way of ranking. Two of these are two models: the same question can get another answer."""

    name: str
    tokens: Callable[[str], list[str]]
    heading_weight: int
    index: type[BM25]

    @property
    def fingerprint(self) -> str:
        facts = f"{self.name} {self.tokens.__name__} {self.heading_weight} {self.index.__name__}"
        return "fp_" + hashlib.sha256(facts.encode()).hexdigest()[:10]


def whole_words(text: str) -> list[str]:
    """The words of `text` in lower case, without those that every question has."""
    return [word for word in _WORD.findall(text.lower()) if word not in _STOP]


def word_starts(text: str) -> list[str]:
    """The first five letters of every word: finds `ratings` for `rating`, and `product` for `production`."""
    return [word[:5] for word in _WORD.findall(text.lower())]


RANKERS: Final = {
    "2026-09": Ranker("2026-09", whole_words, heading_weight=2, index=BM25Okapi),
    "2026-10": Ranker("2026-10", word_starts, heading_weight=1, index=BM25Plus),
}


class Library:
    """The pages of one folder, and an index over their sections."""

    def __init__(self, passages: list[Passage], ranker: Ranker) -> None:
        self.passages = passages
        self.ranker = ranker
        self._tokens = [ranker.tokens(_searched(passage, ranker.heading_weight)) for passage in passages]
        self._index = ranker.index(self._tokens)

    def search(self, question: str, limit: int = 3) -> list[Hit]:
        """The `limit` best passages, best first. A question without a known word finds nothing."""
        words = self.ranker.tokens(question)
        if not words:
            return []
        scores = self._index.get_scores(words)
        best = sorted(range(len(self.passages)), key=lambda at: -scores[at])[:limit]
        hits = (Hit(self.passages[at], float(scores[at]), _coverage(words, self._tokens[at])) for at in best)
        return [hit for hit in hits if hit.coverage > 0]

    def page(self, name: str) -> list[Passage]:
        """The sections of one page in their order; empty when there is no such page."""
        return [passage for passage in self.passages if passage.page == name]

    def pages(self) -> dict[str, str]:
        """Name and title of every page, by title."""
        titles = {passage.page: passage.title for passage in self.passages}
        return dict(sorted(titles.items(), key=lambda pair: pair[1]))


def read_passages(folder: Path, pages: Iterable[str]) -> list[Passage]:
    """Every section of these `pages` (file names without `.md`) in `folder`, in their order.

    Raises:
        FileNotFoundError: a page is missing.
    """
    return [passage for page in pages for passage in _sections(folder / f"{page}.md")]


def _sections(path: Path) -> Iterator[Passage]:
    title = heading = path.stem
    lines: list[str] = []
    fenced = False
    for line in path.read_text(encoding="utf-8").splitlines():
        fenced ^= line.startswith("```")
        found = None if fenced else _HEADING.match(line)
        if not found:
            lines.append(line)
            continue
        yield from _passage(path, title, heading, lines)
        heading, lines = found[2], []
        title = heading if found[1] == "#" else title
    yield from _passage(path, title, heading, lines)


def _passage(path: Path, title: str, heading: str, lines: list[str]) -> Iterator[Passage]:
    if text := _plain("\n".join(lines)):
        yield Passage(path.stem, title, heading, text)


def _plain(markdown: str) -> str:
    """Markdown as people read it aloud: no links, fences or table rules; one line a paragraph."""
    text = _NOISE.sub("", _LINK.sub(r"\1", markdown))
    text = _ROW.sub(lambda row: row[1].replace(" | ", ": ") + "\n", text)
    paragraphs = (" ".join(block.split()) for block in re.split(r"\n\s*\n", text))
    return "\n".join(paragraph for paragraph in paragraphs if paragraph)


def _searched(passage: Passage, heading_weight: int) -> str:
    return " ".join([passage.title, *[passage.heading] * heading_weight, passage.text])


def _coverage(words: list[str], tokens: list[str]) -> float:
    known = set(tokens)
    asked = set(words)
    return len(asked & known) / len(asked)
