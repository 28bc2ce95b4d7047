"""Whether a burst of 50,000 arrives when the server is slow, and when it is down for a minute.

The slow one takes a second for each answer, and four processes with one spool send to it, as the workers of a web
server would. The other refuses connections for a minute from the first capture on, then it is there. Both are
processes of their own on real sockets, and count the events by their ids. What is printed beside is mostly waiting:
seconds, requests, events in a request. Exits 1 when one is missing or came twice.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import _sink
from _figures import Row, report
from sdk_burst import EVENTS, capture

from heedback.limits import MAX_EVENTS

PROCESSES: Final = 4
DELAY: Final = 1.0
DOWN: Final = 60.0
PATIENCE: Final = 600.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=EVENTS)
    parser.add_argument("--delay", type=float, default=DELAY, help="seconds that the slow server takes for an answer")
    parser.add_argument("--down", type=float, default=DOWN, help="seconds that the other is down")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="that send to the slow one")
    options = parser.parse_args()
    slow = slow_server(options.events, options.delay, options.processes)
    return report([slow, down_server(options.events, options.down)])


def measure_slow(quick: bool = False) -> list[Row]:
    return [slow_server(EVENTS // 5 if quick else EVENTS, DELAY, PROCESSES)]


def measure_down(quick: bool = False) -> list[Row]:
    return [down_server(EVENTS, DOWN / 6 if quick else DOWN)]


def slow_server(events: int, delay: float, processes: int) -> Row:
    began = time.monotonic()
    with _sink.running(delay=delay) as server, a_spool() as spool, fresh(processes) as pool:
        all_sent(pool.submit(capture_and_send, server.url, spool, events // processes) for _ in range(processes))
        seen, took = server.seen(), time.monotonic() - began
    return row(f"burst of {events}, {delay:g} s a request", events, seen, f"{took:.0f} s, {processes} processes")


def down_server(events: int, seconds: float) -> Row:
    with a_spool() as spool, fresh(1) as pool:
        # Bound, so that nobody else takes it; nobody listens, so connections are refused.
        with socket.socket() as place:
            place.bind(("127.0.0.1", 0))
            port = place.getsockname()[1]
            sending = pool.submit(capture_and_send, f"http://127.0.0.1:{port}", spool, events)
            time.sleep(seconds)
        up = time.monotonic()
        with _sink.running(port=port) as server:
            all_sent([sending])
            seen, took = server.seen(), time.monotonic() - up
    return row(f"burst of {events}, server down for {seconds:g} s", events, seen, f"{took:.0f} s after it came up")


def capture_and_send(url: str, spool: Path, events: int) -> bool:
    """One process of the host: captures as fast as it can, then waits until everything in the spool is settled."""
    logging.disable(logging.WARNING)
    client = capture(url, spool, events)
    sent = client.flush(PATIENCE)
    client.close()
    return sent


def all_sent(sending: Any) -> None:
    running: list[Future[bool]] = list(sending)
    assert all(each.result() for each in running)


def row(what: str, events: int, seen: dict[str, Any], took: str) -> Row:
    again = seen["events"] - seen["different"]
    mean = seen["events"] / max(1, seen["requests"])
    note = f"{took}; {seen['requests']} requests of {mean:.0f} ({seen['largest']} at most, {MAX_EVENTS} allowed)"
    return Row(f"{what}: arrive once", seen["different"] - again, events, "exactly", note=note)


@contextmanager
def a_spool() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder, "spool.db")


def fresh(processes: int) -> ProcessPoolExecutor:
    """Processes that begin from nothing, as an app's do."""
    return ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"))


if __name__ == "__main__":
    sys.exit(main())
