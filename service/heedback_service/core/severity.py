"""How bad it is: 0 remark, 1 annoyance, 2 wrong or unusable, 3 harm; each with the half sentence that says why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from heedback_service.core.classify import Category
from heedback_service.core.cues import Cues
from heedback_service.core.lexicon import DANGER, SMALL
from heedback_service.core.text import all_words

WORST: Final = 3
ENOUGH_PEOPLE: Final = 3  # to be raised by who says it: two may be one office
_SEVERAL: Final = 2  # user groups, or ways of saying it
_ENOUGH_SHARE: Final = 0.25  # of an item's reports: one angry voice in five does not make it worse for all

_BY_REASON: Final = {
    "flag:harmful": (3, "because people flag it as harmful"),
    "flag:private_data": (3, "because people flag it for private data"),
    "flag:security": (3, "because people flag it as a security problem"),
    "flag:legal": (3, "because people flag it as a legal problem"),
    "flag:biased_or_offensive": (3, "because people flag it as biased or offensive"),
    "flag:other": (2, "because people flag it"),
    "down:incorrect": (2, "because people say it is incorrect"),
    "down:instructions": (2, "because it does not do what people asked"),
    "down:slow_or_broken": (2, "because it is slow or broken"),
    "down:sources": (1, "because its sources are doubted"),
    "down:incomplete": (1, "because something is missing"),
    "down:refused": (1, "because it refuses"),
    "down:style": (1, "because of how it is written"),
}
_DISLIKED: Final = "because people rate it down without a reason we know"
_REMARKED: Final = "because people remark on it without rating it down"
_NO_REASON: Final = (_DISLIKED, _REMARKED)  # said of an item only if nobody gives a better one
_DID: Final = {"flag": "flagged", "correction": "corrected"}
_DANGER: Final = Cues.of(DANGER)
_SMALL: Final = Cues.of(SMALL)


@dataclass(frozen=True, slots=True)
class Severity:
    """`level` 0 to 3, and `why`: a clause that follows "severity 2 "."""

    level: int
    why: str


@dataclass(frozen=True, slots=True)
class Voice:
    """One report of an item: how bad it is, by whom (None: nobody we know), of which user group, and how it was said
    (`flag`, `rating` down, `correction`)."""

    severity: Severity
    person: str | None
    group: str | None
    ways: frozenset[str]


def severity(category: Category, *, polarity: int | None, comment: str | None) -> Severity:
    """The severity of one piece of feedback: from its category, else its rating; its words move it by one.

    Words of damage raise it, to at most 2 unless it is flagged: harm is what people flag, not what we guess. Words like
    "minor" lower it, to no less than 0, and never that of a flag.
    """
    level, why = _BY_REASON.get(category.name, _by_rating(category, polarity))
    words = all_words(comment or "")
    if category.list == "flag":
        return Severity(level, why)
    if level < WORST - 1 and (said := _DANGER.in_words(words)):
        return Severity(level + 1, f"because people write “{said[0]}”")
    if level and (said := _SMALL.in_words(words)):
        return Severity(level - 1, f"because people write “{said[0]}”")
    return Severity(level, why)


def of_item(voices: Iterable[Voice]) -> Severity:
    """The severity of an item: what its reports reach, raised by one if very different people say so.

    That takes three known people whose reports reach it, in two user groups or in two ways, each of the two by somebody
    else. So one person never raises it, whatever he does. To 3 it is raised only if one of them flags it: harm is what
    people flag. Does not depend on the order of the reports. No report: level 0.
    """
    heard = list(voices)
    reached = _reached(each.severity for each in heard)
    so = [each for each in heard if each.person and each.severity.level >= reached.level]
    people = {each.person for each in so}
    groups = _shared_out((each.person, {each.group} - {None}) for each in so)
    ways = _shared_out((each.person, each.ways) for each in so)
    by_way = {way: len({each.person for each in so if way in each.ways}) for way in ("flag", "correction")}
    if (
        len(people) < ENOUGH_PEOPLE
        or max(groups, ways) < _SEVERAL
        or reached.level == WORST
        or (reached.level == WORST - 1 and not by_way["flag"])
    ):
        return reached
    where = f" in {groups} user groups" if groups >= _SEVERAL else ""
    how = [f"{n} {_DID[way]} it" for way, n in by_way.items() if n]
    return Severity(
        reached.level + 1, f"{reached.why}, raised by one: {', '.join([f'{len(people)} people{where} say so', *how])}"
    )


def _shared_out(held: Iterable[tuple[str | None, Collection[str | None]]]) -> int:
    """How many different things people have; 1 at most if a single person has them all."""
    having = [(person, things) for person, things in held if things]
    different = {thing for _, things in having for thing in things}
    return len(different) if len({person for person, _ in having}) > 1 else min(1, len(different))


def _reached(severities: Iterable[Severity]) -> Severity:
    """The highest level that a quarter of the reports reach; level 3 needs only one."""
    counted = Counter(severities)
    needed = _ENOUGH_SHARE * counted.total()
    reached = 0
    for level in range(WORST, -1, -1):
        whys = {each.why: n for each, n in counted.items() if each.level == level}
        reached += sum(whys.values())
        if whys and (level == WORST or reached >= needed):
            return Severity(level, min(whys, key=lambda why: (why in _NO_REASON, -whys[why], why)))
    return Severity(0, "because nobody reports it any more")


def _by_rating(category: Category, polarity: int | None) -> tuple[int, str]:
    if category.key and category.key != "other":
        return 1, f"because people marked it “{category.key.replace('_', ' ')}”"
    if polarity == -1:
        return 1, _DISLIKED
    return 0, _REMARKED
