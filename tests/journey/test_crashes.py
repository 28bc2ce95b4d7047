"""What is acknowledged outlives every crash, once; what cannot be stored now is asked for again."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import requests
from sqlalchemy import func, select

from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Feedback, Item, ItemFeedback, Project
from processes import Run, Service, an_event, envelope

BATCH: Final = 60  # outputs, each with a piece of feedback


def a_batch(number: int) -> list[dict[str, Any]]:
    """Outputs, and what six people say about them."""
    first = number * BATCH + 1
    shown = [an_event(n) | {"prompt_version": f"v{n % 3}"} for n in range(first, first + BATCH)]
    rating = {"value": 0, "scale": "thumbs"}
    said = [
        an_event(n + 0x100000)
        | {"type": "feedback", "output_id": an_event(n)["id"], "user": f"u-{n % 6}", "rating": rating}
        | {"comment": f"The total leaves out the tax of case {n % 6}"}
        for n in range(first, first + BATCH)
    ]
    return shown + said


def post(url: str, key: str, events: list[dict[str, Any]], seconds: float = 15) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(f"{url}/v1/events", json=envelope(*events), headers=headers, timeout=seconds)


@dataclass
class Sender:
    """Sends batches in their order, each again until it is acknowledged, as the SDK does."""

    key: str
    url: str = ""
    acknowledged: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        for number in count():
            while not self._sent(a_batch(number)):
                if self.stop.is_set():
                    return
                time.sleep(0.02)
            if self.stop.is_set():
                return

    def wait_for_one_more(self) -> None:
        before, give_up = len(self.acknowledged), time.monotonic() + 30
        while len(self.acknowledged) == before:
            assert time.monotonic() < give_up
            time.sleep(0.002)

    def _sent(self, events: list[dict[str, Any]]) -> bool:
        self.begun.set()
        try:
            answer = post(self.url, self.key, events)
        except requests.RequestException:
            return False
        if answer.ok:
            assert answer.json()["accepted"] + answer.json()["duplicates"] == len(events)
            self.acknowledged += [event["id"] for event in events]
        return answer.ok


def stored_ids(run: Run) -> Counter[str]:
    """How often the ids of outputs and of feedback events are stored."""
    lines = [json.loads(line) for line in run("export", "acme").stdout.splitlines()]
    outputs = [line["id"] for line in lines if line["type"] == "output"]
    return Counter(outputs + [event for line in lines if line["type"] == "feedback" for event in line["events"]])


@contextlib.contextmanager
def serving(environment: dict[str, str]) -> Iterator[Service]:
    started = Service(environment)
    with started.process:
        try:
            yield started
        finally:
            started.process.kill()


def test_killed_again_and_again_in_mid_batch_it_has_all_that_it_acknowledged_and_nothing_twice(
    environment: dict[str, str], project: dict[str, str], run: Run
) -> None:
    sender = Sender(project["key"])
    sending = threading.Thread(target=sender.run)
    for wait in (0.02, 0.06, 0.12):
        with serving(environment) as service:
            sender.url = service.url
            if not sending.is_alive():
                sending.start()
            sender.wait_for_one_more()
            sender.begun.clear()
            assert sender.begun.wait(10)  # a batch is on its way
            time.sleep(wait)
    with serving(environment) as service:
        sender.url = service.url
        sender.wait_for_one_more()  # what was killed last is sent again
        sender.stop.set()
        sending.join()
        stored = stored_ids(run)
    assert set(sender.acknowledged) <= stored.keys()
    assert set(stored.values()) == {1}
    assert run("rollup", "verify", "acme").stdout == "Every count agrees with the rows.\n"


# Migrates, and stops for good after so many tables.
MIGRATING = """
import sys, time
from sqlalchemy import Engine, event
from heedback_service.store.migrate import open_database

left = int(sys.argv[2])

@event.listens_for(Engine, "after_cursor_execute")
def _stop(connection, cursor, statement, *_):
    global left
    left -= "CREATE TABLE" in statement
    if left == 0:
        print("half-way", flush=True)
        time.sleep(600)

open_database(sys.argv[1])
"""


def killed_at_its_word(program: str, word: str, *arguments: str) -> None:
    """Run it until it says `word`, and kill it there."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == f"{word}\n"
        os.kill(dying.pid, signal.SIGKILL)


@pytest.mark.parametrize("tables", [1, 12])
def test_killed_in_a_migration_it_leaves_nothing_and_the_next_start_succeeds(tmp_path: Path, tables: int) -> None:
    file = tmp_path / "heedback.db"
    killed_at_its_word(MIGRATING, "half-way", f"sqlite:///{file}", str(tables))
    with contextlib.closing(sqlite3.connect(file)) as raw:
        assert raw.execute("SELECT name FROM sqlite_master").fetchall() == []
    db = open_database(f"sqlite:///{file}")
    with db.write() as session:
        session.add(Project(slug="acme", name="Acme", timezone="UTC", created_at=datetime.now(UTC)))
    db.dispose()


# Works the jobs, and stops for good in the transaction that triages its second batch.
TRIAGING = """
import sys, time
from datetime import UTC, datetime
from heedback_service.core.ids import new_id
from heedback_service.flow.triage import triage_next
from heedback_service.store.db import Database

db = Database(sys.argv[1])
for done in range(2):
    with db.write() as session:
        assert triage_next(session, datetime.now(UTC), new_id=new_id, batch=100)
        if done:
            print("half-way", flush=True)
            time.sleep(600)
"""


def test_killed_in_triage_the_next_worker_finishes_and_people_are_exact(
    environment: dict[str, str], project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    with serving(environment | {"HEEDBACK_SERVER_SETTLE_SECONDS": "3600"}) as service:
        for number in range(5):
            assert post(service.url, project["key"], a_batch(number)).json()["accepted"] == 2 * BATCH
    url = f"sqlite:///{tmp_path / 'data' / 'heedback.db'}"
    killed_at_its_word(TRIAGING, "half-way", url)
    db = Database(url)
    assert unread(db) == 200  # the first hundred stay read; the second is as if it had not been begun
    assert run("worker", "--once").returncode == 0
    assert (unread(db), in_items(db)) == (0, 300)
    assert people_said(db) == people_counted(db) != {}
    db.dispose()
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
    set_file_size(service, resource.RLIM_INFINITY)
    again = post(service.url, project["key"], a_batch(len(kept)))
    assert again.json() == {"accepted": 2 * BATCH, "duplicates": 0, "rejected": []}
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


# Holds the write lock for so long.
LOCKING = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


def test_a_database_locked_by_another_process_is_a_503_for_writers_while_readers_go_on(
    environment: dict[str, str], project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    """It waits ten seconds unless told otherwise; here one, so that the lock outlasts it threefold, as half a
    minute does."""
    file = tmp_path / "data" / "heedback.db"
    told = {"HEEDBACK_SERVER_DATABASE_URL": f"sqlite:///{file}?timeout=1"}
    with serving(environment | told) as service, locked(file) as let_go:
        for _ in range(2):
            begun = time.monotonic()
            answer = post(service.url, project["key"], a_batch(0))
            assert answer.status_code == 503
            assert int(answer.headers["Retry-After"]) > 0
            assert 0.9 < time.monotonic() - begun < 5
            assert requests.get(f"{service.url}/signin", timeout=10).ok
        assert run("project", "list").stdout.startswith("acme")
        worker = run("worker", "--once", **told)
        assert (worker.returncode, "could not deliver digests" in worker.stderr) == (1, True)
        let_go()
        assert post(service.url, project["key"], a_batch(0)).json()["accepted"] == 2 * BATCH
        assert post(service.url, project["key"], a_batch(0)).json()["duplicates"] == 2 * BATCH
    assert run("rollup", "verify", "acme").returncode == 0


@contextlib.contextmanager
def locked(file: Path) -> Iterator[Callable[[], None]]:
    command = [sys.executable, "-c", LOCKING, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "locked\n"

        def let_go() -> None:
            holder.communicate("go\n", timeout=10)

        try:
            yield let_go
        finally:
            holder.kill()
