"""How alike two texts are, word by word, forgiving slips of the keyboard and nothing else.

Character similarity alone calls "turn it on" and "turn it off" near-identical. So words are matched as words: equal
ones, then those that differ by a typing slip; what is left over on either side speaks against the pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from heedback_service.core.opposites import NEGATIONS, is_opposite, opposed
from heedback_service.core.stopwords import LINKS
from heedback_service.core.text import wordset

_SLIPPED: Final = 0.95  # what a word matched by a slip is worth of an equal one
_LIGHT: Final = 0.25  # the weight of a word that only holds a sentence together
_HEAVY: Final = 2.0  # the weight of a word that turns a sentence around
_MOST_LEFT: Final = 24  # words left over on a side; beyond this nobody is mistyping any more
_LONGEST_WORD: Final = 40

# At most, where one text turns the other around: no project joins so far down, and what people say of such a pair tells
# next to nothing of nearer ones (see `calibration`).
TURNED: Final = 0.5

_TURNS: Final = NEGATIONS | wordset("on off up down in out before after more less too")


def near(a: str, b: str, at_least: float = 0.0) -> float:
    """How alike two normalised texts are, 0 to 1: shared weight over all weight (weighted Jaccard of the words).

    A word that holds the sentence together weighs a quarter, a negation twice. A slip (one letter dropped, doubled,
    swapped or mistaken in a word of four and more, two in one of eight and more) counts as the word itself at .95.
    Texts of which one turns the other around, or that differ in a number, are no nearer than `TURNED` (`opposites`).
    Symmetric. The work is bounded: at most 24 words a side are searched for slips, and none where slips could not
    bring the pair to `at_least`; below that the answer is no more than some number below it.
    """
    left, right = sorted((a, b))
    return 1.0 if left == right else _compared(left, right, at_least)


@lru_cache(maxsize=4096)  # triage compares a batch twice: once to be quick when it counts
def _compared(left: str, right: str, at_least: float) -> float:
    return _nearness(_counted(left), _counted(right), at_least)


@dataclass(frozen=True, slots=True)
class _Counted:
    text: str
    words: tuple[str, ...]
    times: Mapping[str, int]
    weight: float


@lru_cache(maxsize=256)  # a text is compared with many in a row
def _counted(text: str) -> _Counted:
    words = tuple(text.split())
    return _Counted(text, words, Counter(words), _weight(words))


def _nearness(one: _Counted, other: _Counted, at_least: float) -> float:
    left, right = one.words, other.words
    only_left, only_right = _beyond(left, other.times), _beyond(right, one.times)
    unlike_left, unlike_right = _weight(only_left), _weight(only_right)
    shared, total = one.weight - unlike_left, one.weight + unlike_right
    if max(len(only_left), len(only_right)) <= min(_MOST_LEFT, max(4, min(len(left), len(right)) // 4)):
        twins = _possible_twins(only_left, only_right)
        slips = sum(word in twins for word in only_left)  # at most; a word that may slip weighs 1 or less
        most = (shared + _SLIPPED * slips) / (total - min(unlike_left, unlike_right, slips) or 1.0)
        if most >= at_least or _may_run_together(only_left, only_right):
            for mine, theirs in _slips(only_left, only_right, twins):
                weights = _weight(mine), _weight(theirs)
                shared += _SLIPPED * max(weights)
                total -= min(weights)
    found = shared / total if total else 0.0
    if found <= TURNED or found < at_least:  # it decides nothing
        return found
    return TURNED if opposed(only_left, only_right, one.text, other.text) else found


def _possible_twins(only_left: list[str], only_right: list[str]) -> dict[str, list[str]]:
    """The words on the right that may be slips of one on the left, by letters alone: far cheaper than a distance."""
    letters = [(word, _letters(word)) for word in dict.fromkeys(only_right) if len(word) <= _LONGEST_WORD]
    found = {}
    for word in dict.fromkeys(only_left):
        mine, size = _letters(word), len(word)
        close = [other for other, its in letters if (mine ^ its).bit_count() <= 4 and abs(len(other) - size) <= 2]
        if close:
            found[word] = close
    return found


@lru_cache(maxsize=8192)
def _letters(word: str) -> int:
    """Which letters there are, as bits of a 64-bit number. Each of two slips changes two of these at most."""
    bits = 0
    for letter in word:
        bits |= 1 << (ord(letter) & 63)
    return bits


def _may_run_together(only_left: list[str], only_right: list[str]) -> bool:
    """Whether all that is left over may differ by spaces alone: then a word begins another."""
    return any(a.startswith(b) or b.startswith(a) for a in only_left for b in only_right)


def _slips(
    only_left: list[str], only_right: list[str], twins: dict[str, list[str]]
) -> Iterable[tuple[list[str], list[str]]]:
    """Pairs that differ by a slip: single words, and at last everything left over, if only its spaces differ."""
    for word in [word for word in only_left if word in twins]:
        possible = set(twins[word])
        twin = next((other for other in only_right if other in possible and _is_slip(word, other)), None)
        if twin is not None:
            only_left.remove(word)
            only_right.remove(twin)
            yield [word], [twin]
    if only_left and only_right and "".join(only_left) == "".join(only_right):
        yield only_left, only_right


def _beyond(words: Iterable[str], other: Mapping[str, int]) -> list[str]:
    """The words, in order, that `other` does not have, each as often as it is missing."""
    spare = dict(other)
    left_over = []
    for word in words:
        if spare.get(word):
            spare[word] -= 1
        else:
            left_over.append(word)
    return left_over


def _weight(words: Iterable[str]) -> float:
    return sum(_LIGHT if word in LINKS else _HEAVY if word in NEGATIONS else 1.0 for word in words)


@lru_cache(maxsize=8192)  # the same few words are left over between a text and each of its candidates
def _is_slip(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    if not _TURNS.isdisjoint((a, b)) or not (a.isalpha() and b.isalpha()):
        return False
    if is_opposite(long, short):
        return False
    if a in LINKS or b in LINKS:
        return _distance(short, long, 1) <= 1
    if len(long) < 4:  # "pin" and "pan" are two things, "teh" and "the" are one
        return sorted(a) == sorted(b) and _distance(short, long, 1) <= 1
    if len(long) >= 8 and a[0] == b[0]:  # the first letter must hold: "incorrect" is two letters from "correct"
        return _distance(short, long, 2) <= 2
    another_word = len(long) < 6 and len(short) == len(long) and a[0] != b[0] and sorted(a) != sorted(b)
    return not another_word and _distance(short, long, 1) <= 1  # "late", "date" and "rate" are three


def _distance(short: str, long: str, most: int) -> int:
    """Letters to insert, drop, change or swap (Damerau 1964, optimal string alignment); `most` + 1 if more.

    Only the band of `most` letters beside the diagonal is looked at (Ukkonen 1985): outside of it all are further off.
    """
    far = most + 1
    if len(long) - len(short) > most:
        return far
    before: list[int] = []
    row = [min(j, far) for j in range(len(long) + 1)]
    for i, x in enumerate(short):
        earlier, before, row = before, row, [far] * (len(long) + 1)
        row[0] = min(i + 1, far)
        for j in range(max(0, i - most), min(len(long), i + most + 1)):
            y = long[j]
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y))
            if i and j and x == long[j - 1] and short[i - 1] == y:
                cost = min(cost, earlier[j - 1] + 1)
            row[j + 1] = min(cost, far)
        if min(row) > most:
            return far
    return row[-1]
