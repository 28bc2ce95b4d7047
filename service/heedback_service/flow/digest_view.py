"""A written digest as it is read: its numbers are frozen, titles and quotes are looked up now.

What has been purged, retracted or erased since then is therefore no longer in any digest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.core.wording import clipped, count, days, people, percent, span, weekday
from heedback_service.flow import digest_words as words
from heedback_service.flow.digest_words import Figure
from heedback_service.store.tables import DigestRun, Feedback, Item, Project

QUOTE: Final = 160  # characters
TITLE: Final = 120
FEATURES: Final = 10  # in one table; the rest is counted


@dataclass(frozen=True, slots=True)
class Entry:
    """One item: `facts` is a line of words, `link` is None where the pages' address is not known."""

    number: int
    title: str
    quote: str | None
    facts: str
    priority: int
    link: str | None


@dataclass(frozen=True, slots=True)
class FeatureLine:
    name: str
    ratings: str
    rate: str
    before: str | None
    raters: str | None


@dataclass(frozen=True, slots=True)
class DayLine:
    name: str
    day: date
    outputs: int
    rated: int
    rate: str
    note: str | None


@dataclass(frozen=True, slots=True)
class View:
    """A digest in words, for any of its templates."""

    project: str
    period: str
    dates: str
    dates_short: str
    headline: str
    summary: str
    quiet: str | None
    figures: list[Figure]
    flagged: list[Entry]
    more_flagged: str | None
    first: list[Entry]
    features: list[FeatureLine]
    more_features: str | None
    resolved: list[Entry]
    declined: str | None
    decided: str | None
    praise: str | None
    praise_quote: str | None
    gaps: list[str]
    days: list[DayLine]
    queue: str | None
    page: str | None
    settings: str | None

    @property
    def title(self) -> str:
        return self.headline[:1].upper() + self.headline[1:]

    @property
    def subject(self) -> str:
        return f"Feedback {self.dates_short}: {self.headline}".replace("\u00a0", " ")


def view(session: Session, project: Project, run: DigestRun, base: str | None) -> View:
    """What to show of a written run. Links start with `base` (empty: relative to the host); None: no links."""
    content = run.content or {}
    first, last = (date.fromisoformat(content[key]) for key in ("first_day", "last_day"))
    texts = _Texts(session, project, content, base)
    features = content["features"]
    dates = days(first, last)
    return View(
        project=project.name,
        period=run.period,
        dates=dates,
        dates_short=days(first, last, short=True),
        headline=words.headline(content),
        summary=words.summary(content),
        quiet=words.quiet(content, dates),
        figures=words.figures(content),
        flagged=[texts.flagged(line) for line in content["flagged"]],
        more_flagged=_more(content["flags"] - len(content["flagged"]), "flagged item"),
        first=[texts.entry(line) for line in content["first"]],
        features=[_feature(feature) for feature in features[:FEATURES]],
        more_features=_more(len(features) - FEATURES, "feature"),
        resolved=texts.resolved(content["settled"]["resolved"]),
        declined=words.declined(len(content["settled"]["declined"])),
        decided=words.decided(content),
        praise=words.praise(content),
        praise_quote=texts.quote(content["praise"]["quote"]),
        gaps=words.gaps(content),
        days=[_day(day) for day in content["days"]],
        queue=texts.link("/queue"),
        page=texts.link(f"/digests/{run.period}"),
        settings=texts.link("/digests#mail"),
    )


class _Texts:
    """The titles and quotes of one digest, as they are now."""

    def __init__(self, session: Session, project: Project, content: Mapping[str, Any], base: str | None) -> None:
        lines = [*content["flagged"], *content["first"]]
        settled = content["settled"]["resolved"]
        self._base = base
        self._slug = project.slug
        self._items = _items(session, project.id, [*(line["item"] for line in lines), *settled])
        quotes = (content["praise"]["quote"], *(line["quote"] for line in lines))
        self._comments = _comments(session, project.id, quotes)

    def link(self, path: str) -> str | None:
        return None if self._base is None else f"{self._base}/p/{self._slug}{path}"

    def quote(self, feedback_id: str | None) -> str | None:
        return self._comments.get(feedback_id) if feedback_id else None

    def entry(self, line: Mapping[str, Any]) -> Entry:
        return self._entry(line, words.facts(line))

    def flagged(self, line: Mapping[str, Any]) -> Entry:
        return self._entry(line, f"{people(line['people'])}, open {span(line['open_hours'])}")

    def resolved(self, ids: Iterable[str]) -> list[Entry]:
        found = [item for id_ in ids if (item := self._items.get(id_))]
        return [
            Entry(
                number=item.number,
                title=clipped(item.title, TITLE),
                quote=None,
                facts=_fixed(item),
                priority=item.priority,
                link=self.link(f"/items/{item.number}"),
            )
            for item in found
        ]

    def _entry(self, line: Mapping[str, Any], facts: str) -> Entry:
        item = self._items.get(line["item"])
        title = clipped(item.title, TITLE) if item else f"Item {line['number']}, which is no longer there"
        quote = self.quote(line["quote"])
        return Entry(
            number=line["number"],
            title=title,
            quote=quote if quote and _letters(quote) != _letters(title) else None,
            facts=facts,
            priority=line["priority"],
            link=self.link(f"/items/{line['number']}") if item else None,
        )


def _letters(words: str) -> str:
    """What is left when case, quotes and punctuation are not looked at: titles are often made of a comment."""
    return "".join(c for c in words.casefold() if c.isalnum())


def _items(session: Session, project_id: int, ids: Iterable[str]) -> dict[str, Item]:
    chosen = select(Item).where(Item.project_id == project_id, Item.id.in_([UUID(id_) for id_ in ids]))
    return {str(item.id): item for item in session.scalars(chosen)}


def _comments(session: Session, project_id: int, ids: Iterable[str | None]) -> dict[str, str]:
    wanted = [UUID(id_) for id_ in ids if id_]
    rows = session.execute(
        select(Feedback.id, Feedback.comment)
        .where(Feedback.project_id == project_id, Feedback.id.in_(wanted))
        .where(Feedback.counts, Feedback.comment.is_not(None))
    )
    return {str(id_): quoted for id_, comment in rows if comment and (quoted := clipped(comment, QUOTE))}


def _fixed(item: Item) -> str:
    said = f"fixed in {clipped(item.resolved_in, TITLE)}" if item.resolved_in else "resolved"
    # What the reporters said may be purged by now, and then nobody can tell how many they were.
    return f"{said}; {people(item.people)} had reported it" if item.people else said


def _feature(feature: Mapping[str, Any]) -> FeatureLine:
    outputs = feature["outputs"]
    return FeatureLine(
        name=feature["name"],
        ratings=count(feature["rated"], "rating"),
        rate=words.rate(feature["down"], feature["rated"], outputs),
        before=words.rate_before(outputs, feature["down_before"], feature["outputs_before"]),
        raters=f"from {people(feature['raters'])}" if feature["raters"] else None,
    )


def _day(day: Mapping[str, Any]) -> DayLine:
    at, outputs, rated = date.fromisoformat(day["day"]), day["outputs"], day["rated"]
    enough = outputs >= words.TOO_FEW
    rate = percent(words.share(day["down"], outputs)) if enough else "too few to say" if outputs else "–"
    note = f"incomplete: up to {count(day['dropped'], 'event')} dropped" if day["dropped"] else None
    return DayLine(weekday(at), at, outputs, rated, rate, note)


def _more(n: int, what: str) -> str | None:
    return f"and {count(n, f'more {what}')}" if n > 0 else None
