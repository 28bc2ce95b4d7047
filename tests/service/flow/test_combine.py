"""Requests that wait together are stored together, and each gets its own answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from heedback_service.flow import combine
from heedback_service.flow.combine import Busy, Combiner
from heedback_service.flow.intake import Batch, Taken
from heedback_service.flow.keys import Access, make_key
from heedback_service.store.db import Database
from heedback_service.store.tables import Output, Project
from support import NOW, an_output, numbered_ids


@contextmanager
def led(combiner: Combiner) -> Iterator[None]:
    """As if another thread led: whoever comes has to wait."""
    combiner._led = True
    yield
    combiner._pass_on(combine._Job(Access("", 0, ""), Batch(NOW, [])))


def until_waiting(combiner: Combiner, jobs: int) -> None:
    while len(combiner._waiting) < jobs:
        time.sleep(0.001)


class Waiting:
    """Batches that all wait before the first of them leads."""

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
        with led(self.combiner):
            for thread in threads:
                thread.start()
            until_waiting(self.combiner, len(batches))
        for thread in threads:
            thread.join()
        return answers

    def one(self, n: int) -> Any:
        """Take the n-th output, here and now."""
        return self.combiner.take(self.access, Batch(NOW, [an_output(n)]))

    def aside(self, n: int) -> tuple[threading.Thread, list[Any]]:
        """The same in a thread, and where its answer will be."""
        answer: list[Any] = []
        thread = threading.Thread(target=lambda: answer.append(self.one(n)))
        thread.start()
        return thread, answer


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


class Stuck:
    """Transactions that wait, once they have their batches, until they may go on."""

    def __init__(self) -> None:
        self.entered, self.go_on = threading.Event(), threading.Event()


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    made, take_all = Stuck(), combine.take_all

    def slow(intake: Any, batches: Any) -> Any:
        made.entered.set()
        made.go_on.wait(60)
        return take_all(intake, batches)

    monkeypatch.setattr(combine, "take_all", slow)
    yield made
    made.go_on.set()


def numbers(db: Database) -> list[int]:
    with db.read() as session:
        return sorted(each.int & 0xFFFF for each in session.scalars(select(Output.id)))


def test_who_waits_in_vain_gives_up_unstored_and_newcomers_are_spared_the_wait(
    waiting: Waiting, stuck: Stuck, db: Database
) -> None:
    waiting.combiner.patience = 0.05
    first, answer = waiting.aside(1)
    assert stuck.entered.wait(60)
    assert waiting.one(2) == Busy()
    waiting.combiner.patience = 3600
    assert waiting.one(3) == Busy()  # at once: a test that hangs here has found a newcomer waiting
    stuck.go_on.set()
    first.join(60)
    assert answer == [Taken(1, 0)]
    assert waiting.one(4) == Taken(1, 0)
    assert numbers(db) == [1, 4]


def test_who_is_in_the_transaction_already_waits_for_its_true_answer(
    waiting: Waiting, stuck: Stuck, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Combiner, "_linger", lambda combiner: until_waiting(combiner, 2))
    waiting.combiner.patience = 0.2
    both = [waiting.aside(n) for n in (1, 2)]
    assert stuck.entered.wait(60)
    time.sleep(1)  # the patience of the second has come to its end
    assert all(thread.is_alive() for thread, _ in both)
    stuck.go_on.set()
    for thread, answer in both:
        thread.join(60)
        assert answer == [Taken(1, 0)]
    assert numbers(db) == [1, 2]


def test_who_has_an_answer_does_not_wait_for_whoever_leads_next(waiting: Waiting) -> None:
    combiner = waiting.combiner
    with led(combiner):
        thread, answer = waiting.aside(1)
        until_waiting(combiner, 1)
        [job] = combiner._waiting
        combiner._work(lambda: combiner._next(job))
        thread.join(60)  # while somebody still leads
        assert answer == [Taken(1, 0)]


def test_who_came_during_a_transaction_is_stored_in_one_by_the_first_of_them(
    waiting: Waiting, stuck: Stuck, attempts: list[int], db: Database
) -> None:
    everyone = [waiting.aside(1)]
    assert stuck.entered.wait(60)
    everyone += [waiting.aside(n) for n in range(2, 6)]
    until_waiting(waiting.combiner, 4)
    stuck.go_on.set()
    for thread, answer in everyone:
        thread.join(60)
        assert answer == [Taken(1, 0)]
    assert attempts == [1, 4]
    assert numbers(db) == [1, 2, 3, 4, 5]
    assert waiting.one(6) == Taken(1, 0)  # nobody leads any more


def test_who_is_told_to_lead_as_its_patience_ends_leads(waiting: Waiting) -> None:
    job = combine._Job(waiting.access, Batch(NOW, [an_output(1)]))
    with led(waiting.combiner):
        waiting.combiner._waiting.append(job)
    assert not waiting.combiner._withdrawn(job)
    assert waiting.combiner._told_to_lead(job)


def test_a_process_told_to_stop_leaves_nobody_without_an_answer(
    waiting: Waiting, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(*_: Any) -> Any:
        raise SystemExit

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(combine, "take_all", stopping)
        with led(waiting.combiner):
            others = [waiting.aside(n) for n in (1, 2)]
            until_waiting(waiting.combiner, 2)
            job = waiting.combiner._waiting[0]
            with pytest.raises(SystemExit):
                waiting.combiner._work(lambda: waiting.combiner._next(job))
            for thread, answer in others:
                thread.join(60)
                assert answer == [Busy()]
    assert waiting.one(3) == Taken(1, 0)
    assert numbers(db) == [3]


def test_a_leader_told_to_stop_before_it_has_begun_leaves_the_lead_to_another(
    waiting: Waiting, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopping(_: Combiner) -> None:
        raise SystemExit

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(Combiner, "_linger", stopping)
        with pytest.raises(SystemExit):
            waiting.one(1)
    assert waiting.one(2) == Taken(1, 0)
