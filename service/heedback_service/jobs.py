"""The table of periodic work, and the tick that runs what is due. Who calls the tick, and how often, `app.py` knows.

Every process has a tick of its own. That is safe because each step claims its work in the store, so that no two
processes do the same; it is enough because a step's work is found there, whoever left it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache, partial
from typing import TYPE_CHECKING, Final
from uuid import UUID

from sqlalchemy.exc import OperationalError

from heedback_service.flow import aging, deliver, digest
from heedback_service.flow.apart import overview_apart
from heedback_service.flow.proposals import Model, propose_step
from heedback_service.flow.purge import purge_next
from heedback_service.flow.themes import Overview, theme_step
from heedback_service.flow.triage import triage_step
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.told import told

if TYPE_CHECKING:
    from heedback_service.channels.embeddings import Embeddings
    from heedback_service.channels.llm import LanguageModel

BUDGET: Final = timedelta(seconds=20)  # of one job in one tick; what is left over is due again in the next

_MODEL: Final = "text-embedding-3-small"  # of an endpoint, unless told

REST: Final = 0.05  # seconds, at most, between two steps

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Tools:
    """What a step may use."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]


class InVainError(Exception):
    """A step's one piece of work could not be done, and the log says why. There may be others: the job goes on."""


Step = Callable[[Tools], bool]


@dataclass(frozen=True, slots=True)
class Job:
    """A step that does one piece of work and says whether it found any, and how often to look.

    It raises `InVainError` where it found one that could not be done now.
    """

    description: str
    step: Step
    every: timedelta
    budget: timedelta = BUDGET


def triage_feedback(tools: Tools) -> bool:
    settle = timedelta(seconds=tools.settings.settle_seconds)
    return triage_step(tools.db, tools.clock(), new_id=tools.new_id, settle=settle)


def gather_themes(tools: Tools) -> bool:
    return theme_step(tools.db, tools.clock(), new_id=tools.new_id, overview=_overview(tools.settings))


def _overview(settings: Settings) -> Overview:
    if settings.embeddings_url is None:
        model = settings.embeddings_model
        return partial(overview_apart, model=model) if model else overview_apart
    model = settings.embeddings_model or _MODEL
    meanings = _embeddings(settings.embeddings_url, model, settings.embeddings_key)
    return lambda texts, *, apart=(): overview_apart(texts, meanings.rows(texts), apart=apart)


@cache  # it remembers what it was told
def _embeddings(url: str, model: str, key: str | None) -> Embeddings:
    from heedback_service.channels.embeddings import Embeddings  # and what it takes to ask, for those who want it

    return Embeddings(url, model, key)


def propose(tools: Tools) -> bool:
    settings = tools.settings
    if settings.llm_url is None or settings.llm_model is None:
        return False
    endpoint = _language_model(settings.llm_url, settings.llm_model, settings.llm_key)
    model = Model(settings.llm_model, endpoint.answer)
    return propose_step(tools.db, tools.clock(), model, budget=settings.llm_budget, new_id=tools.new_id)


@cache  # it remembers whether it failed
def _language_model(url: str, model: str, key: str | None) -> LanguageModel:
    from heedback_service.channels.llm import LanguageModel

    return LanguageModel(url, model, key)


def wake_items(tools: Tools) -> bool:
    with tools.db.write() as session:
        return aging.wake_due(session, tools.clock(), new_id=tools.new_id)


def reprioritise_items(tools: Tools) -> bool:
    with tools.db.write() as session:
        return aging.reprioritise(session, tools.clock())


def plan_digests(tools: Tools) -> bool:
    with tools.db.write() as session:
        return digest.plan_due(session, tools.clock())


def write_digest(tools: Tools) -> bool:
    return digest.write_next(tools.db, tools.clock())


def deliver_digest(tools: Tools) -> bool:
    outcome = deliver.deliver_next(tools.db, tools.settings, tools.clock())
    if outcome is not None and deliver.trouble_in(outcome):
        raise InVainError
    return outcome is not None


def purge_old(tools: Tools) -> bool:
    with tools.db.write() as session:
        return purge_next(session, tools.clock())


# In the order of the way: what came in is triaged before the week's digest counts it.
JOBS: Final = (
    Job("triage feedback", triage_feedback, timedelta(seconds=5)),
    Job("wake items whose snooze is over", wake_items, timedelta(minutes=1)),
    Job("prioritise items anew", reprioritise_items, timedelta(minutes=5)),
    Job("gather items into themes", gather_themes, timedelta(minutes=1)),
    # Triage waits while a model thinks, so it is asked little at a time.
    Job("propose what a model reads in items", propose, timedelta(minutes=1), budget=timedelta(seconds=5)),
    Job("plan the digests that are due", plan_digests, timedelta(minutes=1)),
    Job("write planned digests", write_digest, timedelta(seconds=15)),
    Job("deliver digests", deliver_digest, timedelta(seconds=15)),
    Job("purge what is past its time", purge_old, timedelta(hours=1)),
)


@dataclass(slots=True)
class Ticker:
    """Runs the jobs that are due, in their order. Keeps nothing but when each was last run; not for several threads.

    `watch` is told after each run: the job's description, and whether it failed.
    """

    tools: Tools
    jobs: tuple[Job, ...] = JOBS
    watch: Callable[[str, bool], None] = lambda description, failed: None
    rest: Callable[[float], None] = time.sleep
    stopping: threading.Event = field(default_factory=threading.Event)
    _due: dict[str, datetime] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)
    _in_vain: set[str] = field(default_factory=set)

    def stop(self) -> None:
        """End after the step in progress, and do no other. May be called from any thread or signal handler."""
        self.stopping.set()

    def tick(self) -> bool:
        """Run each due job until it finds no work or its time is over; True if any found work.

        A job that fails is logged and waits for its next turn; the others go on.
        """
        return self._run_all([job for job in self.jobs if self._is_due(job)])

    def drain(self) -> list[str]:
        """Run all jobs in their order, due or not, until there is nothing to do now.

        Returns those that failed at last, or did a piece of their work in vain.
        """
        self._in_vain.clear()
        while self._run_all(self.jobs):
            pass
        return sorted(self._failed | self._in_vain)

    def _run_all(self, jobs: Iterable[Job]) -> bool:
        found = [self._run(job) for job in jobs]  # a list: none is left out because one before it found work
        return any(found)

    def _is_due(self, job: Job) -> bool:
        due, now = self._due.get(job.description), self.tools.clock()
        return due is None or due <= now or due - now > job.every  # or the clock was put back

    def _run(self, job: Job) -> bool:
        started = self.tools.clock()
        self._due[job.description] = started + job.every
        found = False
        self._failed.discard(job.description)
        try:
            while not self.stopping.is_set() and self._step(job):
                found = True
                if self.tools.clock() - started >= job.budget:
                    self._due[job.description] = started
                    break
        except OperationalError as error:  # the database is busy or away: that passes, and needs no traceback
            self._failed.add(job.description)
            _log.warning("could not %s: %s; trying again in %s", job.description, told(error), job.every)
        except Exception:
            self._failed.add(job.description)
            _log.exception("could not %s; trying again in %s", job.description, job.every)
        self.watch(job.description, job.description in self._failed)
        return found

    def _step(self, job: Job) -> bool:
        """One step, and a rest as long as it took: SQLite keeps no queue, so who asks at once has the lock again."""
        began = self.tools.clock()
        try:
            found = job.step(self.tools)
        except InVainError:
            self._failed.add(job.description)
            self._in_vain.add(job.description)
            found = True
        if found:
            self.rest(min(REST, max(0.0, (self.tools.clock() - began).total_seconds())))
        return found
