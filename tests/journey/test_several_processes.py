"""Two services and two workers on one database: everything is worked once, and counts are exact."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import requests
from sqlalchemy import func, select

import warm
from builders import owed_last_weeks_digest
from heedback_service.core.ids import new_id
from heedback_service.flow import digest, triage
from heedback_service.store.db import Database
from heedback_service.store.tables import Delivery, DigestRun, Feedback, Item, ItemEvent, ItemPerson, Project
from mailbox_server import MailServer
from processes import Run, Service, an_event, envelope, on_both_databases, until

FEATURES: Final = 4
EACH: Final = 40  # pieces of feedback a feature
PEOPLE: Final = 7
MEMBERS: Final = ("ann", "ben", "eve")
PERIODS: Final = ("2020-W01", "2020-W02", "2020-W03")
DIGESTS: Final = len(PERIODS) + 1  # last week's is owed too


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as started:
        yield started


@pytest.fixture
def environment(environment: dict[str, str], server: MailServer) -> dict[str, str]:
    return environment | {"HEEDBACK_SERVER_SMTP_URL": server.url}


@on_both_databases
def test_two_of_each_work_everything_once(
    project: dict[str, str], db: Database, environment: dict[str, str], run: Run, server: MailServer
) -> None:
    with db.write() as session:
        acme = session.scalars(select(Project)).one()
        owed_last_weeks_digest(session, acme, *MEMBERS)
        for period in PERIODS:
            digest.plan(session, acme, period, datetime.now(UTC))
    batches = [told(feature) for feature in range(FEATURES)]
    with contextlib.ExitStack() as stack:
        workers = [start_worker(stack, environment) for _ in range(2)]
        services = [stack.enter_context(Service(environment)) for _ in range(2)]
        senders = [threading.Thread(target=send, args=(each.url, project["key"], batches)) for each in services]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        until(lambda: all_is_done(db))
        processes = [*workers, *(service.process for service in services)]
        for process in processes:
            process.send_signal(signal.SIGTERM)
        assert {process.wait(30) for process in processes} == {0}
    assert everything_is_counted_once(db)
    assert Counter(server.recipients) == {f"{name}@example.com": DIGESTS for name in MEMBERS}
    assert run("rollup", "verify", "acme").returncode == 0


def told(feature: int) -> list[dict[str, Any]]:
    """What a few people said about one feature, on every day of the last two weeks and more."""
    events: list[dict[str, Any]] = []
    for n in range(EACH):
        at = (datetime.now(UTC) - timedelta(days=n % 20)).isoformat()
        number = feature * 1000 + n
        shown = an_event(number) | {"occurred_at": at, "feature": f"feature-{feature}"}
        words = {"comment": f"The sum of part {n % 5} is wrong", "rating": {"value": 0, "scale": "thumbs"}}
        about = {"type": "feedback", "output_id": shown["id"], "user": f"u-{n % PEOPLE}"}
        events += [shown, shown | about | words | {"id": an_event(number + 0x100000)["id"]}]
    return events


def send(url: str, key: str, batches: list[list[dict[str, Any]]]) -> None:
    """All of it, to either service: what the other one was first to take is a duplicate."""
    headers = {"Authorization": f"Bearer {key}"}
    for events in batches:
        answer = requests.post(f"{url}/v1/events", json=envelope(*events), headers=headers, timeout=30)
        assert answer.json()["accepted"] + answer.json()["duplicates"] == 2 * EACH


def start_worker(stack: contextlib.ExitStack, environment: dict[str, str]) -> warm.Process:
    process = stack.enter_context(warm.Process(warm.COMMAND, ["worker"], environment))
    stack.callback(process.kill)
    return process


def all_is_done(db: Database) -> bool:
    with db.read() as session:
        read = session.scalar(select(func.count()).where(Feedback.triaged_at.is_not(None)))
        sent = session.scalar(select(func.count()).where(Delivery.state == "sent"))
    return (read, sent) == (FEATURES * EACH, DIGESTS * len(MEMBERS))


def everything_is_counted_once(db: Database) -> bool:
    with db.read() as session:
        items = session.scalars(select(Item)).all()
        assert sum(item.feedback_count for item in items) == FEATURES * EACH
        people = Counter(session.scalars(select(ItemPerson.item_id)))
        assert {item.id: item.people for item in items if item.people} == dict(people)
        assert len({item.number for item in items}) == len(items)
        births = Counter(session.scalars(select(ItemEvent.item_id).where(ItemEvent.verb == "create")))
        assert set(births.values()) <= {1}
        runs = session.scalars(select(DigestRun)).all()
        assert [(run.state, run.token) for run in runs] == [("written", 1)] * DIGESTS
        assert {(row.state, row.attempts) for row in session.scalars(select(Delivery))} == {("sent", 1)}
    return True


# Holds a feature's triage and a digest, and stops for good with both in hand.
HOLDING = """
import sys, time
from datetime import UTC, datetime
from heedback_service.core.ids import new_id
from heedback_service.flow import digest, triage
from heedback_service.store.db import Database

db = Database(sys.argv[1])
with db.write() as session:
    assert digest.claim(session, datetime.now(UTC))
with db.write() as session:
    assert triage.triage_next(session, datetime.now(UTC), new_id=new_id)
    print("holding", flush=True)
    time.sleep(600)
"""


@on_both_databases
def test_who_dies_with_work_in_hand_is_taken_over(
    db: Database, project: dict[str, str], environment: dict[str, str]
) -> None:
    """Triage as soon as its transaction ends with it; a digest when its lease is over, and not before."""
    with Service(environment | {"HEEDBACK_SERVER_SETTLE_SECONDS": "3600"}) as service:
        send(service.url, project["key"], [told(0)])
    with db.write() as session:
        digest.plan(session, session.scalars(select(Project)).one(), PERIODS[0], datetime.now(UTC))
    with warm.Process(HOLDING, [db.address], environment, stdout=subprocess.PIPE) as it:
        assert it.stdout is not None
        assert it.stdout.readline() == "holding\n"
        it.kill()
    now = datetime.now(UTC)
    until(lambda: triaged(db, now))  # PostgreSQL hears of the death by itself
    assert not triaged(db, now)
    assert everything_is_read(db)
    assert not digest.write_next(db, now)
    late = now + digest.LEASE
    assert digest.write_next(db, late)
    assert not digest.write_next(db, late)


def triaged(db: Database, now: datetime) -> bool:
    with db.write() as session:
        return triage.triage_next(session, now, new_id=new_id, batch=EACH)


def everything_is_read(db: Database) -> bool:
    with db.read() as session:
        return not session.scalar(select(func.count()).where(Feedback.triaged_at.is_(None)))
