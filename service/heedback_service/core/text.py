"""One reading of what people type: the form in which two spellings of the same words are equal.

Everything here is linear in the length of the text and looks at no more than `LONGEST` characters of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

LONGEST: Final = 8192  # characters; a comment has at most 4096, a pasted log gains nothing from more

# Apostrophes, and the selectors that turn a character into an emoji: "don’t" is "dont", not "don t".
_DROPPED: Final = re.compile("['’‘ʼ`´\\ufe00-\\ufe0f]")
_DRAWN_OUT: Final = re.compile(r"([^\W\d_])\1{2,}")
# Chinese and Japanese put no spaces between words: there a character stands for a word.
_UNSPACED: Final = re.compile("([\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff])")

# Courtesies, as words in a row. "there" and "all" belong to one only behind a greeting.
_GREETINGS: Final = (
    "good morning, good afternoon, good evening, good day, hi, hello, hey, dear, greetings, guten morgen, guten tag, "
    "guten abend, hallo, moin, servus, god morgen, god dag, god kveld, hei, heisann, kjære"
)
_ADDRESSED: Final = "team, all, there, everyone, guys, folks, support, zusammen, alle, dere, alle sammen"
_THANKS: Final = (
    "thanks, thank you, thx, please, pls, cheers, regards, kind regards, best regards, thanks in advance, danke, "
    "vielen dank, bitte, mfg, lg, viele grüße, takk, tusen takk, mvh, hilsen, på forhånd takk"
)
_Phrases = Mapping[str, tuple[tuple[str, ...], ...]]


def wordset(text: str) -> frozenset[str]:
    """The words of a list written as running text."""
    return frozenset(text.split())


@lru_cache(maxsize=4096)  # a text is compared with whatever comes after it
def normalise(text: str) -> str:
    """`text` in lower case, without punctuation, emoji, drawn-out letters, a greeting before or thanks behind.

    Words are separated by one space; nothing but letters, digits and their marks is left, so a text of emoji
    alone becomes "". Applying it twice changes nothing. At most `LONGEST` characters are read and returned.
    """
    return " ".join(words(text))


@lru_cache(maxsize=4096)
def words(text: str) -> tuple[str, ...]:
    """The words of `normalise(text)`, in order."""
    return _without_courtesies(all_words(text))


@lru_cache(maxsize=4096)  # a text is read for its keys, its reason, its severity and its title
def all_words(text: str) -> tuple[str, ...]:
    """The words of `text`, folded like `words`, with greeting and thanks kept: "no thanks" is an opinion."""
    folded = unicodedata.normalize("NFKC", text[:LONGEST])[:LONGEST].casefold()
    folded = unicodedata.normalize("NFKC", _DROPPED.sub("", folded))
    spaced = _UNSPACED.sub(r" \1 ", _DRAWN_OUT.sub(r"\1\1", folded.translate(_LETTERS)))
    found = (word for word in spaced.split() if word.isalnum() or any(map(str.isalnum, word)))
    return tuple(" ".join(found)[:LONGEST].split())


class _Letters(dict[int, str]):
    """A table for `str.translate` that fills itself: letters, digits and marks stay, the rest becomes a space, and what
    nobody sees (direction overrides, joiners) nothing."""

    def __missing__(self, code: int) -> str:
        category = unicodedata.category(chr(code))
        self[code] = kept = chr(code) if category[0] in "LNM" else "" if category == "Cf" else " "
        return kept


_LETTERS: Final = _Letters()


def _without_courtesies(found: tuple[str, ...]) -> tuple[str, ...]:
    start, end = 0, len(found)
    while start < end and (taken := _longest(_OPENERS, found[start:end])):
        start += taken
        while start < end and (taken := _longest(_VOCATIVES, found[start:end])):
            start += taken
    while start < end and (taken := _longest(_CLOSERS, found[end - 1 : start - 1 if start else None : -1])):
        end -= taken
    return found[start:end] if end > start else found


def _longest(phrases: _Phrases, found: tuple[str, ...]) -> int:
    """How many words of `found` the longest of `phrases` takes at its beginning; 0 if none is there."""
    beginning = phrases.get(found[0], ())  # few texts have any, and all are asked
    return max((len(phrase) for phrase in beginning if found[: len(phrase)] == phrase), default=0)


def _phrases(text: str, step: int = 1) -> _Phrases:
    """By their first word, or by their last, if they are read from the end."""
    found: dict[str, tuple[tuple[str, ...], ...]] = {}
    for phrase in (tuple(part.split()[::step]) for part in text.split(",")):
        found[phrase[0]] = (*found.get(phrase[0], ()), phrase)
    return found


_OPENERS: Final = _phrases(_GREETINGS)
_VOCATIVES: Final = _phrases(_ADDRESSED)
_CLOSERS: Final = _phrases(_THANKS, step=-1)
