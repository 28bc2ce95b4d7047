"""Many requests, one transaction: whoever leads stores what all who wait have brought.

One writer at a time is what SQLite has anyway. So a thread leaves its batch, and leads if nobody does: it stores what
everybody has brought, wakes them with their answers, and leaves the lead to the first who came meanwhile. Under load a
commit serves many; alone, nothing waits for anything. This is group commit (DeWitt et al., 1984) without a thread of
its own: nothing is lost at a fork. Each waits for its own bell: threads that queue up for one lock, to find that their
work is done, stand in the way of whoever has work to do.
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
PATIENCE: Final = (
    2.0  # seconds: who waits longer to be stored is told to come again, so that no thread is held for long
)
MOST_EVENTS: Final = 1000  # in one transaction, once there is more than one batch in it


@dataclass(frozen=True, slots=True)
class Revoked:
    """The key was good when the request came in, and is not any more; nothing was stored."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Whoever leads has waited for the database so long that nobody else should; nothing was stored."""


class _Job:
    """One request's batch, while its thread waits for the bell: there is an answer, or it is to lead."""

    __slots__ = ("access", "batch", "bell", "leads", "result")

    def __init__(self, access: Access, batch: Batch) -> None:
        self.access: Final = access
        self.batch: Final = batch
        self.bell: Final = threading.Lock()
        self.bell.acquire()
        self.leads = False
        self.result: Taken | Revoked | Busy | Exception = Busy()

    def answer(self, result: Taken | Revoked | Busy | Exception) -> None:
        self.result = result
        self.bell.release()


@dataclass(slots=True)
class Combiner:
    """The way into the store for batches of events. One a process; any number of threads."""

    db: Database
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    patience: float = PATIENCE
    _writer: Writer = field(init=False)
    memory: Memory = field(default_factory=Memory)
    _inside: int = 0  # requests now, and at most since somebody led last
    _most: int = 0
    _led: bool = False  # somebody leads, or has been told to
    _stuck: bool = False
    _waiting: list[_Job] = field(default_factory=list)
    _list: threading.Lock = field(default_factory=threading.Lock)

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
            job.leads, self._led = not self._led, True
        if job.leads or self._told_to_lead(job):
            try:
                self._linger()
                self._work(lambda: self._next(job))
            finally:
                self._pass_on(job)
        if isinstance(job.result, Exception):
            raise job.result
        return job.result

    def _told_to_lead(self, job: _Job) -> bool:
        """Wait for the bell. False when there is nothing to do any more: the job is answered, or given up."""
        if not job.bell.acquire(timeout=self.patience):
            if self._withdrawn(job):
                return False
            job.bell.acquire()  # it is in the transaction that is under way: that one's end is its end
        return job.leads

    def _withdrawn(self, job: _Job) -> bool:
        """Give up waiting, and spare others the attempt. False when the job is being stored, or is to lead."""
        with self._list:
            if job.leads or job not in self._waiting:
                return False
            self._waiting.remove(job)
            self._stuck = True
            return True

    def _pass_on(self, mine: _Job) -> None:
        """Leave the lead to whoever has waited longest, if there is anybody."""
        with self._list:
            if mine in self._waiting:  # this thread was told to stop before it had begun
                self._waiting.remove(mine)
            self._stuck = False
            self._led = bool(self._waiting)
            if self._led:
                self._waiting[0].leads = True
                self._waiting[0].bell.release()

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
            self._waiting = [job for job in self._waiting if job not in chosen]
        return chosen

    def _work(self, pick: Callable[[], list[_Job]]) -> None:
        jobs: list[_Job] = []
        try:
            with self._writer.transaction() as line:
                jobs = pick()  # once the database is ours: until then any of them may come along, or give up
                results = self._stored(line, jobs)
        except Exception as error:
            self._failed(error, jobs or pick())
        except BaseException:  # the process is told to stop: nobody waits for an answer that does not come
            for job in jobs:
                job.answer(Busy())
            raise
        else:
            for job, result in results:  # only now is it committed
                job.answer(result)

    def _failed(self, error: Exception, jobs: list[_Job]) -> None:
        if len(jobs) == 1 or isinstance(error, OperationalError):
            # A database that is busy or away is so for all of them: one wait is enough, they come again.
            for job in jobs:
                job.answer(error)
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
                intake = Intake(line, project_id, timezone, now, self.new_id, self.memory)
                results += zip(its, take_all(intake, [job.batch for job in its]), strict=True)
        return results
