"""Many requests, one transaction: whoever gets the turn to write stores what all who wait have brought.

One writer at a time is what SQLite has anyway. So a thread leaves its batch, waits for its turn, and finds that the one
before has done its work, or does everybody's. Under load a commit serves many; alone, nothing waits for anything. This
is flat combining (Hendler, Incze, Shavit and Tzafrir, 2010). It needs no thread of its own: nothing is lost at a fork.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy.exc import OperationalError

from heedback_service.flow import keys
from heedback_service.flow.intake import Batch, Taken, take_all
from heedback_service.flow.keys import Access
from heedback_service.flow.memory import Memory
from heedback_service.flow.sheet import Intake
from heedback_service.store.db import Database, Writer
from heedback_service.store.direct import Line

LINGER: Final = 0.002  # seconds, at most, that one who could write waits for others
PATIENCE: Final = 2.0  # seconds: who waits longer for a turn is told to come again, so that no thread is held for long
_LOOK: Final = 0.1  # seconds between two looks for an answer, for one who cannot give up any more
MOST_EVENTS: Final = 1000  # in one transaction, once there is more than one batch in it


@dataclass(frozen=True, slots=True)
class Revoked:
    """The key was good when the request came in, and is not any more; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Whoever has the turn has waited for the database so long that nobody else should; nothing was stored."""


@dataclass(slots=True)
class _Job:
    access: Access
    batch: Batch
    result: Taken | Revoked | Exception | None = None


@dataclass(slots=True)
class Combiner:
    """The way into the store for batches of events. One a process; any number of threads."""

    db: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    patience: float = PATIENCE
    _writer: Writer = field(init=False)
    _memory: Memory = field(default_factory=Memory)
    _inside: int = 0  # requests now, and at most since the last turn
    _most: int = 0
    _stuck: bool = False
    _waiting: list[_Job] = field(default_factory=list)
    _list: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._writer = self.db.writer()

    @contextmanager
    def attended(self) -> Iterator[None]:
        """Around all the work on a request: so it is known whether there are several at a time."""
        with self._list:
            self._inside += 1
            self._most = max(self._most, self._inside)
        try:
            yield
        finally:
            with self._list:
                self._inside -= 1

    def take(self, access: Access, batch: Batch) -> Taken | Revoked | Busy:
        """Store the batch; returns after the commit.

        Raises:
            sqlalchemy.exc.OperationalError: the database is busy or away; nothing of this batch was stored.
        """
        job = _Job(access, batch)
        with self._list:
            if self._stuck:
                return Busy()
            self._waiting.append(job)
        if self._gets_turn(job):
            try:
                if job.result is None:
                    self._linger()
                    self._work(lambda: self._next(job))
            finally:
                self._pass_on()
        if isinstance(job.result, Exception):
            raise job.result
        return Busy() if job.result is None else job.result

    def _gets_turn(self, job: _Job) -> bool:
        """Wait for the turn. False when it is not needed any more: the job is given up, or others have done it."""
        if self._turn.acquire(timeout=self.patience):
            return True
        if self._withdrawn(job):
            return False
        while job.result is None:  # it is in the transaction that is under way: that one's end is its end
            if self._turn.acquire(timeout=_LOOK):
                return True
        return False

    def _withdrawn(self, job: _Job) -> bool:
        """Give up waiting, and spare others the attempt. False when the job is being stored already."""
        with self._list:
            others = [other for other in self._waiting if other is not job]
            there = len(others) < len(self._waiting)
            self._waiting = others
            if there and self._turn.locked():  # if not, nobody would be left who could say that it is over
                self._stuck = True
        return there

    def _pass_on(self) -> None:
        with self._list:
            self._stuck = False
            self._turn.release()

    def _linger(self) -> None:
        """Where there are several at a time, wait for some of them: each that comes along saves a transaction."""
        with self._list:
            crowded, self._most = self._most > 1, self._inside
        if crowded:
            time.sleep(LINGER)

    def _next(self, mine: _Job) -> list[_Job]:
        with self._list:
            chosen, events = [mine], len(mine.batch.events)
            for job in self._waiting:
                if job is not mine and events + len(job.batch.events) <= MOST_EVENTS:
                    chosen.append(job)
                    events += len(job.batch.events)
            self._waiting = [job for job in self._waiting if not any(job is taken for taken in chosen)]
        return chosen

    def _work(self, pick: Callable[[], list[_Job]]) -> None:
        jobs: list[_Job] = []
        try:
            with self._writer.transaction() as line:
                jobs = pick()  # once the database is ours: until then any of them may come along, or give up
                results = self._stored(line, jobs)
        except Exception as error:
            self._failed(error, jobs or pick())
        else:
            for job, result in results:  # only now is it committed
                job.result = result

    def _failed(self, error: Exception, jobs: list[_Job]) -> None:
        if len(jobs) == 1 or isinstance(error, OperationalError):
            # A database that is busy or away is so for all of them: one wait is enough, they come again.
            for job in jobs:
                job.result = error
            return
        for job in jobs:  # alone each gets its own answer, and a bad one leaves its neighbours alone
            self._work(partial(list, [job]))

    def _stored(self, line: Line, jobs: list[_Job]) -> list[tuple[_Job, Taken | Revoked]]:
        now = self.clock()
        living = keys.living(line, {job.access.kid for job in jobs})
        results: list[tuple[_Job, Taken | Revoked]] = [(job, Revoked()) for job in jobs if job.access.kid not in living]
        for project_id in sorted({job.access.project_id for job in jobs}):
            its = [job for job in jobs if job.access.project_id == project_id and job.access.kid in living]
            if its:
                timezone = ZoneInfo(its[0].access.timezone)
                intake = Intake(line, project_id, timezone, now, self.new_id, self._memory)
                results += zip(its, take_all(intake, [job.batch for job in its]), strict=True)
        return results
