"""Requests that wait together are stored together, and each gets its own answer."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from heedback_service.flow import combine
from heedback_service.flow.combine import Combiner
from heedback_service.flow.intake import Batch, Taken
from heedback_service.flow.keys import Access, make_key
from heedback_service.store.db import Database
from heedback_service.store.tables import Output, Project
from support import NOW, an_output, numbered_ids


class Waiting:
    """Batches that all wait for their turn before the first one has it."""

    def __init__(self, db: Database, project: Project) -> None:
        with db.write() as session:
            kid = make_key(session, project, NOW).kid
        self.combiner = Combiner(db, lambda: NOW, numbered_ids())
        self.access = Access(kid, project.id, project.timezone)

    def take(self, *batches: list[dict[str, Any]]) -> list[Any]:
        answers: list[Any] = [None] * len(batches)

        def ask(n: int, events: list[dict[str, Any]]) -> None:
            try:
                answers[n] = self.combiner.take(self.access, Batch(NOW, events))
            except Exception as error:
                answers[n] = error

        threads = [threading.Thread(target=ask, args=each) for each in enumerate(batches)]
        with self.combiner._turn:
            for thread in threads:
                thread.start()
            while len(self.combiner._waiting) < len(batches):
                time.sleep(0.001)
        for thread in threads:
            thread.join()
        return answers


@pytest.fixture
def waiting(db: Database, project: Project) -> Waiting:
    return Waiting(db, project)


@pytest.fixture
def attempts(waiting: Waiting, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many batches each transaction was tried with."""
    seen: list[int] = []
    take_all = combine.take_all

    def counted(intake: Any, batches: Any) -> Any:
        seen.append(len(batches))
        return take_all(intake, batches)

    monkeypatch.setattr(combine, "take_all", counted)
    return seen


def test_what_waits_together_is_one_transaction(waiting: Waiting, attempts: list[int], db: Database) -> None:
    answers = waiting.take(*([an_output(n)] for n in range(1, 9)))
    assert answers == [Taken(1, 0)] * 8
    assert attempts == [8]
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Output)) == 8


def test_a_batch_that_fails_leaves_its_neighbours_alone(waiting: Waiting, attempts: list[int], db: Database) -> None:
    broken = an_output(2)
    del broken["feature"]  # what no schema lets through
    answers = waiting.take([an_output(1)], [broken], [an_output(3)])
    assert [type(answer) for answer in answers] == [Taken, KeyError, Taken]
    assert sorted(attempts) == [1, 1, 1, 3]
    with db.read() as session:
        assert session.scalar(select(func.count()).select_from(Output)) == 2


def test_a_database_that_is_away_is_asked_once_for_all_who_wait(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []

    def away(_intake: Any, batches: Any) -> Any:
        tried.append(len(batches))
        raise OperationalError("INSERT", None, Exception("database is locked"))

    monkeypatch.setattr(combine, "take_all", away)
    answers = waiting.take(*([an_output(n)] for n in range(1, 5)))
    assert [type(answer) for answer in answers] == [OperationalError] * 4
    assert tried == [4]
