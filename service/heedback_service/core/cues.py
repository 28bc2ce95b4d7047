"""Finding the words of a lexicon in a text: each cue at most once, none right behind a negation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from heedback_service.core.lexicon import NEGATIONS

_LOOK_BACK: Final = 2  # words before a cue that can turn it around: "not really wrong"


@dataclass(frozen=True, slots=True)
class Cues:
    """The phrases of one lexicon entry, by their first word, so that a text is read once."""

    exact: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    stems: tuple[str, ...] = ()

    @classmethod
    def of(cls, entry: str) -> Cues:
        phrases = [tuple(part.split()) for part in re.split("[,;]", entry) if part.split()]
        stems = tuple(word.rstrip("*") for (word, *more) in phrases if not more and word.endswith("*"))
        exact: dict[str, tuple[tuple[str, ...], ...]] = {}
        for phrase in phrases:
            if len(phrase) > 1 or not phrase[0].endswith("*"):
                exact[phrase[0]] = (*exact.get(phrase[0], ()), phrase)
        return cls(exact, stems)

    def in_words(self, words: tuple[str, ...]) -> tuple[str, ...]:
        """The cues found, as they stand in the text, in order, each once."""
        found = (hit for at in range(len(words)) for hit in self._at(words, at))
        return tuple(dict.fromkeys(found))

    def _at(self, words: tuple[str, ...], at: int) -> Iterable[str]:
        if words[at] not in NEGATIONS and not NEGATIONS.isdisjoint(words[max(0, at - _LOOK_BACK) : at]):
            return
        for phrase in self.exact.get(words[at], ()):
            if _begins(words[at : at + len(phrase)], phrase):
                yield " ".join(words[at : at + len(phrase)])
        if self.stems and words[at].startswith(self.stems):
            yield words[at]


def _begins(words: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    """Equal word by word; the phrase's last may be a stem."""
    if len(words) != len(phrase) or words[:-1] != phrase[:-1]:
        return False
    last = phrase[-1]
    return words[-1].startswith(last[:-1]) if last.endswith("*") else words[-1] == last
