"""Two schedulers never do the same week twice, and one that dies is taken over."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select

import warm
from builders import Feed, rated
from heedback_service.flow import digest
from heedback_service.store.db import Database
from heedback_service.store.tables import Delivery, DigestRun, Project
from support import NOW

PERIOD = "2026-W46"
DEAD = NOW + digest.LEASE  # when a worker that claimed now counts as dead

# Saves a digest and is stopped before it can commit.
DYING = """
import sys, time
from datetime import datetime
from heedback_service.flow import digest
from heedback_service.store.db import Database

db, now = Database(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
with db.write() as session:
    claimed = digest.claim(session, now)
with db.read() as session:
    content = digest.compose(session, claimed.project_id, claimed.period, now)
with db.write() as session:
    assert digest.save(session, claimed, content, now)
    print("writing", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def planned(db: Database, project: Project, members: None, feed: Feed) -> None:
    feed(*rated(1, 11, "ann"))
    with db.write() as session:
        digest.plan(session, project, PERIOD, NOW)


def the_run(db: Database, project: Project) -> DigestRun:
    with db.read() as session:
        return session.get_one(DigestRun, (project.id, digest.WEEKLY, PERIOD))


def deliveries(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(Delivery)) or 0


def at_once(workers: int, work: Callable[[], bool]) -> list[bool]:
    """What each of so many threads, started at the same moment, gets from `work`."""
    together, found = threading.Barrier(workers), []

    def run() -> None:
        together.wait()
        found.append(work())

    threads = [threading.Thread(target=run) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_of_many_schedulers_one_plans_and_one_writes(db: Database, project: Project, members: None, feed: Feed) -> None:
    feed(*rated(1, 11, "ann"))

    def schedule() -> bool:
        own = Database(db.address)
        try:
            with own.write() as session:
                planned = digest.plan_due(session, NOW)
            return digest.write_next(own, NOW) or planned
        finally:
            own.dispose()

    found = at_once(6, schedule)
    run = the_run(db, project)
    assert (run.state, run.token) == ("written", 1)
    assert 1 <= sum(found) <= 2  # who planned need not be who wrote
    assert deliveries(db) == 2


def test_a_claim_is_nobody_elses_until_its_lease_is_over(db: Database, planned: None) -> None:
    with db.write() as session:
        first = digest.claim(session, NOW)
    assert first is not None
    with db.write() as session:
        assert digest.claim(session, DEAD - timedelta(seconds=1)) is None
    with db.write() as session:
        second = digest.claim(session, DEAD)
    assert second is not None
    assert second.token == first.token + 1


def test_a_worker_that_was_thought_dead_changes_nothing_when_it_wakes(
    db: Database, project: Project, planned: None
) -> None:
    with db.write() as session:
        slow = digest.claim(session, NOW)
    assert slow is not None
    assert digest.write_next(db, DEAD)
    with db.write() as session:
        assert not digest.save(session, slow, {"stale": True}, DEAD)
    run = the_run(db, project)
    assert run.content is not None
    assert "stale" not in run.content
    assert (run.written_at, deliveries(db)) == (DEAD, 2)


def test_a_slow_worker_that_nobody_took_over_may_still_save(db: Database, project: Project, planned: None) -> None:
    with db.write() as session:
        slow = digest.claim(session, NOW)
    assert slow is not None
    with db.read() as session:
        content = digest.compose(session, slow.project_id, slow.period, NOW)
    with db.write() as session:
        assert digest.save(session, slow, content, DEAD)
    assert the_run(db, project).state == "written"


def test_a_process_killed_while_it_writes_leaves_nothing_half_done_and_is_taken_over(
    db: Database, project: Project, planned: None
) -> None:
    with warm.Process(DYING, [db.address, NOW.isoformat()], os.environ, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "writing\n"
        os.kill(dying.pid, signal.SIGKILL)
    run = the_run(db, project)
    assert (run.state, run.content, deliveries(db)) == ("claimed", None, 0)
    assert not digest.write_next(db, DEAD - timedelta(seconds=1))
    assert digest.write_next(db, DEAD)
    run = the_run(db, project)
    assert (run.state, run.token, deliveries(db)) == ("written", 2, 2)
    assert not digest.write_next(db, DEAD + timedelta(days=1))
