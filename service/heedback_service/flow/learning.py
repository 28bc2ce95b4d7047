"""What a project has learnt from its people's corrections: the nearness at which its reports join by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, exists, select, update
from sqlalchemy.orm import Session

from heedback_service.core import calibration
from heedback_service.core.calibration import Answer, Precision
from heedback_service.core.grouping import JOIN_AT
from heedback_service.store.direct import Direct, Line
from heedback_service.store.tables import Link, Project

_KEPT: Final = Direct(
    lambda _: select(Project.join_at, exists().where(Link.project_id == Project.id)).where(
        Project.id == bindparam("project")
    )
)


@dataclass(frozen=True, slots=True)
class Learnt:
    """`join_at`: reports join at this nearness; `answers`: all there are, of any nearness."""

    join_at: float
    precision: Precision
    answers: int


def learnt(session: Session, project_id: int) -> Learnt:
    """What holds in the project now, and how far it can be trusted."""
    at, given = join_at(session, project_id), answers(session, project_id)
    return Learnt(at, calibration.precision(given, at), len(given))


def join_at(session: Session, project_id: int) -> float:
    """The nearness at which reports of the project join."""
    return to_join_by(session, project_id)[0]


def to_join_by(session: Session, project_id: int) -> tuple[float, bool]:
    """`join_at`, and whether people said anything about pairs at all: most projects need not look further."""
    ((kept, corrected),) = _KEPT.rows(Line(session.connection()), project=project_id)
    return JOIN_AT if kept is None else kept, bool(corrected)


def learn(session: Session, project_id: int) -> None:
    """Read the threshold off the answers that stand. Called wherever an answer is given or withdrawn."""
    given = answers(session, project_id)
    found = calibration.threshold(given) if given else None
    session.execute(
        update(Project)
        .where(Project.id == project_id, Project.join_at.is_distinct_from(found))
        .values(join_at=found)
        .execution_options(synchronize_session=False)
    )


def answers(session: Session, project_id: int) -> list[Answer]:
    """What people said of pairs whose nearness is known, the newest word on each pair."""
    query = (
        select(Link.feedback_a, Link.feedback_b, Link.score, Link.kind)
        .where(Link.project_id == project_id, Link.score.is_not(None), Link.undone_at.is_(None))
        .order_by(Link.event_id)
    )
    newest: dict[tuple[UUID, UUID], Answer] = {}
    for a, b, score, kind in session.execute(query):
        newest[a, b] = Answer(score or 0.0, kind == "same")
    return list(newest.values())
