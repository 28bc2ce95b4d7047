"""What an item is called: the most central short quote, else a plain phrase. Never a number."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from heedback_service.core.text import LONGEST, words

LONGEST_TITLE: Final = 80
_ELLIPSIS: Final = "…"
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_QUOTES: Final = "“”\"'„»« "
_TELLING: Final = 3  # words from which a sentence says something by itself

_LABELS: Final = {
    "down:incorrect": "Marked incorrect",
    "down:instructions": "Did not follow instructions",
    "down:incomplete": "Marked incomplete",
    "down:style": "Style disliked",
    "down:sources": "Sources doubted",
    "down:refused": "Refused to answer",
    "down:slow_or_broken": "Slow or broken",
    "down:other": "Rated down for another reason",
    "flag:harmful": "Flagged as harmful",
    "flag:biased_or_offensive": "Flagged as biased or offensive",
    "flag:private_data": "Flagged for private data",
    "flag:security": "Flagged as a security problem",
    "flag:legal": "Flagged as a legal problem",
    "flag:other": "Flagged",
    "unknown": "Rated down",
}


def title(comments: Iterable[str], category: str) -> str:
    """The title of an item with these comments (none empty is needed) and a category such as `down:incorrect`.

    A quote stands in “ ” and has at most 80 characters with them, cut at a word. Which one does not depend on the
    order of the comments.
    """
    quote = _central(sorted(filter(None, map(_opening, comments))))
    return f"“{quote}”" if quote else f"{_label(category)}, no words"


def _central(quotes: list[str]) -> str:
    """The quote whose words most of the others use as well; of equals the shorter, then the first by alphabet."""
    if len(quotes) < 2:
        return quotes[0] if quotes else ""
    spoken = {quote: frozenset(words(quote)) for quote in quotes}
    used_by = Counter(word for quote in quotes for word in spoken[quote])

    def rank(quote: str) -> tuple[float, int, str]:
        own = spoken[quote]
        shared = sum(used_by[word] - 1 for word in own) / len(own) if own else 0.0
        return (-round(shared, 9), len(quote), quote)

    return min(spoken, key=rank)


@lru_cache(maxsize=4096)  # an item is named anew whenever a report joins it
def _opening(comment: str) -> str:
    """The first sentence that says something, on one line, without what cannot be seen, cut at a word."""
    sentences = [one_line(part) for part in _SENTENCE.split(comment[:LONGEST])]
    lettered = [part for part in sentences if any(map(str.isalpha, part))]
    telling = (part for part in lettered if len(words(part)) >= _TELLING)
    return _cut(next(telling, max(lettered, key=len, default="")), LONGEST_TITLE - 2)


def one_line(text: str) -> str:
    """`text` on one line, without what cannot be seen (control and format characters) and without quotation marks
    around it."""
    if text.isprintable():  # most are, and need not be looked at letter by letter
        return " ".join(text.split()).strip(_QUOTES)
    visible = "".join(" " if c.isspace() else c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join(visible.split()).strip(_QUOTES)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text.removesuffix(".")
    kept = text[: most - len(_ELLIPSIS)]
    at_word = kept.rsplit(" ", 1)[0] if " " in kept and not text[len(kept)].isspace() else kept
    return at_word.rstrip(" ,;:.-") + _ELLIPSIS


def _label(category: str) -> str:
    own_reason = category.partition(":")[2].replace("_", " ")
    return _LABELS.get(category) or _cut(f"Marked {own_reason}", LONGEST_TITLE - len(", no words"))
