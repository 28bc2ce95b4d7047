"""How templates put things into words: times, keys, differences, bars."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from flask import Flask, current_app, url_for
from markupsafe import Markup

from heedback_service.core import priority, wording
from heedback_service.core.language import NAMES, language
from heedback_service.core.worddiff import Span, diff
from heedback_service.flow.backlog import ANOTHER, VERBS
from heedback_service.store.tables import Item, ItemEvent
from heedback_service.web.pages.access import project

_FOLD: Final = 240  # unchanged stretches of a diff are folded beyond this many characters
_KEPT: Final = 80

PAGE: Final = "en"  # the language of the pages themselves

# What the service does alone.
_ALONE: Final = {
    "created": "Made from its first report",
    "merged": f"Its reports moved to {ANOTHER}",
    "regrouped": f"Some of its reports moved to {ANOTHER}",
    "reported_again": "Reported again after it was resolved",
    "woke": "Its snooze ended",
}
_NAMING: Final = ("into", "to", "from", "other")  # what an event may call the other item
_NAV: Final = (("Queue", "pages.queue"), ("Feedback", "pages.feedback"), ("Digests", "pages.digests"))


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a small chart, in its own units: `x` from the left, `height` of 30 at most."""

    x: int
    height: float


def add_to(app: Flask) -> None:
    app.jinja_env.filters.update(
        ago=priority.ago,
        bars=bars,
        category=category,
        count=wording.count,
        day=day,
        differences=differences,
        number="{:,}".format,
        percent=wording.percent,
        period=period,
        points=points,
        plain=plain,
        short=short,
        trend=trend,
    )
    app.jinja_env.globals.update(
        another=ANOTHER,
        did=did,
        in_another=in_another,
        lang=lang,
        local=local,
        nav=nav,
        other_item=other_item,
        priority_weights=priority_weights,
        priority_words=priority_words,
    )


def nav(slug: str) -> Iterator[tuple[str, str, str]]:
    """Label, endpoint and URL of every main page there is."""
    for label, endpoint in _NAV:
        if endpoint in current_app.view_functions:
            yield label, endpoint, url_for(endpoint, slug=slug)


def points(share: float) -> str:
    """The number of a percentage, as `wording.percent` writes it: `2.5`."""
    return wording.percent(share).split("\u00a0")[0]


def plain(key: str) -> str:
    """A key such as `not_a_problem` as words."""
    return key.replace("_", " ")


def category(name: str) -> str:
    """`flag:private_data` as "private data"."""
    return plain(name.partition(":")[2] or name)


def local(at: datetime) -> datetime:
    """The instant on the project's own clock."""
    return at.astimezone(ZoneInfo(project().timezone))


def day(at: datetime | date, now: datetime) -> str:
    """`9 Nov`, and the year if it is another one."""
    there = local(at) if isinstance(at, datetime) else at
    year = "" if there.year == local(now).year else f" {there.year}"
    return f"{there.day} {there:%b}{year}"


def period(first: date, last: date, now: datetime) -> str:
    """`on 9 Nov`, `from 9 Nov to 18 Nov`."""
    return f"on {day(first, now)}" if first == last else f"from {day(first, now)} to {day(last, now)}"


def short(at: datetime, now: datetime) -> str:
    """How long ago, for a narrow column: `2 h`, `4 d`."""
    return priority.ago(at, now).removesuffix(" ago").replace("just now", "now")


def did(verb: str) -> str:
    """What was done: after the name of who did it, or on its own where nobody did."""
    return VERBS.get(verb) or _ALONE.get(verb, plain(verb))


def other_item(event: ItemEvent) -> int | None:
    """The number of the item that an event names beside its own."""
    return next((event.after[name] for name in _NAMING if name in event.after), None)


def priority_words(item: Item, now: datetime) -> tuple[str, str, str, str]:
    """People, severity, trend and freshness, each as a phrase."""
    return priority.phrases(priority.Factors.from_json(item.factors), now)


def priority_weights(item: Item) -> tuple[str, str, str, str]:
    """What the project weighs each of them, for behind the phrase; "" where it counts as it is."""
    return priority.emphases(priority.Factors.from_json(item.factors).weights)


def lang(text: str | None) -> Markup:
    """The attribute by which a screen reader reads a quote in its language; nothing where that is the page's own."""
    code = language(text or "")
    return Markup(f' lang="{code}"') if code not in (None, PAGE) else Markup()  # noqa: S704 - one of our own codes


def in_another(text: str | None, usual: str | None) -> str:
    """The English name of the text's language, if it is another one than `usual`; else ""."""
    code = language(text or "")
    return NAMES[code] if code and usual and code != usual else ""


def trend(item: Item, now: datetime) -> str | None:
    """What is unusual about the item's last week, in a few words; None if nothing is."""
    known = priority.Factors.from_json(item.factors).trend
    if known.usual is None:
        return "new"
    return priority_words(item, now)[2] if known.factor != 1 else None


def bars(days: tuple[tuple[date, int], ...]) -> list[Bar]:
    """One bar a day; the highest fills the height, and a day with any report is to be seen."""
    top = max(n for _, n in days)
    return [Bar(9 * i, max(3.0, round(28 * n / top, 1))) for i, (_, n) in enumerate(days) if n]


def differences(correction: str, output: str) -> list[Span]:
    """What a correction changed, by words; long stretches that stayed are folded to their ends."""
    return [_folded(span) for span in diff(output, correction)]


def _folded(span: Span) -> Span:
    if span.kind != "same" or len(span.text) <= _FOLD:
        return span
    left_out = len(span.text) - 2 * _KEPT
    return Span("same", f"{span.text[:_KEPT]} […{left_out:,} characters unchanged…] {span.text[-_KEPT:]}")
