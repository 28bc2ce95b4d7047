"""Long texts cut in two: a second half has to find its first one among all the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

LONG: Final = 40  # words, so that a half is as long as what people write in a form


def halves(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first halves of all different long texts, then their second halves; and which text each is of."""
    long = [words for words in (text.split() for text in dict.fromkeys(texts)) if len(words) >= LONG]
    first = [" ".join(words[: len(words) // 2]) for words in long]
    second = [" ".join(words[len(words) // 2 :]) for words in long]
    return first + second, 2 * [str(at) for at in range(len(long))]
