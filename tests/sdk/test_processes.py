"""Real processes, a real file and a real socket: killed, forked, ending, refused, and still each event arrives once."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from heedback import Client
from heedback.limits import BATCH_EVENTS

MakeClient = Callable[..., Client]

CAPTURE = """
import sys, heedback
n = int(sys.argv[1])
out = heedback.output("f", user="alice")
print(out.id, flush=True)
for number in range(n):
    print(heedback.rate(out, "down", comment=f"number {number}"), flush=True)
"""
CAPTURE_FOR_EVER = CAPTURE.replace("range(n)", "iter(int, 1)")
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"
FORK = """
import os, heedback
out = heedback.output("f")
def tell(event_id):
    os.write(1, f"{event_id}\\n".encode())  # in one piece: three processes write to this pipe
tell(out.id)
assert heedback.flush(10)
for _ in range(3):
    heedback.rate(out, "up")  # the sender is at work while the process is copied
    pid = os.fork()
    if pid == 0:
        for _ in range(20):
            tell(heedback.rate(out, "up"))
        assert heedback.stats()["captured"] == 20
        os._exit(0 if heedback.flush(20) else 1)
for _ in range(20):
    tell(heedback.rate(out, "up"))
assert [os.wait()[1] for _ in range(3)] == [0, 0, 0]
assert heedback.flush(20), heedback.stats()
"""
POOL = """
import multiprocessing, heedback
def work(number):
    return heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
if __name__ == "__main__":
    heedback.output("f")
    with multiprocessing.get_context("fork").Pool(3) as pool:
        print(*pool.map(work, range(60)), sep="\\n", flush=True)
"""


def ids(process: subprocess.Popen[str]) -> list[str]:
    """What the process said it had captured, after it ended well and said nothing else."""
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    return out.split()


def test_killed_while_the_service_is_down_nothing_is_lost(start: Any, service: Any) -> None:
    """SIGKILL in mid-loop: whatever a call had returned an id for is delivered by the next process, each once."""
    service.answers = [(503, {})] * 1000
    process = start(CAPTURE_FOR_EVER, "0")
    captured = [process.stdout.readline().strip() for _ in range(300)]
    os.kill(process.pid, signal.SIGKILL)
    captured += process.communicate()[0].split()
    service.answers.clear()
    assert ids(start(LEFTOVERS)) == []
    # The last line may have been cut while it was written.
    assert {event_id for event_id in captured if len(event_id) == 36} <= service.stored.keys()
    assert len(service.stored) >= 300
    assert service.duplicates == 0


def test_killed_while_a_batch_is_on_its_way(start: Any, service: Any) -> None:
    """The service has committed, the answer finds nobody: sent again by the next process at once, stored once."""
    service.delay = 1.0
    process = start(CAPTURE_FOR_EVER, "0")
    service.wait_for_a_request()
    os.kill(process.pid, signal.SIGKILL)
    captured = [event_id for event_id in process.communicate()[0].split() if len(event_id) == 36]
    service.delay = 0.0
    began = time.monotonic()
    assert ids(start(LEFTOVERS)) == []
    assert time.monotonic() - began < 20
    assert set(captured) <= service.stored.keys()
    assert service.duplicates > 0


def test_four_processes_share_a_spool(start: Any, service: Any) -> None:
    """At once, on one file: each event arrives once, whoever sends it."""
    processes = [start(f"{CAPTURE}assert heedback.flush(30), heedback.stats()", "150") for _ in range(4)]
    captured = [event_id for process in processes for event_id in ids(process)]
    assert len(captured) == 604
    assert ids(start(LEFTOVERS)) == []
    assert sorted(service.stored) == sorted(captured)
    assert service.duplicates == 0


def test_a_forked_child_opens_its_own(start: Any, service: Any) -> None:
    """Neither the parent's connection nor its dead thread is used: all events of all processes arrive once."""
    captured = ids(start(FORK))
    assert len(captured) == 1 + 3 * 20 + 20
    assert set(captured) <= service.stored.keys()
    assert len(service.stored) == len(captured) + 3


def test_a_pool_of_workers_that_are_not_asked_to_end_well(start: Any, service: Any) -> None:
    """multiprocessing ends its workers without exit hooks: what they captured waits in the file for the parent."""
    captured = ids(start(POOL))
    assert len(captured) == 60
    assert ids(start(LEFTOVERS)) == []
    assert set(captured) <= service.stored.keys()


def test_a_script_that_just_ends(start: Any, service: Any) -> None:
    """Without flush or close: the exit takes what is waiting along."""
    captured = ids(start(CAPTURE, "50"))
    assert sorted(service.stored) == sorted(captured)


def test_a_script_that_ends_while_the_service_hangs(start: Any, service: Any) -> None:
    """The exit waits three seconds at most, says nothing, and leaves the events to the next process."""
    service.delay = 8.0
    began = time.monotonic()
    captured = ids(start(CAPTURE, "5"))
    assert time.monotonic() - began < 7
    service.delay = 0.0
    assert ids(start(LEFTOVERS)) == []
    assert sorted(service.stored) == sorted(captured)


def test_a_script_whose_spool_is_in_memory_says_what_ends_with_it(
    start: Any, environ: dict[str, str], service: Any
) -> None:
    service.delay = 8.0
    environ["HEEDBACK_SPOOL"] = ":memory:"
    process = start(CAPTURE, "5")
    out, err = process.communicate(timeout=30)
    assert (process.returncode, len(out.split())) == (0, 6)  # an output and five thumbs
    assert err.strip() == "heedback: the process ends with 6 events in memory, which are lost"


def test_a_script_that_ends_while_nobody_listens(start: Any, environ: dict[str, str], service: Any) -> None:
    """One warning in the log, exit code 0, no delay worth a word; later everything arrives."""
    url, environ["HEEDBACK_URL"] = environ["HEEDBACK_URL"], "http://127.0.0.1:9"
    began = time.monotonic()
    process = start(CAPTURE, "5")
    out, err = process.communicate(timeout=30)
    assert process.returncode == 0
    told = "heedback: events wait, the service is unreachable (ConnectionError); python -m heedback ping tells why"
    assert err.strip() == told
    assert time.monotonic() - began < 5
    environ["HEEDBACK_URL"] = url
    assert ids(start(LEFTOVERS)) == []
    assert sorted(service.stored) == sorted(out.split())


def test_retry_after_is_kept_to(make_client: MakeClient, service: Any) -> None:
    """503 with Retry-After: not a moment before, then everything; captures meanwhile do not knock either."""
    service.answers = [(503, {"Retry-After": "1"})]
    client = make_client()
    out = client.output("f")
    service.wait_for_a_request()
    client.rate(out, "up")
    assert client.flush(10.0)
    assert len(service.stored) == 2
    assert len(service.times) == 2
    assert service.times[1] - service.times[0] >= 1.0


def test_a_lost_answer_is_no_lost_event(make_client: MakeClient, service: Any) -> None:
    """Committed, then the connection broke: sent again under the same id, stored once."""
    service.lost_answers = 1
    client = make_client(jitter=lambda top: 0.0)
    out = client.output("f")
    assert client.flush(10.0)
    assert list(service.stored) == [out.id]
    assert service.duplicates == client.stats()["duplicates"] == 1


def test_a_wrong_key_is_said_once_and_waits(
    make_client: MakeClient, service: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """401: no hammering, nothing lost, the reason in the log and in stats()."""
    service.answers = [(401, {})] * 100
    client = make_client()
    client.output("f")
    service.wait_for_a_request()
    for _ in range(20):
        client.output("f")
    assert not client.flush(0.5)
    assert len(service.times) == 1
    assert client.stats()["pending"] == 21
    assert client.stats()["problem"] == "events wait, the service does not accept the key (401)"
    assert len(caplog.records) == 1


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 415, 422])
def test_a_page_in_between_kills_no_event(
    start: Callable[..., subprocess.Popen[str]], service: Any, status: int
) -> None:
    """A process that meets a firewall or a sign-in page says so once, and its events wait in the file."""
    service.answers = [(status, {"Content-Type": "text/html"})] * 100
    out, err = start(
        "import heedback; [heedback.output('f') for _ in range(20)]\n"
        "print(heedback.flush(0.5), heedback.stats()['pending'], heedback.stats()['dead'])"
    ).communicate(timeout=60)
    assert out.split() == ["False", "20", "0"]
    [line] = err.splitlines()
    assert line.startswith("heedback: events wait, ")
    assert f"({status}" in line
    assert len(service.times) == 1
    service.answers.clear()
    assert start(LEFTOVERS).wait(60) == 0
    assert len(service.stored) == 20


def test_a_rejected_event_does_not_block_its_neighbours(make_client: MakeClient, service: Any) -> None:
    """The service's per-event answer puts one away; the others are delivered."""
    service.reject = lambda event: "bad" if event.get("comment") == "bad" else None
    client = make_client()
    out = client.output("f")
    for comment in ("good", "bad", "fine"):
        client.rate(out, "down", comment=comment)
    assert client.flush(10.0)
    facts = client.stats()
    assert (facts["delivered"], facts["rejected"], facts["dead"], facts["pending"]) == (3, 1, 1, 0)


def test_a_burst_arrives_whole(make_client: MakeClient, service: Any) -> None:
    """Thousands at once, in batches under the caps."""
    client = make_client()
    out = client.output("f")
    for _ in range(3000):
        client.rate(out, "up")
    assert client.flush(30.0)
    assert len(service.stored) == 3001
    assert max(len(request["events"]) for request in service.requests) <= BATCH_EVENTS


def test_close_leaves_no_thread(make_client: MakeClient) -> None:
    """And closing twice is closing once."""
    client = make_client()
    client.output("f")
    client.close()
    client.close()
    assert not any(thread.name == "heedback-sender" for thread in threading.enumerate())
