"""Whether the database takes what is written to it is known from what was written, and asked only after a failure."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from heedback_service.store.db import Database
from heedback_service.store.writes import PAUSE, Writes


class Disk:
    """Full, or not."""

    def __init__(self) -> None:
        self.full, self.attempts, self.seconds = False, 0, 0.0
        self.writes = Writes(self.attempt, lambda: self.seconds)

    def attempt(self) -> None:
        self.attempts += 1
        self.write()

    def write(self) -> None:
        if self.full:
            raise OperationalError("COMMIT", None, Exception("full"))

    def use(self, *, proves: bool) -> None:
        with self.writes.watched(proves=proves):
            self.write()


@pytest.fixture
def disk() -> Disk:
    return Disk()


def test_as_long_as_nothing_fails_nothing_is_tried(disk: Disk) -> None:
    disk.use(proves=True)
    disk.seconds += 100
    assert (disk.writes.trouble(), disk.attempts) == (None, 0)


def test_a_failure_stays_until_a_write_that_proves_it(disk: Disk) -> None:
    disk.full = True
    with pytest.raises(OperationalError):
        disk.use(proves=True)
    assert disk.writes.trouble() == "full"
    disk.full = False
    disk.use(proves=False)  # a job that found nothing to write
    assert disk.writes.trouble() == "full"
    disk.use(proves=True)
    assert (disk.writes.trouble(), disk.attempts) == (None, 0)


def test_after_a_failure_who_asks_tries_now_and_then(disk: Disk) -> None:
    disk.full = True
    with pytest.raises(OperationalError):
        disk.use(proves=False)
    disk.seconds += PAUSE
    assert [disk.writes.trouble() for _ in range(3)] == ["full"] * 3
    assert disk.attempts == 1
    disk.full = False
    disk.seconds += PAUSE
    assert [disk.writes.trouble() for _ in range(3)] == [None] * 3
    assert disk.attempts == 2


def test_a_mistake_of_ours_is_no_trouble_of_the_database(disk: Disk) -> None:
    with pytest.raises(ValueError, match="ours"), disk.writes.watched():
        raise ValueError("ours")
    assert disk.writes.trouble() is None


def test_the_attempt_writes_and_changes_nothing(db: Database) -> None:
    db._touch()
    with db.read() as session:
        before = session.scalar(text("SELECT version_num FROM alembic_version"))
    db.writes._why, db.writes._at = "as if", -PAUSE
    assert db.writes.trouble() is None
    with db.read() as session:
        assert session.scalar(text("SELECT version_num FROM alembic_version")) == before


def test_the_attempt_gives_up_when_another_process_is_writing(db: Database) -> None:
    db.writes._why, db.writes._at = "as if", -PAUSE
    with db.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = version_num"))
        assert db.writes.trouble() not in (None, "as if")
