"""What is set aside as spam, and why: links that sell, letters without words, one text again and again, floods.

Each reason is a clause that stands alone. A thumb without words is never spam by what it says, and nothing is because
of what it criticises. Everything here is linear in the length of the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from heedback_service.core.cues import Cues
from heedback_service.core.lexicon import SELLING
from heedback_service.core.text import LONGEST, all_words, normalise

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
FLOOD: Final = 100  # pieces of feedback that one person may give in an hour
REPEATS: Final = 20  # times that one person may say the same in a day
ANONYMOUS_REPEATS: Final = 30  # times that nobody in particular may say the same in an hour
REACH: Final = FLOOD  # no rule looks at more than so many earlier ones
COMPARED: Final = 600  # characters in which two comments are the same or not

_FEWEST_WORDS: Final = 3  # "wrong" may be true of any number of answers
_FEWEST_ANONYMOUS: Final = 5
_MANY_LINKS: Final = 3
_FEWEST_LETTERS: Final = 8
_ONE_LETTER: Final = re.compile(r"([a-zà-öø-ÿ])\1{29,}", re.IGNORECASE)  # beyond this nobody laughs any more
_MASHED_SHARE: Final = 0.8
_LINK: Final = re.compile(r"https?://|www\.", re.IGNORECASE)
_SELLING: Final = Cues.of(SELLING)
# Latin letters only: other scripts write words without vowels, or without letters.
_LATIN: Final = re.compile("[a-zà-öø-ÿ]{5,64}")
_VOWEL: Final = re.compile("[aeiouyà-æè-ïò-öø-ý]")
_ROWS: Final = ("qwertyuiop", "qwertzuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm", "azertyuiop", "qsdfghjklm")
_KEYS_IN_A_ROW: Final = frozenset(
    run for row in _ROWS for way in (row, row[::-1]) for run in (way[at : at + 5] for at in range(len(way) - 4))
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What the rules need of one piece of feedback: when it was first said, and its comment."""

    at: datetime
    comment: str | None


def suspicion(said: Heard, earlier: Iterable[Heard], *, anonymous: bool) -> str | None:
    """Why `said` is set aside, or None.

    Args:
        earlier: what the same person said before, newest first; for the anonymous, what nobody in particular said.
            Nothing behind the first `REACH` of the last day matters.
        anonymous: a number alone says nothing then, since it may be any number of people.
    """
    if why := of_text(said.comment or ""):
        return why
    before = list(earlier)
    hour = [each for each in before if said.at - each.at < HOUR]
    if anonymous:
        same = _same(said, hour, _FEWEST_ANONYMOUS)
        return f"the same words over {ANONYMOUS_REPEATS} times in an hour" if same >= ANONYMOUS_REPEATS else None
    if len(hour) >= FLOOD:
        return f"one person gave over {FLOOD} pieces of feedback in an hour"
    same = _same(said, (each for each in before if said.at - each.at < DAY), _FEWEST_WORDS)
    return f"one person said the same over {REPEATS} times in a day" if same >= REPEATS else None


def of_text(comment: str) -> str | None:
    """What the words alone give away: links that sell, or letters that are no words."""
    text = comment[:LONGEST]
    links = len(_LINK.findall(text))
    if links:
        words = all_words(text)
        if sold := _SELLING.in_words(words):
            return f"a link, and words that sell: “{sold[0]}”"
        if links >= _MANY_LINKS and len(_LINK.sub(" ", text).split()) <= 2 * links:
            return "links and next to nothing else"
        return None
    return "letters that are no words" if _is_mashed(text) else None


def _same(said: Heard, before: Iterable[Heard], fewest: int) -> int:
    text = normalise((said.comment or "")[:COMPARED])
    if text.count(" ") + 1 < fewest:
        return 0
    return sum(normalise((each.comment or "")[:COMPARED]) == text for each in before)


def _is_mashed(text: str) -> bool:
    if _ONE_LETTER.fullmatch(text.strip()):
        return True
    words = all_words(text)
    letters = sum(map(len, words))
    return letters >= _FEWEST_LETTERS and sum(len(word) for word in words if _no_word(word)) >= _MASHED_SHARE * letters


@lru_cache(maxsize=8192)  # most words were said before
def _no_word(word: str) -> bool:
    if not _LATIN.fullmatch(word):
        return False
    if any(word[at : at + 5] in _KEYS_IN_A_ROW for at in range(len(word) - 4)):
        return True
    return not _VOWEL.search(word)
