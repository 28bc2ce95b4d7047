"""Finding the words of a lexicon in a text: each cue at most once, none right behind a negation."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from heedback_service.core.lexicon import NEGATIONS, NOT

_LOOK_BACK: Final = 2  # words before a cue that can turn it around: "not really wrong"
# How many words may stand for these: "does not really give any answer", "is about ships in general and not about mine".
_GAPS: Final = {"..": 3, "...": 10}
_LONGEST_SHOWN: Final = 60  # characters of one cue, as it is shown: a word may be as long as the text


@dataclass(frozen=True, slots=True)
class _Word:
    """One place of a phrase: the words that may stand there, whole or by how they begin."""

    whole: frozenset[str]
    stems: tuple[str, ...]

    @classmethod
    def of(cls, written: str) -> _Word:
        options = written.split("|")
        stems = tuple(option[:-1] for option in options if option.endswith("*"))
        whole = {option for option in options if not option.endswith("*")}
        return cls(frozenset(whole | NOT if "not" in whole else whole), stems)

    def fits(self, word: str) -> bool:
        return word in self.whole or (bool(self.stems) and word.startswith(self.stems))


_Phrase = tuple[tuple[int, _Word], ...]  # each word behind the first: how many others may stand before it


@dataclass(frozen=True, slots=True)
class Cues:
    """The phrases of one lexicon entry, by their first word, so that a text is read once."""

    whole: dict[str, tuple[_Phrase, ...]] = field(default_factory=dict)
    stems: tuple[tuple[tuple[str, ...], _Phrase], ...] = ()
    beginnings: tuple[str, ...] = ()  # all of `stems`

    @classmethod
    def of(cls, entry: str) -> Cues:
        whole: dict[str, tuple[_Phrase, ...]] = {}
        stems: dict[_Phrase, tuple[str, ...]] = {}
        for first, phrase in (_parsed(part) for part in re.split("[,;]", entry) if part.split()):
            for word in sorted(first.whole):
                whole[word] = (*whole.get(word, ()), phrase)
            if first.stems:
                stems[phrase] = (*stems.get(phrase, ()), *first.stems)
        by_stem = tuple((beginnings, phrase) for phrase, beginnings in stems.items())
        return cls(whole, by_stem, tuple(stem for beginnings, _ in by_stem for stem in beginnings))

    def in_words(self, words: tuple[str, ...], *, but_for: frozenset[int] = frozenset()) -> tuple[str, ...]:
        """The cues found, as they stand in the text, in order, each once; none that begins at a place of `but_for`.

        Takes time in proportion to the words, whatever they are: a phrase looks at a few words behind its first.
        """
        found = ((at, end) for at, end in self._spans(words) if at not in but_for)
        return tuple(dict.fromkeys(" ".join(words[at:end])[:_LONGEST_SHOWN] for at, end in found))

    def places(self, words: tuple[str, ...]) -> frozenset[int]:
        """Which words are in a cue, by their places."""
        return frozenset(place for at, end in self._spans(words) for place in range(at, end))

    def _spans(self, words: tuple[str, ...]) -> Iterable[tuple[int, int]]:
        beginning = (at for at, word in enumerate(words) if word in self.whole or word.startswith(self.beginnings))
        return [(at, end) for at in beginning if (end := self._end(words, at))]

    def _end(self, words: tuple[str, ...], at: int) -> int:
        """Behind the longest cue that begins with this word, with which some do; 0 if none does."""
        word = words[at]
        by_stem = (phrase for stems, phrase in self.stems if word.startswith(stems))
        phrases = (*self.whole.get(word, ()), *by_stem)
        if word not in NEGATIONS and not NEGATIONS.isdisjoint(words[max(0, at - _LOOK_BACK) : at]):
            return 0
        return max(_match(phrase, words, at + 1) for phrase in phrases)


def _parsed(written: str) -> tuple[_Word, _Phrase]:
    parts = written.split()
    return _Word.of(parts[0]), tuple(
        (_GAPS.get(before, 0), _Word.of(word)) for before, word in pairwise(parts) if word not in _GAPS
    )


def _match(phrase: _Phrase, words: tuple[str, ...], at: int) -> int:
    """Where the phrase ends whose words behind the first are looked for from `at`; 0 if they are not there."""
    for gap, word in phrase:
        reach = range(at, min(len(words), at + gap + 1))
        found = next((place for place in reach if word.fits(words[place])), None)
        if found is None:
            return 0
        at = found + 1
    return at
