"""A correction as a word diff: what stayed, what went, what came.

`difflib` is quadratic and worse on texts that repeat themselves, so a budget bounds it: what both ends share is set
aside, short texts are compared word by word, longer ones line by line and sentence by sentence with the changed
stretches compared by words, and what is still too large is shown as one deletion and one insertion.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby
from typing import Final, Literal

Kind = Literal["same", "del", "ins"]

_BUDGET: Final = 160_000  # pairs of tokens compared: 400 words against 400
_WORDS: Final = re.compile(r"\s+|\d+(?:[.,:]\d+)*|\w+|[^\w\s]")
_SENTENCES: Final = re.compile(r"[^.!?\n]*[.!?\n]*\s*")


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of text: in both, only before (`del`) or only after (`ins`). Never empty."""

    kind: Kind
    text: str


def diff(before: str, after: str) -> tuple[Span, ...]:
    """The spans that turn `before` into `after`.

    The texts of `same` and `del` together are `before`, those of `same` and `ins` are `after`; no two neighbours are of
    one kind, and a deletion stands before the insertion that replaces it.
    """
    return tuple(_joined(_diff(_WORDS.findall(before), _WORDS.findall(after))))


def _diff(before: list[str], after: list[str]) -> Iterator[Span]:
    start, end = _shared_ends(before, after)
    middle = before[start : len(before) - end], after[start : len(after) - end]
    yield Span("same", "".join(before[:start]))
    yield from _middle(*middle)
    yield Span("same", "".join(before[len(before) - end :]))


def _shared_ends(before: list[str], after: list[str]) -> tuple[int, int]:
    shorter = min(len(before), len(after))
    start = next((i for i in range(shorter) if before[i] != after[i]), shorter)
    rest = shorter - start
    end = next((i for i in range(rest) if before[-1 - i] != after[-1 - i]), rest)
    return start, end


def _middle(before: list[str], after: list[str]) -> Iterator[Span]:
    if len(before) * len(after) <= _BUDGET:
        yield from _compared(before, after, by_words=True)
        return
    coarse = _sentences(before), _sentences(after)
    if len(coarse[0]) * len(coarse[1]) <= _BUDGET:
        yield from _compared(*coarse, by_words=False)
    else:
        yield from _replaced(before, after)


def _compared(before: list[str], after: list[str], *, by_words: bool) -> Iterator[Span]:
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, i, j, k, m in matcher.get_opcodes():
        if tag == "equal":
            yield Span("same", "".join(before[i:j]))
        elif by_words:
            yield from _replaced(before[i:j], after[k:m])
        else:
            yield from _refined("".join(before[i:j]), "".join(after[k:m]))


def _refined(before: str, after: str) -> Iterator[Span]:
    words = _WORDS.findall(before), _WORDS.findall(after)
    small = len(words[0]) * len(words[1]) <= _BUDGET // 16
    yield from _compared(*words, by_words=True) if small else _replaced([before], [after])


def _replaced(before: list[str], after: list[str]) -> Iterator[Span]:
    yield Span("del", "".join(before))
    yield Span("ins", "".join(after))


def _sentences(tokens: list[str]) -> list[str]:
    return [part for part in _SENTENCES.findall("".join(tokens)) if part]


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Neighbours of one kind become one; between two things that stay, deletions come before insertions."""
    filled = (span for span in spans if span.text)
    for stays, group in groupby(filled, key=lambda span: span.kind == "same"):
        stretch = list(group)
        kinds: tuple[Kind, ...] = ("same",) if stays else ("del", "ins")
        for kind in kinds:
            text = "".join(span.text for span in stretch if span.kind == kind)
            if text:
                yield Span(kind, text)
