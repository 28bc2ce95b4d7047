"""Which reason a piece of feedback gives: the one it names, else the one its words point to, else unknown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from heedback.limits import REASONS
from heedback_service.core.cues import Cues
from heedback_service.core.lexicon import HARMLESS, STRONG, WEAK
from heedback_service.core.text import all_words

# Every reason for which something may be wrong, in the order of the taxonomy, as an item's category names it.
NAMES: Final = tuple(f"{kind}:{key}" for kind in ("down", "flag") for key in REASONS[kind])

HARM: Final = "flag:"  # what categories of harm begin with

SURE_ENOUGH: Final = 0.4  # below this confidence the words decide nothing: two reasons may tie, three may not

_STRONG: Final = {name: Cues.of(entry) for name, entry in STRONG.items()}
_WEAK: Final = {name: Cues.of(entry) for name, entry in WEAK.items()}
_HARMLESS: Final = Cues.of(HARMLESS)
_RANKS: Final = {"flag": 0, "down": 1, "": 2}
_DOUBT: Final = 1.0  # the doubt that no cue can remove: one strong cue alone gives 2 / (2 + 1)


@dataclass(frozen=True, slots=True)
class Category:
    """A reason as (list, key), with how sure we are (0 to 1) and the words or choices that decided.

    `list` is "down" or "flag"; both are empty for unknown.
    """

    list: str
    key: str
    confidence: float
    why: tuple[str, ...]

    @property
    def name(self) -> str:
        """`down:incorrect`, `flag:private_data`, or `unknown`."""
        return f"{self.list}:{self.key}" if self.key else "unknown"


def is_harm(name: str) -> bool:
    """Whether people are harmed by what a category names, as flags say."""
    return name.startswith(HARM)


def classify(
    *,
    flag: bool,
    flag_reasons: tuple[str, ...],
    reasons: tuple[str, ...],
    comment: str | None,
    corrected: bool = False,
) -> Category:
    """The category of one piece of feedback. A flag goes first, then reasons a person gave, then words.

    Of several reasons the first in the order of the taxonomy counts, a project's own reasons behind those, and "other"
    last: words that are sure enough say more than "other". A correction without any words says "incorrect",
    at the threshold and no more.
    """
    words = all_words(comment or "")
    if flag:
        return _chosen("flag", flag_reasons) or _from_words("flag", words) or Category("flag", "other", 1.0, ())
    if chosen := _chosen("down", reasons):
        return chosen
    if guess := _from_words("down", words):
        return guess
    if "other" in reasons:
        return Category("down", "other", 1.0, ("other",))
    if corrected and not words:
        return Category("down", "incorrect", SURE_ENOUGH, ("a correction",))
    return Category("", "", 0.0, ())


def of_item(categories: Iterable[Category]) -> tuple[str, str]:
    """The name of an item's category, and why: by whom it was marked, or the words that point to it.

    Flags before reasons before unknown; among those the one with the most confidence in sum, of equals the first in
    the alphabet. Does not depend on the order of the reports.
    """
    counted = Counter(categories)
    weight: Counter[tuple[int, str]] = Counter()
    for category, n in sorted(counted.items(), key=lambda pair: (pair[0].name, pair[0].why)):
        weight[_RANKS[category.list], category.name] += n * max(1, round(category.confidence * 100))
    if not weight:
        return "unknown", "nobody reports it any more"
    _, name = min(weight, key=lambda each: (each[0], -weight[each], each[1]))
    return name, _why({category: n for category, n in counted.items() if category.name == name})


def _why(counted: dict[Category, int]) -> str:
    marked = sum(n for category, n in counted.items() if category.confidence == 1)
    if marked:
        return f"marked so in {marked} {'report' if marked == 1 else 'reports'}"
    words = Counter({word: 0 for category in counted for word in category.why})
    for category, n in counted.items():
        words.update(dict.fromkeys(category.why, n))
    telling = sorted(words, key=lambda word: (-words[word], word))[:3]
    return f"from the words {', '.join(f'“{word}”' for word in telling)}" if telling else "the words do not tell"


def _chosen(kind: str, given: tuple[str, ...]) -> Category | None:
    order = {key: at for at, key in enumerate(REASONS[kind])}
    named = sorted((key for key in given if key != "other"), key=lambda key: (order.get(key, len(order)), key))
    return Category(kind, named[0], 1.0, tuple(named)) if named else None


def _from_words(kind: str, words: tuple[str, ...]) -> Category | None:
    """The best scored reason: two points a strong cue, one a weak one; confidence = best / (all points + 1).

    Strong cues are words that name the reason, so weak ones only break their ties and never decide by themselves; of
    equals the first of the taxonomy counts. What looks like a complaint and is none is passed over.
    """
    harmless = _HARMLESS.places(words)
    hits = {name: cues.in_words(words, but_for=harmless) for name, cues in _STRONG.items() if name.startswith(kind)}
    points = {
        name: 2 * len(found) + (len(_WEAK[name].in_words(words, but_for=harmless)) if name in _WEAK else 0)
        for name, found in hits.items()
        if found
    }
    if not points:
        return None
    best = max(points, key=lambda name: points[name])
    confidence = points[best] / (sum(points.values()) + _DOUBT)
    if confidence < SURE_ENOUGH:
        return None
    return Category(kind, best.partition(":")[2], round(confidence, 2), hits[best])
