"""Feedback as triage reads it: what was said, whether it is work for anybody, and the keys that find its like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BindParameter, ColumnExpressionArgument, Select, bindparam, func, select
from sqlalchemy.orm import Session

from heedback_service.core.classify import Category, classify
from heedback_service.core.grouping import Keys, Report, keys
from heedback_service.core.severity import Severity, severity
from heedback_service.store.direct import Direct, Line, among
from heedback_service.store.joins import PLACED
from heedback_service.store.tables import Feedback, ItemFeedback, OutputText, Slice

_ANSWERS: Final = Direct(
    lambda dialect: select(OutputText.output_id, OutputText.output).where(
        OutputText.project_id == bindparam("project"),
        among(dialect, OutputText.output_id, "wanted"),
        OutputText.output.is_not(None),
    )
)


@dataclass(frozen=True, slots=True)
class Told:
    """One row of feedback."""

    id: UUID
    version: int
    person: str | None
    feature_id: UUID
    subject: str
    output_id: UUID | None
    prompt_version: str | None
    polarity: int | None
    flag: bool
    flag_reasons: tuple[str, ...]
    reasons: tuple[str, ...]
    comment: str | None
    correction: str | None
    counts: bool
    first_at: datetime
    last_at: datetime

    @property
    def is_work(self) -> bool:
        """Whether somebody should look at it: flagged, rated down, corrected, or remarked on without praise."""
        remarked = self.polarity != 1 and bool(self.comment and self.comment.strip())
        return self.counts and (self.flag or self.polarity == -1 or self.correction is not None or remarked)

    @property
    def judgement(self) -> tuple[Category, Severity]:
        """What it is about and how bad it is."""
        return _judged(
            self.flag, self.flag_reasons, self.reasons, self.comment, self.correction is not None, self.polarity
        )


_LISTS: Final = [Told.__slots__.index(name) for name in ("flag_reasons", "reasons")]


@dataclass(frozen=True, slots=True)
class Keyed:
    """Feedback with its keys, and its text in the normal form ("" if it says no more than a thumb)."""

    told: Told
    keys: Keys
    text: str


def reading(project_id: int | BindParameter[int]) -> Select[Any]:
    """All that `told` needs, of every row of a project; narrow and order it."""
    columns: tuple[Any, ...] = (
        *(Feedback.id, Feedback.version, Feedback.person, Feedback.feature_id, Feedback.subject),
        *(Feedback.output_id, Slice.prompt_version, Feedback.polarity, Feedback.flag, Feedback.flag_reasons),
        *(Feedback.reasons, Feedback.comment, Feedback.correction, Feedback.counts),
        *(Feedback.first_at, Feedback.last_at),
    )
    of_slice = (Slice.project_id == Feedback.project_id) & (Slice.id == Feedback.slice_id)
    return select(*columns).join(Slice, of_slice, isouter=True).where(Feedback.project_id == project_id)


def told(row: Sequence[Any]) -> Told:
    """A row of `reading`; columns added behind are left alone. Of stored reasons, only the strings are any."""
    values = list(row[: len(Told.__slots__)])
    for at in _LISTS:
        given = values[at] if isinstance(values[at], list) else ()
        values[at] = tuple(sorted(reason for reason in given if isinstance(reason, str)))
    return Told(*values)


def newest_comments(
    session: Session, project_id: int, *where: ColumnExpressionArgument[bool], most: int, characters: int | None = None
) -> defaultdict[UUID, list[str]]:
    """What the newest `most` reports with words say in each item, the newest first, the same words once.

    Args:
        where: which reports, of which items.
        characters: of each comment, that are read.
    """
    words = Feedback.comment if characters is None else func.substr(Feedback.comment, 1, characters)
    place = func.row_number().over(partition_by=ItemFeedback.item_id, order_by=ItemFeedback.feedback_id.desc())
    newest = (
        select(ItemFeedback.item_id, words.label("comment"), place.label("at"))
        .join(Feedback, PLACED)
        .where(ItemFeedback.project_id == project_id, Feedback.comment.is_not(None), *where)
        .subquery()
    )
    said = select(newest.c.item_id, newest.c.comment).where(newest.c.at <= most)
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for item_id, comment in session.execute(said.order_by(newest.c.item_id, newest.c.at)):
        if comment not in found[item_id]:
            found[item_id].append(comment)
    return found


def keyed(session: Session, project_id: int, heard: Iterable[Told]) -> list[Keyed]:
    """The keys of each. What has no words is told apart by the answer it is about."""
    reports = [(each, _report(each)) for each in heard]
    wordless = {each.output_id for each, report in reports if each.output_id and not report.text()}
    answers = _answers(session, project_id, wordless)
    found = []
    for each, plain in reports:
        text = plain.text()
        report = plain if text else _report(each, answers.get(each.output_id, each.subject))
        found.append(Keyed(each, keys(report), text))
    return found


def _report(each: Told, answer: str | None = None) -> Report:
    return Report(
        feature=each.feature_id.hex,
        reasons=each.reasons,
        flag_reasons=("", *each.flag_reasons) if each.flag else (),
        comment=each.comment,
        prompt_version=each.prompt_version,
        output_hash=answer,
    )


def _answers(session: Session, project_id: int, outputs: Iterable[UUID]) -> dict[UUID | None, str]:
    """What names the answer of each output whose text we have: two outputs with one text are one answer."""
    if not (wanted := sorted(outputs)):
        return {}
    return {
        output_id: blake2b((text or "").strip().encode("utf-8", "replace"), digest_size=16).hexdigest()
        for output_id, text in _ANSWERS.rows(Line(session.connection()), project=project_id, wanted=wanted)
    }


@lru_cache(maxsize=4096)  # an item's reports are judged again whenever one joins
def _judged(
    flag: bool,
    flag_reasons: tuple[str, ...],
    reasons: tuple[str, ...],
    comment: str | None,
    corrected: bool,
    polarity: int | None,
) -> tuple[Category, Severity]:
    category = classify(flag=flag, flag_reasons=flag_reasons, reasons=reasons, comment=comment, corrected=corrected)
    return category, severity(category, polarity=polarity, comment=comment)
