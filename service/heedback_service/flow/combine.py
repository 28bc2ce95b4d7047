"""Many requests, one transaction: whoever gets the turn to write stores what all who wait have brought.

One writer at a time is what SQLite has anyway. So a thread leaves its batch, waits for its turn, and finds that the one
before has done its work, or does everybody's. Under load a commit serves many; alone, nothing waits for anything. This
is flat combining (Hendler, Incze, Shavit and Tzafrir, 2010). It needs no thread of its own: nothing is lost at a fork.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
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

MOST_EVENTS: Final = 1000  # in one transaction, once there is more than one batch in it


@dataclass(frozen=True, slots=True)
class Revoked:
    """The key was good when the request came in, and is not any more; nothing was stored."""


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
    _writer: Writer = field(init=False)
    _memory: Memory = field(default_factory=Memory)
    _waiting: list[_Job] = field(default_factory=list)
    _list: threading.Lock = field(default_factory=threading.Lock)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._writer = self.db.writer()

    def take(self, access: Access, batch: Batch) -> Taken | Revoked:
        """Store the batch; returns after the commit.

        Raises:
            sqlalchemy.exc.OperationalError: the database is busy or away; nothing of this batch was stored.
        """
        job = _Job(access, batch)
        with self._list:
            self._waiting.append(job)
        with self._turn:
            if job.result is None:
                self._work(self._next(job))
        if isinstance(job.result, Exception):
            raise job.result
        assert job.result is not None  # noqa: S101 - `_work` leaves no job without a result
        return job.result

    def _next(self, mine: _Job) -> list[_Job]:
        with self._list:
            chosen, events = [mine], len(mine.batch.events)
            for job in self._waiting:
                if job is not mine and events + len(job.batch.events) <= MOST_EVENTS:
                    chosen.append(job)
                    events += len(job.batch.events)
            self._waiting = [job for job in self._waiting if not any(job is taken for taken in chosen)]
        return chosen

    def _work(self, jobs: list[_Job]) -> None:
        try:
            self._store(jobs)
        except Exception as error:
            if len(jobs) == 1 or isinstance(error, OperationalError):
                # A database that is busy or away is so for all of them: one wait is enough, they come again.
                for job in jobs:
                    job.result = error
                return
            for job in jobs:  # alone each gets its own answer, and a bad one leaves its neighbours alone
                self._work([job])

    def _store(self, jobs: list[_Job]) -> None:
        now = self.clock()
        results: list[tuple[_Job, Taken | Revoked]] = []
        with self._writer.transaction() as line:
            living = keys.living(line, {job.access.kid for job in jobs})
            results += [(job, Revoked()) for job in jobs if job.access.kid not in living]
            for project_id in sorted({job.access.project_id for job in jobs}):
                its = [job for job in jobs if job.access.project_id == project_id and job.access.kid in living]
                if its:
                    timezone = ZoneInfo(its[0].access.timezone)
                    intake = Intake(line, project_id, timezone, now, self.new_id, self._memory)
                    results += zip(its, take_all(intake, [job.batch for job in its]), strict=True)
        for job, result in results:  # only now is it committed
            job.result = result
