"""How alike two texts are, word by word, forgiving slips of the keyboard and nothing else.

Character similarity alone calls "turn it on" and "turn it off" near-identical. So words are matched as words: equal
ones, then those that differ by a typing slip; what is left over on either side speaks against the pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from heedback_service.core.text import wordset

_SLIPPED: Final = 0.95  # what a word matched by a slip is worth of an equal one
_LIGHT: Final = 0.25  # the weight of a word that only holds a sentence together
_HEAVY: Final = 2.0  # the weight of a word that turns a sentence around
_MOST_LEFT: Final = 24  # words left over on a side; beyond this nobody is mistyping any more
_LONGEST_WORD: Final = 40

_LINKS: Final = wordset(
    "a an the is are was be to of it its this that and for with at i my me you your "
    "der die das ist und ein eine es zu den dem ich sie war en et er det som og på til jeg"
)
_NEGATIONS: Final = wordset(
    "no not never none nothing without cant cannot dont doesnt didnt isnt arent wasnt werent wont wouldnt couldnt "
    "shouldnt hasnt havent nicht nie kein keine keinen keiner nichts ohne ikke aldri ingen uten intet"
)
_TURNS: Final = _NEGATIONS | wordset("on off up down in out before after more less too")


def near(a: str, b: str) -> float:
    """How alike two normalised texts are, 0 to 1: shared weight over all weight (weighted Jaccard of the words).

    A word that holds the sentence together weighs a quarter, a negation twice. A slip (one letter dropped, doubled,
    swapped or mistaken in a word of four and more, two in one of eight and more) counts as the word itself at .95.
    Symmetric. The work is bounded: at most 24 words a side are searched for slips.
    """
    left, right = sorted((a, b))
    return 1.0 if left == right else _nearness(left.split(), right.split())


def _nearness(left: list[str], right: list[str]) -> float:
    counted, other = Counter(left), Counter(right)
    shared, total = _weight((counted & other).elements()), _weight((counted | other).elements())
    only_left, only_right = _beyond(left, other), _beyond(right, counted)
    if max(len(only_left), len(only_right)) <= min(_MOST_LEFT, max(4, min(len(left), len(right)) // 4)):
        for mine, theirs in _slips(only_left, only_right):
            weights = _weight(mine), _weight(theirs)
            shared += _SLIPPED * max(weights)
            total -= min(weights)
    return shared / total if total else 0.0


def _slips(only_left: list[str], only_right: list[str]) -> Iterable[tuple[list[str], list[str]]]:
    """Pairs that differ by a slip: single words, and at last everything left over, if only its spaces differ."""
    for word in list(only_left):
        twin = next((other for other in only_right if _is_slip(word, other)), None)
        if twin is not None:
            only_left.remove(word)
            only_right.remove(twin)
            yield [word], [twin]
    if only_left and only_right and "".join(only_left) == "".join(only_right):
        yield only_left, only_right


def _beyond(words: list[str], other: Counter[str]) -> list[str]:
    """The words, in order, that `other` does not have, each as often as it is missing."""
    spare = Counter(other)
    left_over = []
    for word in words:
        if spare[word]:
            spare[word] -= 1
        else:
            left_over.append(word)
    return left_over


def _weight(words: Iterable[str]) -> float:
    return sum(_LIGHT if word in _LINKS else _HEAVY if word in _NEGATIONS else 1.0 for word in words)


def _is_slip(a: str, b: str) -> bool:
    short, long = sorted((a, b), key=len)
    if len(long) > _LONGEST_WORD or not _TURNS.isdisjoint((a, b)) or not (a.isalpha() and b.isalpha()):
        return False
    if a in _LINKS or b in _LINKS:
        return _distance(short, long, 1) <= 1
    if len(long) < 4:  # "pin" and "pan" are two things, "teh" and "the" are one
        return sorted(a) == sorted(b) and _distance(short, long, 1) <= 1
    if len(long) >= 8 and a[0] == b[0] and _distance(short, long, 2) <= 2:
        return True  # the first letter must hold: "incorrect" is two letters from "correct"
    another_word = len(long) < 6 and len(short) == len(long) and a[0] != b[0] and sorted(a) != sorted(b)
    return not another_word and _distance(short, long, 1) <= 1  # "late", "date" and "rate" are three


def _distance(short: str, long: str, most: int) -> int:
    """Letters to insert, drop, change or swap (Damerau 1964, optimal string alignment); `most` + 1 if more."""
    if len(long) - len(short) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(long) + 1))
    for i, x in enumerate(short):
        earlier, before, row = before, row, [i + 1]
        for j, y in enumerate(long):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y))
            if i and j and x == long[j - 1] and short[i - 1] == y:
                cost = min(cost, earlier[j - 1] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
