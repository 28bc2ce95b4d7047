"""Delivery, step by step: what each answer of the service does to the batch and to the time until the next."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedback.delivery import IDLE_SECONDS, Sender
from heedback.lease import Spool
from heedback.limits import BATCH_EVENTS
from heedback.memory import MemorySpool
from heedback.spool import FileSpool
from heedback.tally import Tally
from heedback.testing import MemoryTransport
from heedback.transport import Batch, Delivered, Outcome, Rejected, RetryAfter, Transport
from processes import until


def sender(
    spool: Spool, transport: Transport, tally: Tally | None = None, clock: Callable[[], int] = lambda: int(NOW * 1e9)
) -> Sender:
    return Sender(spool, transport, tally or Tally(), clock=clock, jitter=lambda top: top)


NOW = 1_700_000_000.0


@pytest.fixture
def filled() -> MemorySpool:
    spool = MemorySpool()
    for number in range(8):
        spool.put(f'{{"n":{number}}}', dear=True, redactor=1, at=NOW)
    return spool


def test_delivered_rows_are_forgotten(filled: MemorySpool) -> None:
    """After the service has committed there is nothing left to keep, and the next look comes at once."""
    transport = MemoryTransport()
    steps = sender(filled, transport)
    assert steps.step() == 0
    assert [event["n"] for event in transport.events] == list(range(8))
    assert transport.batches[0].sent_at == "2023-11-14T22:13:20.000Z"
    assert transport.batches[0].redactor == 1
    assert filled.facts()["pending"] == 0
    assert steps.step() == IDLE_SECONDS


def test_back_off_doubles_up_to_a_minute_and_starts_anew(filled: MemorySpool) -> None:
    """Full jitter under a growing top: here the jitter takes all of it."""
    steps = sender(filled, MemoryTransport(*[RetryAfter()] * 8, Delivered(8), RetryAfter()))
    assert [steps.step() for _ in range(8)] == [2, 4, 8, 16, 32, 60, 60, 60]
    assert steps.step() == 0
    filled.put("{}", dear=True, redactor=1, at=NOW)
    assert steps.step() == 2


def test_the_service_says_when(filled: MemorySpool) -> None:
    """Retry-After is kept to, and nothing is lost meanwhile."""
    steps = sender(filled, MemoryTransport(RetryAfter(17.0, "answered 503")))
    assert steps.step() == 17.0
    assert filled.facts()["pending"] == 8
    assert steps.step() == 0


@pytest.mark.parametrize(
    "answer",
    [None, {"ok": True}, Delivered(1, 0, None), Delivered(8, rejected={"3": "no"}), RetryAfter("soon"), Rejected(None)],  # type: ignore[arg-type]
    ids=str,
)
def test_an_answer_that_is_none_is_said_once_and_the_batch_sent_again(
    answer: Any, filled: MemorySpool, caplog: pytest.LogCaptureFixture
) -> None:
    """A transport that the host wrote may answer anything: its rows come free, and the thread lives on."""
    transport = MemoryTransport(answer, answer)
    steps = sender(filled, transport)
    assert [steps.step(), steps.step(), steps.step()] == [2, 4, 0]
    assert [len(batch.bodies) for batch in transport.batches] == [8, 8, 8]
    assert filled.facts()["pending"] == 0
    assert [record.getMessage()[:50] for record in caplog.records] == [
        "heedback: events wait, the transport has to return"
    ]


def test_rows_come_free_where_settling_fails(filled: MemorySpool, monkeypatch: pytest.MonkeyPatch) -> None:
    """At worst the service counts them as duplicates."""
    steps = sender(filled, MemoryTransport())
    with monkeypatch.context() as patch:
        patch.setattr(filled, "settle", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            steps.step()
    assert steps.step() == 0
    assert filled.facts()["pending"] == 0


@pytest.mark.parametrize(("seconds", "rest"), [(float("nan"), 0.1), (float("inf"), 86_400.0), (-1, 0.1)])
def test_no_rest_is_endless_and_none_is_none(seconds: float, rest: float, filled: MemorySpool) -> None:
    """No number of a host's transport ends the thread, or has it ask without a pause."""
    assert sender(filled, MemoryTransport(RetryAfter(seconds))).step() == rest


def test_rejected_events_are_put_away_and_counted(filled: MemorySpool) -> None:
    """The neighbours of a bad event are delivered."""
    tally = Tally()
    steps = sender(filled, MemoryTransport(Delivered(7, rejected={3: '{"comment": ["no"]}'})), tally)
    steps.step()
    assert filled.facts()["dead"] == 1
    assert filled.facts()["pending"] == 0
    assert (tally.facts()["delivered"], tally.facts()["rejected"]) == (7, 1)


def test_a_refused_batch_is_halved_until_the_bad_event_stands_alone() -> None:
    """One event that spoils every batch it is in ends with the dead; all others arrive, each once."""
    spool = MemorySpool()
    for number in range(100):
        spool.put(f'{{"n":{number}}}', dear=True, redactor=1, at=NOW)
    transport = Picky(bad=61)
    steps = sender(spool, transport)
    while steps.step() == 0:
        pass
    assert transport.stored == [number for number in range(100) if number != 61]
    assert spool.facts()["dead"] == 1
    assert transport.requests < 30


@pytest.mark.parametrize("limit", [1, 40])
def test_a_proxy_with_a_smaller_limit_gets_smaller_batches(limit: int) -> None:
    """All events arrive, each once, none is dead; and not every second request is refused for ever."""
    spool = MemorySpool()
    for number in range(1000):
        spool.put(f'{{"n":{number}}}', dear=True, redactor=1, at=NOW)
    transport = Narrow(lambda numbers: len(numbers) > limit)
    steps = sender(spool, transport)
    while steps.step() == 0:
        pass
    assert transport.stored == list(range(1000))
    assert spool.facts()["pending"] == spool.facts()["dead"] == 0
    if limit > 1:
        assert transport.requests < 60  # 25 at least


def test_an_event_too_large_for_a_proxy_waits_alone(many: Spool) -> None:
    """It is never dead of a stranger's word; its neighbours arrive, and so does it once the limit is raised."""
    transport = Narrow(lambda numbers: 61 in numbers)
    passed = Seconds()
    tally = Tally()
    steps = sender(many, transport, tally, clock=passed)
    while (rest := steps.step()) != IDLE_SECONDS:
        passed.go(rest)
        if rest:
            assert rest == 2
    assert sorted(transport.stored) == [number for number in range(MANY) if number != 61]
    facts = many.facts()
    assert (facts["pending"], facts["aside"], facts["dead"], tally.facts()["rejected"]) == (1, 1, 0, 0)
    assert tally.facts()["problem"] == "something on the way takes no event of this size: 413 no"
    transport.refuses = lambda numbers: False
    passed.go(600)
    assert steps.step() == 0
    assert transport.stored[-1] == 61


def test_a_proxy_that_takes_nothing_is_not_hammered(many: Spool) -> None:
    """413 to whatever it is: tries grow as rare as for a service that is down, and everything is kept."""
    steps = sender(many, Narrow(lambda numbers: True))
    rests = [steps.step() for _ in range(16)]
    assert [rest for rest in rests if rest] == [2, 4, 8, 16, 32, 60, 60, 60, 60]
    assert many.facts()["pending"] == MANY
    assert many.facts()["dead"] == 0


@pytest.mark.parametrize("place", [-1, 8, 10**9])
def test_a_place_that_is_none_rejects_nothing(filled: MemorySpool, place: int) -> None:
    """Whoever wrote the transport: an event that was not meant is not put with the dead."""
    tally = Tally()
    sender(filled, MemoryTransport(Delivered(8, rejected={place: "no"})), tally).step()
    assert (filled.facts()["dead"], tally.facts()["delivered"], tally.facts()["rejected"]) == (0, 8, 0)


def test_what_was_dropped_is_told_once(filled: MemorySpool) -> None:
    """In the first envelope that arrives."""
    filled.drop("invalid", 3)
    transport = MemoryTransport(RetryAfter(), Delivered(8))
    steps = sender(filled, transport)
    steps.step()
    steps.step()
    filled.put("{}", dear=True, redactor=1, at=NOW)
    steps.step()
    assert [dict(batch.dropped) for batch in transport.batches] == [{"invalid": 3}, {"invalid": 3}, {}]


def test_each_trouble_is_said_once_until_it_is_over(filled: MemorySpool, caplog: pytest.LogCaptureFixture) -> None:
    """A service that is down for a night writes one line; a second night writes another."""
    tally = Tally()
    down = RetryAfter(why="unreachable (ConnectionError)")
    steps = sender(filled, MemoryTransport(down, down, Delivered(8), down), tally)
    with caplog.at_level(logging.WARNING):
        steps.step()
        steps.step()
        assert tally.facts()["problem"] == "events wait, unreachable (ConnectionError)"
        steps.step()
        assert tally.facts()["problem"] is None
        filled.put("{}", dear=True, redactor=1, at=NOW)
        steps.step()
    assert [record.message for record in caplog.records] == ["heedback: events wait, unreachable (ConnectionError)"] * 2


def test_a_transport_that_raises_costs_nothing_but_time(filled: MemorySpool) -> None:
    """A bug on the way gives the rows back; the thread lives on and tries again."""
    transport = Faulty()
    tally = Tally()
    steps = Sender(filled, transport, tally, clock=lambda: 0, jitter=lambda top: 0.0, linger=0.0)
    steps.start()
    assert steps.flush(5.0)
    assert steps.stop(5.0)
    assert transport.calls >= 2
    assert filled.facts()["pending"] == 0


def test_stop_ends_the_thread_though_the_service_is_down(filled: MemorySpool) -> None:
    """One last try, then the end: what is left waits."""
    steps = sender(filled, MemoryTransport(*[RetryAfter()] * 50))
    steps.start()
    assert steps.stop(5.0)
    assert not any(thread.name == "heedback-sender" for thread in threading.enumerate())
    assert filled.facts()["pending"] == 8


MANY = 3 * BATCH_EVENTS


@pytest.fixture(params=["file", "memory"])
def many(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Spool]:
    """Three batches, in either spool."""
    spool: Spool = MemorySpool() if request.param == "memory" else FileSpool(str(tmp_path / "spool.db"))
    for number in range(MANY):
        spool.put(f'{{"n":{number}}}', dear=True, redactor=1, at=NOW)
    yield spool
    spool.close()


def test_an_event_that_breaks_the_service_blocks_nobody(many: Spool) -> None:
    """Its batch makes way after three tries; then halves of it come back, later each time, until it stands alone."""
    transport = Breaking(lambda numbers: 61 in numbers)
    passed = Seconds()
    steps = sender(many, transport, clock=passed)
    assert [steps.step() for _ in range(6)] == [2, 4, 8, 0, 0, IDLE_SECONDS]
    assert transport.stored == list(range(BATCH_EVENTS, MANY))

    for wait in (30, 60, 120, 240, 480, 600, 600, 600):
        assert steps.step() == IDLE_SECONDS
        passed.go(wait)
        while steps.step() != IDLE_SECONDS:
            pass
    assert sorted(transport.stored) == [number for number in range(MANY) if number != 61]
    facts = many.facts()
    assert (facts["pending"], facts["aside"], facts["dead"]) == (1, 1, 0)

    transport.breaks = lambda numbers: False
    passed.go(599)
    assert steps.step() == IDLE_SECONDS
    passed.go(1)
    assert steps.step() == 0
    assert transport.stored[-1] == 61
    assert (many.facts()["pending"], many.facts()["aside"]) == (0, 0)


def test_a_service_that_breaks_on_everything_gets_everything_later(many: Spool) -> None:
    """An outage looks the same at first: nothing is lost, tries are rare, and each event arrives once in the end."""
    transport = Breaking(lambda numbers: True)
    passed = Seconds()
    steps = sender(many, transport, clock=passed)
    for _ in range(60):
        passed.go(steps.step())
    assert passed.seconds > 15 * 60
    assert many.facts()["pending"] == MANY
    transport.breaks = lambda numbers: False
    while many.facts()["pending"]:
        passed.go(steps.step())
    assert sorted(transport.stored) == list(range(MANY))


def test_an_open_circuit_lets_nothing_through(filled: MemorySpool) -> None:
    """After five failures in a row there is no request before the rest is over: not for a flush, nor for the end."""
    transport = MemoryTransport(*[RetryAfter()] * 50)
    jitter = {2: 0.0, 4: 0.0, 8: 0.0, 16: 0.0, 32: 60.0}
    steps = Sender(filled, transport, Tally(), clock=time.time_ns, jitter=jitter.__getitem__, linger=0.0)
    steps.start()
    until(lambda: len(transport.batches) == 5, 30)
    filled.put("{}", dear=True, redactor=1, at=NOW)
    steps.wake()
    assert not steps.flush(0.5)
    assert steps.stop(10.0)
    assert len(transport.batches) == 5
    assert filled.facts()["pending"] == 9


def test_a_flush_does_not_wait_for_what_cannot_come(filled: MemorySpool) -> None:
    """The key is refused, and nothing is asked for five minutes: a flush of less says so at once."""
    transport = MemoryTransport(RetryAfter(300.0, "the key is refused"))
    steps = Sender(filled, transport, Tally(), clock=time.time_ns, jitter=lambda top: top, linger=0.0)
    steps.start()
    began = time.monotonic()
    assert not steps.flush(60.0)
    assert not steps.flush(60.0)
    assert time.monotonic() - began < 30.0
    assert len(transport.batches) == 1
    assert steps.stop(10.0)


def test_a_flush_asks_a_service_in_trouble_once(filled: MemorySpool) -> None:
    """While the circuit is closed, a flush need not wait for the rest to end; more than one try it does not get."""
    transport = Breaking(lambda numbers: True)
    steps = Sender(filled, transport, Tally(), clock=time.time_ns, jitter=lambda top: 60.0, linger=0.0)
    steps.start()
    until(lambda: transport.requests == 1, 30)
    assert not steps.flush(1.0)
    assert transport.requests == 2
    assert steps.stop(10.0)


class Seconds:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def go(self, seconds: float) -> None:
        self.seconds += seconds

    def __call__(self) -> int:
        return int((NOW + self.seconds) * 1e9)


class Breaking:
    """Answers 500 to the batches it cannot bear."""

    def __init__(self, breaks: Callable[[list[int]], bool]) -> None:
        self.breaks = breaks
        self.stored: list[int] = []
        self.requests = 0

    def send(self, batch: Batch) -> Outcome:
        self.requests += 1
        numbers = [event.get("n", -1) for event in batch.events]
        if self.breaks(numbers):
            return RetryAfter(why="answered 500", failed=True)
        self.stored += numbers
        return Delivered(len(numbers))


class Picky:
    """Refuses every batch with the bad number in it, as a service does that cannot even read the batch."""

    def __init__(self, bad: int) -> None:
        self.bad = bad
        self.stored: list[int] = []
        self.requests = 0

    def send(self, batch: Batch) -> Outcome:
        self.requests += 1
        numbers = [event["n"] for event in batch.events]
        if self.bad in numbers:
            return Rejected("400 not JSON")
        self.stored += numbers
        return Delivered(len(numbers))


class Narrow:
    """Something on the way that refuses requests for their size."""

    def __init__(self, refuses: Callable[[list[int]], bool]) -> None:
        self.refuses = refuses
        self.stored: list[int] = []
        self.requests = 0

    def send(self, batch: Batch) -> Outcome:
        self.requests += 1
        numbers = [event["n"] for event in batch.events]
        if self.refuses(numbers):
            return Rejected("413 no", by_service=False)
        self.stored += numbers
        return Delivered(len(numbers))


class Faulty:
    """Raises once, then works."""

    def __init__(self) -> None:
        self.calls = 0

    def send(self, batch: Batch) -> Outcome:
        self.calls += 1
        if self.calls == 1:
            raise RuntimeError("a bug")
        return Delivered(len(batch.bodies))


@pytest.fixture(autouse=True)
def _no_thread_is_left() -> Iterator[None]:
    yield
    assert not any(thread.name == "heedback-sender" for thread in threading.enumerate())
