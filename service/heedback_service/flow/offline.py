"""Triage of a file: what the service would make of an export, without a service and without a database.

The same rules read the texts, in the order in which they were written; what depends on people, answers and clicks,
which a file of texts has not got, is left out.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from heedback_service.core.classify import Category, classify
from heedback_service.core.grouping import Report, joined
from heedback_service.core.moments import EPOCH
from heedback_service.core.severity import severity
from heedback_service.core.spam import REACH, Heard, suspicion
from heedback_service.core.titles import title
from heedback_service.core.written_moments import is_only_a_date, moment
from heedback_service.flow.spreadsheet import BadRow, Row, Sheet

ADDED: Final = ("item", "theme", "title", "reason", "reason_confidence", "severity", "spam", "candidates")

_A_WHILE: Final = 500  # rows: a tenth of a second of reading, half a second of grouping
Told = Callable[[str], None]  # what is being done now


@dataclass(frozen=True, slots=True)
class Columns:
    """Where a file says what: the names of its columns. Without `feature` all rows are of one."""

    text: str
    feature: str | None = None
    time: str | None = None

    def named(self) -> list[str]:
        return [name for name in (self.text, self.feature, self.time) if name is not None]


@dataclass(frozen=True, slots=True)
class Theme:
    """`quote`: what its rows have most in common, in words of one of them. `reason`: what most of them give."""

    number: int
    rows: int
    items: int
    reason: str
    quote: str


@dataclass(frozen=True, slots=True)
class Sorted:
    """`rows` are those of the file that could be read, in its order, with `ADDED`; `themes` the largest first."""

    rows: list[dict[str, Any]]
    themes: list[Theme]
    items: int
    spam: int
    bad: list[BadRow]


@dataclass(slots=True)
class _Said:
    """One row on its way. `number`: its own among those that could be read, from 1, as it is written."""

    number: int
    row: Row
    feature: str
    at: datetime
    text: str
    category: Category
    severity: int
    spam: str | None = None
    item: int | None = None  # none for what is set aside, as it has no title and no candidates
    theme: int | None = None  # none without words, and for a row that is like no other
    title: str = ""
    candidates: list[dict[str, Any]] = field(default_factory=list)


def sort_out(sheet: Sheet, columns: Columns, told: Told = lambda what: None) -> Sorted:
    """Group and classify the rows of `sheet`, each feature by itself, those that came first first.

    Whatever the file's order, rows of the same moment excepted, the groups are the same. `told` hears how far it is.
    """
    said, bad = _read(sheet, columns, told)
    in_time = sorted(said, key=lambda each: (each.at, each.number))
    for found in _by(in_time, lambda each: each.feature).values():
        _set_aside(found)
        _group([each for each in found if each.spam is None], told)
    kept = [each for each in in_time if each.spam is None]
    _number(kept)
    items = _by(kept, lambda each: each.item).values()
    for item in items:
        name = _called(item)
        for each in item:
            each.title = name
    called = own_columns(sheet.columns)
    rows = [{**{called[name]: cell for name, cell in each.row.cells.items()}, **_added(each)} for each in said]
    return Sorted(rows, _themes(kept), len(items), len(said) - len(kept), bad)


def summary(done: Sorted, most: int) -> Iterator[str]:
    """What came of it, in lines to print: the numbers, then a table of the `most` largest themes, a quote each."""
    aside = f", {_many(done.spam, 'row')} set aside as spam" if done.spam else ""
    left_out = f", {_many(len(done.bad), 'line')} left out" if done.bad else ""
    groups = f"{_many(done.items, 'item')}, {_many(len(done.themes), 'theme')}"
    yield f"{_many(len(done.rows), 'row')}: {groups}{aside}{left_out}."
    if not done.themes:
        return
    yield ""
    yield f"{'theme':>5}  {'rows':>6}  {'items':>6}  {'reason':15}  in the words of one of them"
    for theme in done.themes[:most]:
        yield f"{theme.number:5}  {theme.rows:6}  {theme.items:6}  {theme.reason:15}  {theme.quote}"
    if len(done.themes) > most:
        rest = done.themes[most:]
        yield f"and {_many(len(rest), 'theme')} more, of {_many(rest[0].rows, 'row')} at most"


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}" if n == 1 else f"{n:,} {what}s"


def _read(sheet: Sheet, columns: Columns, told: Told) -> tuple[list[_Said], list[BadRow]]:
    said: list[_Said] = []
    bad = list(sheet.bad)
    for done, row in enumerate(sheet.rows, 1):
        if done % _A_WHILE == 0:
            told(f"Reading row {done:,} of {len(sheet.rows):,}")
        try:
            said.append(_understood(len(said) + 1, row, columns))
        except ValueError as error:
            bad.append(BadRow(row.line, str(error)))
    return said, sorted(bad, key=lambda each: each.line)


def _understood(number: int, row: Row, columns: Columns) -> _Said:
    """Raises ValueError: a cell is not what its column is for."""
    text = row.cells.get(columns.text)
    if text is not None and not isinstance(text, str):
        raise ValueError(f"{columns.text} is no text")
    feature = "" if columns.feature is None else str(row.cells.get(columns.feature) or "")
    at = EPOCH if columns.time is None else moment(row.cells.get(columns.time), columns.time)
    category = classify(flag=False, flag_reasons=(), reasons=(), comment=text)
    level = severity(category, polarity=None, comment=text).level
    return _Said(number, row, feature, at, text or "", category, level)


def _set_aside(in_time: Iterable[_Said]) -> None:
    """Mark spam. Who said it is not known: so it takes many to be a repetition, and a time of day for each."""
    earlier: deque[Heard] = deque(maxlen=REACH)  # newest first
    for each in in_time:
        heard = Heard(each.at, each.text)
        if is_only_a_date(each.at):
            each.spam = suspicion(heard, (), anonymous=True)
        else:
            each.spam = suspicion(heard, earlier, anonymous=True)
            earlier.appendleft(heard)


def _group(said: Sequence[_Said], told: Told) -> None:
    """Items, themes and candidates of one feature, whose rows come in the order of time."""
    from heedback_service.core.overview import overview  # numpy and SciPy, of which few commands need anything

    firsts = joined(_reports(said, told))
    told(f"Finding themes and candidates of {_many(len(said), 'row')}")
    found = overview([each.text for each in said])
    rows_in = Counter(found.themes)
    for each, first, theme, candidates in zip(said, firsts, found.themes, found.candidates, strict=True):
        each.item, each.theme = said[first].number, theme if rows_in[theme] > 1 else None
        each.candidates = [
            {"row": said[one.other].number, "score": round(float(one.score), 3), "why": list(one.why)}
            for one in candidates
        ]


def _reports(said: Sequence[_Said], told: Told) -> Iterator[Report]:
    for done, each in enumerate(said, 1):
        if done % _A_WHILE == 0:
            told(f"Grouping row {done:,} of {len(said):,}")
        # What says nothing is the same as nothing else: there is no answer that it was about.
        yield Report(each.feature, comment=each.text, output_hash=str(each.number))


def _number(in_time: Sequence[_Said]) -> None:
    """Count items and themes from 1, as they came."""
    items: dict[int | None, int] = {}
    themes: dict[tuple[str, int], int] = {}
    for each in in_time:
        each.item = items.setdefault(each.item, len(items) + 1)
        if each.theme is not None:
            each.theme = themes.setdefault((each.feature, each.theme), len(themes) + 1)


def own_columns(names: Iterable[str]) -> dict[str, str]:
    """What each of the file's own columns is called where it is written: one with a name of `ADDED` becomes
    `input_NAME`, with as many `input_` as no other column has."""
    taken = {*ADDED, *(given := list(names))}
    called = {}
    for name in given:
        called[name] = name
        while name in ADDED and called[name] in taken:
            called[name] = f"input_{called[name]}"
    return called


def _added(each: _Said) -> dict[str, Any]:
    return {
        "item": each.item,
        "theme": each.theme,
        "title": each.title,
        "reason": _reason(each),
        "reason_confidence": each.category.confidence,
        "severity": each.severity,
        "spam": each.spam,
        "candidates": each.candidates,
    }


def _themes(said: Iterable[_Said]) -> list[Theme]:
    found = _by((each for each in said if each.theme is not None), lambda each: each.theme or 0)
    made = [
        Theme(number, len(its), len({each.item for each in its}), _most(its), _called(its))
        for number, its in found.items()
    ]
    return sorted(made, key=lambda theme: (-theme.rows, theme.number))


def _most(said: Iterable[_Said]) -> str:
    """The reason that most of them give, of equals the first that was given."""
    return Counter(_reason(each) for each in said).most_common(1)[0][0]


def _reason(said: _Said) -> str:
    return said.category.key or "unknown"


def _called(said: Iterable[_Said]) -> str:
    """A quote. Without one a title says what was clicked, but here nobody clicked anything."""
    called = title((each.text for each in said), "")
    return called if called.startswith("“") else "No words"


def _by(said: Iterable[_Said], key: Callable[[_Said], Any]) -> dict[Any, list[_Said]]:
    found: dict[Any, list[_Said]] = defaultdict(list)
    for each in said:
        found[key(each)].append(each)
    return found
