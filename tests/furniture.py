"""A desk with something on it: outputs and feedback taken in as if posted, and items they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from heedback_service.core.priority import Factors, score, trend
from heedback_service.flow.intake import Batch, take
from heedback_service.store.tables import Feature, Feedback, Item, ItemFeedback, Project
from support import NOW, an_output, make_id, numbered_ids, some_feedback


@dataclass(frozen=True, slots=True)
class Report:
    """Somebody's feedback on an output of their own: `hours` before now, `words` are fields of the event."""

    user: str
    hours: float
    words: dict[str, Any]
    output: dict[str, Any]


def report(user: str, hours: float, comment: str | None = None, /, **more: Any) -> Report:
    """A thumb down for being incorrect, unless `more` says otherwise; `asked`, `answered` and versions go to the
    output."""
    of_output = {"input": more.pop("asked", None), "output": more.pop("answered", None)}
    for name in ("prompt_version", "request_model", "response_model", "app_version"):
        if name in more:
            of_output[name] = more.pop(name)
    words = {"down": True, "reasons": ["incorrect"]} | ({"comment": comment} if comment else {}) | more
    return Report(user, hours, {k: v for k, v in words.items() if v is not None}, of_output)


def bring_in(session: Session, project: Project, feature: str, reports: Sequence[Report], start: int) -> list[Feedback]:
    """Take the reports in, each on an output shown ten minutes before; ids count up from `start`."""
    events: list[dict[str, Any]] = []
    for n, each in enumerate(reports, start=start):
        id_ = make_id(n, NOW - timedelta(hours=each.hours, minutes=10))
        texts = {name: value for name, value in each.output.items() if value is not None}
        shown = {"minutes": each.hours * 60 + 10, "feature": feature, "user": each.user}
        events.append(an_output(n, id=id_, **shown, **texts))
        said = {"minutes": each.hours * 60, "feature": feature, "user": each.user}
        events.append(some_feedback(n + 500_000, output_id=id_, **said, **each.words))
    batch = Batch(sent_at=NOW, events=tuple(events))
    take(session, project, batch, NOW, numbered_ids(start * 10 + 1_000_000))
    outputs = [event["id"] for event in events if event["type"] == "output"]
    query = select(Feedback).where(Feedback.project_id == project.id, Feedback.output_id.in_(outputs))
    return list(session.scalars(query))


def bring_in_outputs(session: Session, project: Project, feature: str, count: int, start: int, days: int = 14) -> None:
    """`count` outputs that nobody said anything about, spread over the last `days`."""
    events = [
        an_output(start + n, minutes=n * days * 1440 / count, feature=feature, user=f"reader-{n % 97}")
        for n in range(count)
    ]
    take(session, project, Batch(sent_at=NOW, events=tuple(events)), NOW, numbered_ids(start + 5_000_000))


def make_item(
    session: Session, project: Project, number: int, title: str, said: Iterable[Feedback], **fields: Any
) -> Item:
    """An item that holds the given feedback, with the priority that follows from it."""
    reports = list(said)
    feature = session.scalars(
        select(Feature).where(Feature.project_id == project.id, Feature.id == reports[0].feature_id)
    ).one()
    first, last = min(each.first_at for each in reports), max(each.last_at for each in reports)
    recent = sum(each.first_at > NOW - timedelta(days=7) for each in reports)
    severity = fields.pop("severity", 2)
    factors = Factors(
        people=len({each.person for each in reports if each.person}),
        reports=len(reports),
        severity=severity,
        severity_why=fields.pop("severity_why", "because people say it is incorrect"),
        trend=trend(recent, len(reports) - recent, first, NOW),
        first_at=first,
        last_at=last,
    )
    made = {
        "feature_id": feature.id,
        "title_by": "rule",
        "category": "down:incorrect",
        "category_why": "people gave the reason “incorrect”",
        "severity": severity,
        "severity_why": factors.severity_why,
        "priority": score(factors, NOW),
        "factors": factors.as_json(),
        "prioritised_at": NOW,
        "people": factors.people,
        "feedback_count": len(reports),
        "first_at": first,
        "last_at": last,
        "state": "new",
        "created_at": first,
        "changed_at": NOW - timedelta(days=30),
    }
    item = Item(project_id=project.id, id=make_id(number, variant=0xC000), number=number, title=title, **made | fields)
    session.add(item)
    session.flush()
    for each in reports:
        placed = {"item_id": item.id, "placed_by": "rule", "why": "the same words", "grouping_version": 1}
        session.add(ItemFeedback(project_id=project.id, feedback_id=each.id, **placed))
    session.flush()
    return item
