"""Near-copies of a text, as people make them: slips of the keyboard, another case, other punctuation, a greeting."""

from __future__ import annotations

import random

LETTERS_A_SLIP = 80  # one slip, and one more for every so many characters
GREETINGS = ("Hi team, ", "Hello, ", "Hei, ", "Good morning! ", "Hallo zusammen, ")


def near_copy(text: str, rng: random.Random) -> str:
    """`text` with slips in its longer words, then one of: all capitals, other punctuation, a greeting, nothing."""
    slipped = _with_slips(text, rng)
    change = rng.choice((str.upper, _punctuated_otherwise, lambda said: rng.choice(GREETINGS) + said, str))
    return change(slipped)


def _with_slips(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    longer = [at for at, word in enumerate(words) if len(word) >= 4]
    for _ in range(1 + len(text) // LETTERS_A_SLIP if longer else 0):
        at = rng.choice(longer)
        words[at] = _slip(words[at], rng)
    return " ".join(words)


def _slip(word: str, rng: random.Random) -> str:
    at = rng.randrange(len(word))
    before, letter, after = word[:at], word[at], word[at + 1 :]
    return rng.choice(
        (
            before + after[:1] + letter + after[1:],  # swapped
            before + after,  # dropped
            before + letter + letter + after,  # doubled
            before + rng.choice("abcdefghijklmnopqrstuvwxyz") + after,  # mistaken
        )
    )


def _punctuated_otherwise(text: str) -> str:
    return text.replace(". ", " ").replace(",", "") + "!!"
