"""The table of periodic work, and the tick."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import responses
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

import warm
from builders import Feed, a_member, rated
from heedback_service.core.ids import new_id
from heedback_service.flow.apart import overview_apart
from heedback_service.flow.proposals import FIRST
from heedback_service.jobs import BUDGET, JOBS, REST, InVainError, Job, Ticker, Tools, _overview
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Delivery, DigestRun, Item, Output, OutputText, Project, Proposal
from model_server import ModelServer
from support import NOW

SECOND = timedelta(seconds=1)


@dataclass
class Clock:
    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Counted:
    """A step that finds work so many times, each of which takes so long."""

    clock: Clock
    work: int = 0
    takes: timedelta = timedelta()
    calls: int = 0
    fails: bool = False
    done: list[str] = field(default_factory=list)

    def __call__(self, _: Tools) -> bool:
        self.calls += 1
        self.clock.now += self.takes
        if self.fails:
            raise RuntimeError("this step is broken")
        self.work -= 1
        return self.work >= 0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def settings(tmp_path: Path, db: Database) -> Settings:
    return Settings(
        data=tmp_path,
        database_url=db.address,
        secret_key="x" * 32,
        public_url=None,
        outbox=tmp_path / "outbox",
        mail_from="heedback@acme.example",
        smtp_url=None,
        settle_seconds=30,
    )


@pytest.fixture
def ticker(db: Database, settings: Settings, clock: Clock) -> Callable[..., Ticker]:
    def ticker(*steps: Counted) -> Ticker:
        jobs = tuple(Job(f"job {n}", step, timedelta(minutes=1)) for n, step in enumerate(steps))
        return Ticker(Tools(db, settings, clock, new_id), jobs or JOBS, rest=lambda _: None)

    return ticker


def test_a_due_job_runs_until_it_finds_no_work(ticker: Callable[..., Ticker], clock: Clock) -> None:
    step = Counted(clock, work=3)
    assert ticker(step).tick()
    assert step.calls == 4


def test_a_job_rests_until_it_is_due_again(ticker: Callable[..., Ticker], clock: Clock) -> None:
    step = Counted(clock)
    ticking = ticker(step)
    assert [ticking.tick(), ticking.tick()] == [False, False]
    clock.now += timedelta(seconds=59)
    ticking.tick()
    assert step.calls == 1
    clock.now += SECOND
    ticking.tick()
    assert step.calls == 2


def test_a_clock_that_is_put_back_holds_up_no_job(ticker: Callable[..., Ticker], clock: Clock) -> None:
    step = Counted(clock)
    ticking = ticker(step)
    ticking.tick()
    clock.now -= timedelta(hours=2)
    assert [ticking.tick(), step.calls] == [False, 2]
    assert [ticking.tick(), step.calls] == [False, 2]


def test_a_job_with_much_work_leaves_time_for_the_others_and_goes_on_in_the_next_tick(
    ticker: Callable[..., Ticker], clock: Clock
) -> None:
    endless, other = Counted(clock, work=10**6, takes=SECOND), Counted(clock)
    ticking = ticker(endless, other)
    assert ticking.tick()
    assert (timedelta(seconds=endless.calls), other.calls) == (BUDGET, 1)
    assert ticking.tick()
    assert (timedelta(seconds=endless.calls), other.calls) == (2 * BUDGET, 1)


def test_after_each_step_others_have_their_turn_for_as_long_as_it_took(
    ticker: Callable[..., Ticker], clock: Clock
) -> None:
    """SQLite gives its lock to whoever asks first; intake asks every few milliseconds."""
    rests: list[float] = []
    for takes in (timedelta(milliseconds=20), SECOND):
        ticking = ticker(Counted(clock, work=2, takes=takes))
        ticking.rest = rests.append
        ticking.tick()
    assert rests == [0.02, 0.02, REST, REST]


def test_a_broken_job_is_logged_and_stops_no_other(
    ticker: Callable[..., Ticker], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    broken, other = Counted(clock, fails=True), Counted(clock, work=1)
    ticking = ticker(broken, other)
    with caplog.at_level(logging.ERROR):
        assert ticking.tick()
    assert other.calls == 2
    assert "job 0" in caplog.text
    assert "this step is broken" in caplog.text
    ticking.tick()
    assert broken.calls == 1  # it waits for its turn


def test_a_tick_that_is_told_to_stop_ends_with_the_step_in_progress(
    ticker: Callable[..., Ticker], clock: Clock
) -> None:
    endless, other = Counted(clock, work=10**6), Counted(clock, work=1)
    ticking = ticker(endless, other)

    class Slow(Counted):
        def __call__(self, tools: Tools) -> bool:
            ticking.stop()
            return super().__call__(tools)

    slow = Slow(clock, work=10**6)
    ticking.jobs = (Job("go on for long", slow, SECOND), *ticking.jobs)
    ticking.tick()
    ticking.drain()
    assert (slow.calls, endless.calls, other.calls) == (1, 0, 0)


def test_a_locked_database_is_one_line_and_no_traceback(
    ticker: Callable[..., Ticker], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(_: Tools) -> bool:
        busy = sqlite3.OperationalError("database is locked")
        busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise OperationalError("BEGIN IMMEDIATE", None, busy)

    ticking = ticker(Counted(clock))
    ticking.jobs = (Job("write", locked, SECOND),)
    assert not ticking.tick()
    (record,) = caplog.records
    assert (record.levelname, record.exc_info) == ("WARNING", None)
    assert record.getMessage() == "could not write: database is locked; trying again in 0:00:01"


def test_draining_runs_everything_due_or_not_until_nothing_is_left(ticker: Callable[..., Ticker], clock: Clock) -> None:
    steps = Counted(clock, work=2), Counted(clock, fails=True), Counted(clock, work=1)
    ticking = ticker(*steps)
    ticking.tick()
    for step in steps:
        step.work = 1
    assert ticking.drain() == ["job 1"]  # the broken one
    assert all(step.work < 0 for step in (steps[0], steps[2]))


def test_work_in_vain_keeps_nothing_else_waiting_and_is_not_forgotten(
    ticker: Callable[..., Ticker], clock: Clock
) -> None:
    counted, told = Counted(clock, work=3), []

    def step(tools: Tools) -> bool:
        found = counted(tools)
        if counted.work == 1:
            raise InVainError
        return found

    ticking = ticker(counted)
    ticking.jobs = (Job("send", step, SECOND),)
    ticking.watch = lambda job, failed: told.append((job, failed))
    assert ticking.drain() == ["send"]
    assert counted.calls == 5  # three pieces of work, the second in vain; and nothing, twice
    assert told == [("send", True), ("send", False)]
    assert ticking.drain() == []


def test_the_jobs_lead_from_a_rating_to_a_mail(
    ticker: Callable[..., Ticker], clock: Clock, db: Database, project: Project, settings: Settings, feed: Feed
) -> None:
    with db.write() as session:
        a_member(session, project, "alice")
    feed(*rated(1, 11, "ann", comment="The total leaves out the VAT"))
    clock.now = NOW + timedelta(seconds=31)  # it has settled
    assert ticker().tick()
    with db.read() as session:
        (item,) = session.scalars(select(Item))
        (run,) = session.scalars(select(DigestRun))
        (delivery,) = session.scalars(select(Delivery))
    assert (run.period, run.state, delivery.state) == ("2026-W46", "written", "sent")
    assert run.content is not None
    assert [line["item"] for line in run.content["first"]] == [str(item.id)]
    (mail,) = settings.outbox.iterdir()
    assert b"The total leaves out the VAT" in mail.read_bytes()


def test_the_jobs_purge_what_is_past_its_time(
    ticker: Callable[..., Ticker], clock: Clock, db: Database, project: Project, feed: Feed
) -> None:
    feed({**rated(1, 11, None)[0], "output": "Nobody says anything about this."})
    clock.now = NOW + timedelta(days=14) - SECOND
    ticker().tick()
    with db.read() as session:
        assert len(session.scalars(select(OutputText)).all()) == 1
    clock.now += SECOND
    ticker().tick()
    with db.read() as session:
        assert session.scalars(select(OutputText)).all() == []
        assert len(session.scalars(select(Output)).all()) == 1


def test_a_language_model_is_asked_only_where_one_is_set(
    ticker: Callable[..., Ticker], clock: Clock, db: Database, project: Project, settings: Settings, feed: Feed
) -> None:
    feed(*rated(1, 11, "ann", comment="The total leaves out the VAT"))
    with ModelServer(says=lambda _: {"title": "No VAT"}) as server:
        told = replace(settings, llm_url=server.url, llm_model="small", llm_key="k")
        for its, asked in ((settings, 0), (replace(told, llm_budget=0), 0), (told, 1), (told, 1)):
            ticking = ticker()
            ticking.tools = replace(ticking.tools, settings=its)
            clock.now += FIRST
            ticking.tick()
            assert len(server.asked) == asked
    assert server.keys == ["Bearer k"]
    with db.read() as session:
        (proposal,) = session.scalars(select(Proposal))
    assert (proposal.value, proposal.model) == ("No VAT", "small")


def test_a_job_may_have_a_smaller_budget(ticker: Callable[..., Ticker], clock: Clock) -> None:
    endless = Counted(clock, work=10**6, takes=SECOND)
    ticking = ticker(endless)
    ticking.jobs = (replace(ticking.jobs[0], budget=2 * SECOND),)
    ticking.tick()
    assert endless.calls == 2


WORKER = """
import sys
from datetime import datetime
from pathlib import Path
from heedback_service.core.ids import new_id
from heedback_service.jobs import Ticker, Tools
from heedback_service.settings import Settings
from heedback_service.store.db import Database

url, folder, now, holder = sys.argv[1:]
now = datetime.fromisoformat(now)
settings = Settings(
    data=Path(folder), database_url=url, secret_key="x" * 32, public_url=None, outbox=Path(folder) / holder,
    mail_from="heedback@acme.example", smtp_url=None, settle_seconds=30,
)
ticker = Ticker(Tools(Database(url), settings, lambda: now, new_id))
sys.stdin.readline()
ticker.drain()
"""


def test_two_processes_share_the_work_and_do_nothing_twice(
    db: Database, project: Project, tmp_path: Path, feed: Feed
) -> None:
    with db.write() as session:
        for name in ("alice", "bob", "cleo", "dan"):
            a_member(session, project, name)
    for n in range(1, 8):
        feed(*rated(n, 11, f"p{n}", comment=f"Number {n} is wrong about the tax", feature=f"feature-{n}"))
    now = (NOW + timedelta(seconds=31)).isoformat()
    workers = [
        warm.Process(WORKER, [db.address, str(tmp_path), now, holder], os.environ, stdin=True)
        for holder in ("one", "two")
    ]
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.close()
    assert [worker.wait(timeout=60) for worker in workers] == [0, 0]
    with db.read() as session:
        assert len(list(session.scalars(select(Item)))) == 7
        (run,) = session.scalars(select(DigestRun))
        assert {(row.state, row.attempts) for row in session.scalars(select(Delivery))} == {("sent", 1)}
    assert (run.state, run.token) == ("written", 1)
    mails = [file.name for holder in ("one", "two") for file in (tmp_path / holder).glob("*.eml")]
    assert len(mails) == len(set(mails)) == 4


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # no database takes part
def test_themes_are_told_what_texts_mean_where_an_endpoint_is_set(settings: Settings) -> None:
    """And go by words alone where it fails, or where there is none."""
    assert _overview(settings) is overview_apart
    url = "https://embeddings.example/v1"
    told = replace(settings, embeddings_url=url)
    said = ["cheap", "inexpensive", "slow", "lagging"]
    data = [{"index": at, "embedding": row} for at, row in enumerate([[1, 0], [0.9, 0], [0, 1], [0, 0.9]])]
    with responses.RequestsMock() as mock:
        mock.add(responses.POST, f"{url}/embeddings", json={"data": data})
        first, second, third, fourth = _overview(told)(said).themes
        assert first == second != third == fourth
        mock.replace(responses.POST, f"{url}/embeddings", status=500)
        assert len(set(_overview(told)([*said, "new"]).themes)) == 5
        assert len(set(_overview(told)(said).themes)) == 2  # remembered
