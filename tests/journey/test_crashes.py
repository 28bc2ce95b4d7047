"""What is acknowledged outlives every crash, once; what cannot be stored now is asked for again."""

from __future__ import annotations

import resource
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
import requests
from sqlalchemy import func, inspect, select

import warm
from builders import owed_last_weeks_digest
from heedback_service.store.db import Database
from heedback_service.store.tables import Delivery, DigestRun, Feedback, Item, ItemFeedback, Project
from processes import Run, Service, on_both_databases, until
from sending import BATCH, Sender, a_batch, post, stored_ids

MEMBERS: Final = ("ann", "ben", "eve")


@on_both_databases
def test_killed_again_and_again_in_mid_batch_it_has_all_that_it_acknowledged_and_nothing_twice(
    environment: dict[str, str], project: dict[str, str], run: Run
) -> None:
    with Sender(project["key"]) as sender:
        for wait in (0.02, 0.06, 0.12):
            with Service(environment) as service:
                sender.url = service.url
                sender.wait_for_one_more()
                sender.begun.clear()
                assert sender.begun.wait(10)  # a batch is on its way
                time.sleep(wait)
        with Service(environment) as service:
            sender.url = service.url
            sender.wait_for_one_more()  # what was killed last is sent again
            sender.end()
            stored = stored_ids(run)
    assert set(sender.acknowledged) <= stored.keys()
    assert set(stored.values()) == {1}
    assert run("rollup", "verify", "acme").stdout == "Every count agrees with the rows.\n"


# The command, which stops for good when it has said this to the database so many times.
HALTING = """
import sys, time
from sqlalchemy import Engine, event
from heedback_service.cli import main
from heedback_service.store.direct import Direct

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def _stop(connection, cursor, statement, *_):
    global left
    left -= sys.argv[1] in statement
    if left == 0:
        print("half-way", flush=True)
        time.sleep(600)

# Statements of intake and triage go past SQLAlchemy's events.
many = Direct.many

def _halting(self, line, rows):
    many(self, line, rows)
    if rows:
        _stop(None, None, self._in(line.dialect).sql)

Direct.many = _halting
main(sys.argv[3:])
"""


def killed_half_way(environment: dict[str, str], said: str, times: int, *words: str) -> None:
    """Run the command until it has said this to the database so many times, in a transaction, and kill it there."""
    with warm.Process(HALTING, [said, str(times), *words], environment, stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == "half-way\n"
        dying.kill()


@pytest.mark.parametrize("database_url", ["sqlite", "postgresql, empty"], indirect=True)
def test_killed_in_a_migration_it_leaves_nothing_and_the_next_one_succeeds(
    environment: dict[str, str], database_url: str, run: Run
) -> None:
    killed_half_way(environment, "CREATE TABLE", 12, "migrate")
    db = Database(database_url)
    assert inspect(db.engine).get_table_names() == []
    db.dispose()
    assert run("migrate").stdout == "The database is up to date now.\n"
    assert run("project", "create", "acme").returncode == 0


@on_both_databases
def test_killed_in_triage_the_next_worker_finishes_and_people_are_exact(
    environment: dict[str, str], project: dict[str, str], db: Database, run: Run
) -> None:
    """Triage reads at most 50 in a transaction, and is killed in its second."""
    with Service(environment | {"HEEDBACK_SERVER_SETTLE_SECONDS": "3600"}) as service:
        for number in range(2):
            assert post(service.url, project["key"], a_batch(number)).json()["accepted"] == 2 * BATCH
    killed_half_way(environment, "UPDATE feedback SET triaged_at", 2, "worker", "--once")
    left = unread(db)
    assert 0 < left < 2 * BATCH  # what the first one read stays read; the second is as if it had not been begun
    assert in_items(db) == 2 * BATCH - left
    # PostgreSQL hears of the death by itself, and until then workers pass over what the dead one held.
    until(lambda: run("worker", "--once").returncode == 0 and unread(db) == 0)
    assert in_items(db) == 2 * BATCH
    assert people_said(db) == people_counted(db) != {}
    assert run("rollup", "verify", "acme").returncode == 0


def unread(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).where(Feedback.triaged_at.is_(None))) or 0


def in_items(db: Database) -> int:
    with db.read() as session:
        return session.scalar(select(func.sum(Item.feedback_count))) or 0


def people_said(db: Database) -> dict[UUID, int]:
    """Distinct people of each item, counted from what they said."""
    where = (ItemFeedback.project_id == Feedback.project_id) & (ItemFeedback.feedback_id == Feedback.id)
    people = func.count(Feedback.person.distinct())
    with db.read() as session:
        return dict(
            session.execute(select(ItemFeedback.item_id, people).join(Feedback, where).group_by("item_id")).all()
        )


def people_counted(db: Database) -> dict[UUID, int]:
    with db.read() as session:
        return dict(session.execute(select(Item.id, Item.people).where(Item.feedback_count > 0)).all())


@on_both_databases
def test_killed_in_a_digest_the_next_worker_writes_it_once_when_the_lease_is_over(
    environment: dict[str, str], db: Database, run: Run, tmp_path: Path
) -> None:
    with db.write() as session:
        owed_last_weeks_digest(session, session.scalars(select(Project)).one(), *MEMBERS)
    killed_half_way(environment, "INSERT INTO deliveries", 1, "worker", "--once")
    assert (digest_run(db), deliveries(db)) == (("claimed", 1), [])
    assert run("worker", "--once").returncode == 0
    assert (digest_run(db), deliveries(db)) == (("claimed", 1), [])
    with db.write() as session:
        session.scalars(select(DigestRun)).one().lease_until = datetime.now(UTC)
    for _ in range(2):
        assert run("worker", "--once").returncode == 0
        assert (digest_run(db), deliveries(db)) == (("written", 2), [("sent", 1)] * len(MEMBERS))
    assert len(list((tmp_path / "data" / "outbox").glob("*.eml"))) == len(MEMBERS)


def digest_run(db: Database) -> tuple[str, int]:
    """How far the one digest is, and how often it was claimed."""
    with db.read() as session:
        found = session.scalars(select(DigestRun)).one()
    return found.state, found.token


def deliveries(db: Database) -> list[tuple[str, int]]:
    """How far each is, and how often it was tried."""
    with db.read() as session:
        return [(row.state, row.attempts) for row in session.scalars(select(Delivery))]


@pytest.mark.skipif(not hasattr(resource, "prlimit"), reason="only Linux can limit another process")
def test_on_a_full_disk_it_says_so_and_goes_on_when_there_is_room_again(
    service: Service, project: dict[str, str], run: Run
) -> None:
    """The kernel refuses to let files grow, as it does on a full disk."""
    kept: list[int] = [0]
    assert post(service.url, project["key"], a_batch(0)).ok
    set_file_size(service, 16 * 1024)
    refused = first_refusal(service, project, kept)
    assert (refused.status_code, refused.headers["Content-Type"]) == (503, "application/problem+json")
    assert int(refused.headers["Retry-After"]) > 0
    assert requests.get(f"{service.url}/signin", timeout=10).ok  # reading needs no room
    assert requests.get(f"{service.url}/readyz", timeout=10).status_code == 503
    set_file_size(service, resource.RLIM_INFINITY)
    again = post(service.url, project["key"], a_batch(len(kept)))
    assert again.json() == {"accepted": 2 * BATCH, "duplicates": 0, "rejected": []}
    assert requests.get(f"{service.url}/readyz", timeout=10).status_code == 200
    assert service.end() == 0
    stored = stored_ids(run)
    expected = {event["id"] for number in [*kept, len(kept)] for event in a_batch(number)}
    assert (stored.keys(), set(stored.values())) == (expected, {1})
    assert run("rollup", "verify", "acme").returncode == 0


def set_file_size(service: Service, size: int) -> None:
    resource.prlimit(service.process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def first_refusal(service: Service, project: dict[str, str], kept: list[int]) -> requests.Response:
    for number in range(1, 20):
        answer = post(service.url, project["key"], a_batch(number))
        if not answer.ok:
            return answer
        kept.append(number)
    raise AssertionError("twenty batches fitted on a full disk")
