"""Which earlier item this may be about as well, and the words that tie the two: for a person to decide."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from heedback_service.core.nearest import Near
from heedback_service.core.text import wordset
from heedback_service.core.vectors import Spoken

MOST: Final = 5
_WORDS: Final = 5
# Words that tie nothing, in the languages triage knows.
_SILENT: Final = wordset(
    "a an the is are was were be been to of in on at by as it its this that these those and or but if so for with "
    "from i im me my we our you your he she they them there here what which when where how do does did has have had "
    "will would can could should just very "
    "der die das den dem ein eine einen ist sind war und oder aber es zu im auf mit von für ich mir mich wir sie "
    "en ei et det de er var og eller men på til av som jeg meg vi du"
)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Another text that may be about the same.

    Attributes:
        other: its place among those that were asked about.
        score: how near it is, above 0 to 1.
        why: words of both, telling ones first; none where only parts of words are shared.
    """

    other: int
    score: float
    why: tuple[str, ...]


def candidates(at: int, before: Near, spoken: Spoken) -> list[Candidate]:
    """The candidates of row `at`, which are other rows, best first."""
    mine = dict(spoken.of(at))
    return [
        Candidate(other, round(min(1.0, score), 3), _ties(mine, other, spoken))
        for other, score in zip(before.others.tolist(), before.scores.tolist(), strict=True)
    ]


def same(other: int, text: str) -> Candidate:
    """The candidate that says the very words of `text`, a normal form."""
    return Candidate(other, 1.0, tuple(word for word in dict.fromkeys(text.split()) if word not in _SILENT)[:_WORDS])


def _ties(mine: Mapping[int, float], other: int, spoken: Spoken) -> tuple[str, ...]:
    """The words of both, those that add most to their cosine first; without words like "the"."""
    shared = [(-mine[word] * weight, spoken.vocabulary[word]) for word, weight in spoken.of(other) if word in mine]
    return tuple(word for _, word in sorted(shared) if word not in _SILENT)[:_WORDS]
