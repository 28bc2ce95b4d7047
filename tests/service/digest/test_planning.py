"""When a digest is planned: once a week and project, on its own Monday morning."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from builders import ago
from heedback_service.flow import digest
from heedback_service.store.db import Database
from heedback_service.store.tables import DigestRun, Project
from support import NOW, an_output

OLD = datetime(2025, 1, 1, tzinfo=UTC)


def a_project(db: Database, slug: str, timezone: str, created_at: datetime = OLD) -> int:
    with db.write() as session:
        made = Project(slug=slug, name=slug, timezone=timezone, created_at=created_at)
        session.add(made)
        session.flush()
        return made.id


def planned(db: Database) -> list[tuple[int, str]]:
    with db.read() as session:
        return [(run.project_id, run.period) for run in session.scalars(select(DigestRun).order_by(DigestRun.period))]


def plan_at(db: Database, now: datetime) -> bool:
    with db.write() as session:
        return digest.plan_due(session, now)


@pytest.mark.parametrize(
    ("timezone", "due"),
    [
        ("Europe/Oslo", datetime(2026, 11, 16, 6, 0, tzinfo=UTC)),
        ("America/Los_Angeles", datetime(2026, 11, 16, 15, 0, tzinfo=UTC)),
        ("Pacific/Auckland", datetime(2026, 11, 15, 18, 0, tzinfo=UTC)),
    ],
)
def test_is_due_on_monday_at_seven_where_the_project_lives(db: Database, timezone: str, due: datetime) -> None:
    project_id = a_project(db, "acme", timezone)
    assert not plan_at(db, due - timedelta(seconds=1))
    assert plan_at(db, due)
    assert planned(db) == [(project_id, "2026-W46")]


def test_is_due_at_seven_on_a_monday_after_the_clocks_changed(db: Database) -> None:
    a_project(db, "acme", "Europe/Oslo")
    assert not plan_at(db, datetime(2026, 10, 26, 5, 59, tzinfo=UTC))  # 06:59 in winter time
    assert plan_at(db, datetime(2026, 10, 26, 6, 0, tzinfo=UTC))


def test_is_planned_once_however_often_it_is_looked_at(db: Database) -> None:
    a_project(db, "acme", "Europe/Oslo")
    assert [plan_at(db, NOW + timedelta(minutes=n)) for n in range(3)] == [True, False, False]
    assert plan_at(db, NOW + timedelta(days=7))
    assert [period for _, period in planned(db)] == ["2026-W46", "2026-W47"]


def test_a_service_that_slept_for_months_plans_the_last_week_only(db: Database) -> None:
    project_id = a_project(db, "acme", "Europe/Oslo")
    plan_at(db, NOW)
    plan_at(db, NOW + timedelta(weeks=12))
    assert planned(db) == [(project_id, "2026-W46"), (project_id, "2027-W05")]


def test_a_new_project_hears_nothing_of_weeks_before_it(db: Database) -> None:
    a_project(db, "new", "Europe/Oslo", created_at=datetime(2026, 11, 16, 5, 0, tzinfo=UTC))
    assert not plan_at(db, NOW)
    assert plan_at(db, NOW + timedelta(days=7))


def test_a_new_project_that_brought_its_past_along_gets_the_last_week(db, project, feed) -> None:  # type: ignore[no-untyped-def]
    feed(an_output(1, minutes=ago(days=4)))
    assert plan_at(db, NOW)
    assert planned(db) == [(project.id, "2026-W46")]
