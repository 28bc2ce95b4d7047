"""What the SDK had to drop reaches the mark on the service's day, whatever happens to the processes on the way."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from heedback_service.store.db import Database
from heedback_service.store.tables import DroppedDay, FeedbackEvent
from processes import Service

HOST = """
import os, sqlite3, time, heedback
OUTPUT = "019aa000-0000-7000-8000-000000000001"
def drop():
    assert heedback.rate(OUTPUT, stars=6, feature="f") is None
def rate():
    assert heedback.rate(OUTPUT, "up", feature="f") is not None
"""
THE_NEXT = "rate()\nassert heedback.flush(20), heedback.stats()"


@pytest.fixture
def host(project: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """The environment of the app; where the service is, each process is told for itself."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    return ours | {
        "HEEDBACK_KEY": project["key"],
        "HEEDBACK_USER_KEY": project["user_key"],
        "HEEDBACK_SPOOL": str(tmp_path / "spool.db"),
    }


def run(host: dict[str, str], url: str, code: str) -> None:
    """One process of the app, to its good end."""
    environment = host | {"HEEDBACK_URL": url}
    subprocess.run([sys.executable, "-c", HOST + code], env=environment, timeout=60, check=True)


def told(db: Database) -> dict[str, int]:
    """How many events the service knows to be missing, by reason, all days together."""
    with db.read() as session:
        rows = session.execute(select(DroppedDay.reason, DroppedDay.events)).all()
    return {reason: events for reason, events in rows}  # noqa: C416 rows are no pairs to a type checker


def stored(db: Database) -> int:
    with db.read() as session:
        return len(session.scalars(select(FeedbackEvent.id)).all())


def test_killed_while_the_batch_that_tells_it_is_on_its_way(
    host: dict[str, str], service: Service, db: Database
) -> None:
    """Dropped before anything reached the service: the next process tells it, once."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = host | {"HEEDBACK_URL": f"http://127.0.0.1:{silent.getsockname()[1]}"}
        code = HOST + "drop()\ndrop()\nrate()\ntime.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", code], env=environment) as process:
            connection, _ = silent.accept()
            assert connection.recv(1)
            process.kill()
        connection.close()
    run(host, service.url, THE_NEXT)
    assert (told(db), stored(db)) == ({"invalid": 2}, 2)
    run(host, service.url, THE_NEXT)
    assert (told(db), stored(db)) == ({"invalid": 2}, 3)


def test_a_process_that_captured_nothing_else(host: dict[str, str], service: Service, db: Database) -> None:
    """It had nothing to tell it with: the next one has."""
    run(host, service.url, "drop()")
    assert told(db) == {}
    run(host, service.url, THE_NEXT)
    assert (told(db), stored(db)) == ({"invalid": 1}, 1)


def test_dropped_while_the_spool_was_in_memory(host: dict[str, str], service: Service, db: Database) -> None:
    """What is counted while another process holds the file moves to the file with the events."""
    run(
        host,
        service.url,
        """
rate()
assert heedback.flush(20)
other = sqlite3.connect(os.environ["HEEDBACK_SPOOL"], isolation_level=None)
other.execute("BEGIN IMMEDIATE")
rate()
assert heedback.flush(20)  # from memory
drop()
other.execute("ROLLBACK")
time.sleep(1.2)  # longer than a file that was busy is left in peace
rate()
assert heedback.flush(20)
assert heedback.stats()["spool"] == "file"
""",
    )
    assert told(db) == {"invalid": 1}


def test_a_batch_that_is_refused_tells_nothing(host: dict[str, str], service: Service, db: Database) -> None:
    """The event goes to the dead; the count stays for a batch that is read."""
    run(
        host,
        service.url,
        """
class Refusing:
    def send(self, batch):
        assert batch.dropped == {"invalid": 1}
        return heedback.Rejected("400 not today")
heedback.init(transport=Refusing())
drop()
rate()
assert heedback.flush(20)
heedback.close()
""",
    )
    run(host, service.url, THE_NEXT)
    assert (told(db), stored(db)) == ({"invalid": 1}, 1)
