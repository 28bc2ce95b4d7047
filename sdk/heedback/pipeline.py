"""A client's way out: the spool it writes to and the thread that empties it, opened late and safe across forks."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from heedback import ending
from heedback.delivery import LINGER_SECONDS, Sender
from heedback.lease import Spool
from heedback.refuge import LOST, MEMORY, open_spool
from heedback.tally import Tally
from heedback.transport import HttpTransport, Transport, importing

_IMPORT_SECONDS: Final = 5.0
_LOOK_SECONDS: Final = 0.002
CLOSED_FACTS: Final[dict[str, Any]] = {
    "spool": "closed", "spool_path": None, "pending": 0, "aside": 0, "dead": 0, "held": 0, "bytes": 0,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pipeline is built from, whenever it has to be built: at the first capture, and again in a forked child."""

    path: str
    bounds: Mapping[str, Any]
    transport: Callable[[], Transport]
    clock: Callable[[], int]
    jitter: Callable[[float], float]
    linger: float = LINGER_SECONDS
    on_sigterm: bool = True


class Pipeline:
    """Opens nothing until it is used. After `close` what is captured is dropped, said once and counted as `closed`."""

    def __init__(self, plan: Plan, tally: Tally) -> None:
        self._plan = plan
        self._tally = tally
        self._opening = threading.Lock()
        self._open: tuple[Spool, Sender] | None = None
        self._transport: Transport | None = None
        self._closed = self._left_some = self.closed_by_app = False
        self._was_stopped: list[Spool] = []

    @property
    def on_sigterm(self) -> bool:
        return self._plan.on_sigterm

    def put(self, body: str, dear: bool, redactor: int | None, at: float) -> bool:
        """Keep one event for sending; whether it was kept."""
        parts = self._open or self._start()
        if parts is None:
            return self._is_over()
        spool, sender = parts
        spool.put(body, dear, redactor, at)
        if not sender.woken:
            sender.wake()
        return True

    def _is_over(self) -> bool:
        self._tally.drop("closed")
        if self.closed_by_app:  # and not by the end of the process, at which there is nothing to be done
            self._tally.warn("closed", "calls after close() capture nothing: call heedback.init() again before them")
        return False

    def hold(self, output_id: str, body: str, redactor: int | None, at: float) -> bool:
        """Keep a text until its output is rated; whether it was kept."""
        parts = self._open or self._start()
        if parts is None:
            return self._is_over()
        parts[0].hold(output_id, body, redactor, at)
        parts[1].wake()
        return True

    def want(self, output_id: str, at: float) -> None:
        """The output was rated: its texts go out, those that are here and those that come."""
        parts = self._open or self._start()
        if parts is not None:
            parts[0].want(output_id, at)
            parts[1].wake()

    def drop(self, reason: str, n: int = 1) -> None:
        """Count what was not captured, here and for the service, which marks the day incomplete."""
        self._tally.drop(reason, n)
        parts = self._open or self._start()
        if parts is not None:
            parts[0].drop(reason, n)

    def start(self) -> None:
        if self._start() is not None:
            ending.enlist(self)  # again: the first capture may have been another thread's

    def flush(self, timeout: float) -> bool:
        parts = self._start()
        return not self._left_some if parts is None else parts[1].flush(timeout)

    def close(self, timeout: float) -> None:
        """What is captured while it still sends is kept in the spool, as ever."""
        deadline = time.monotonic() + timeout
        with self._turn():
            parts, self._closed = self._open, True
        if parts is None:
            return
        spool, sender = parts
        ended = sender.stop(timeout)
        if lost := spool.rescue(deadline):
            self._tally.warn(LOST, f"the process ends with {lost} events in memory, which are lost")
            self._tally.drop(LOST, lost)
        self._left_some = spool.facts()["pending"] > 0
        with self._turn():
            parts, self._open = self._open, None
        if ended and parts is not None:  # else another thread has just closed it
            spool.close()
            self._close_transport()
        ending.resign(self)

    def facts(self) -> dict[str, Any]:
        """Of the spool too, if it is open: looking must not open anything."""
        path = None if self._plan.path == MEMORY else self._plan.path
        return CLOSED_FACTS | {"spool_path": path} if self._open is None else self._open[0].facts()

    def _start(self) -> tuple[Spool, Sender] | None:
        with self._turn():
            if self._open is None and not self._closed:
                plan = self._plan
                spool = open_spool(plan.path, self._tally.warn, self._tally.drop, self._tally.over, **plan.bounds)
                self._transport = plan.transport()
                sender = Sender(
                    spool, self._transport, self._tally, clock=plan.clock, jitter=plan.jitter, linger=plan.linger
                )
                self._open = spool, sender
                _living.add(self)
                _watch_for_forks()
                ending.enlist(self)
                # While the interpreter ends there are no new threads: the event waits in the file for the next process.
                with contextlib.suppress(RuntimeError):
                    sender.start()
            return self._open

    @contextlib.contextmanager
    def _turn(self) -> Iterator[None]:
        """One at a time opens and closes. It asks again and again: where gevent came after this lock was made, whoever
        holds it may be a greenlet that rests."""
        while not self._opening.acquire(blocking=False):
            time.sleep(_LOOK_SECONDS)
        try:
            yield
        finally:
            self._opening.release()

    def _close_transport(self) -> None:
        if isinstance(self._transport, HttpTransport):
            self._transport.close()

    def before_fork(self) -> None:
        if self._open is not None:
            self._was_stopped.append(self._open[0])
            self._open[0].before_fork()

    def after_fork_in_parent(self) -> None:
        while self._was_stopped:
            self._was_stopped.pop().after_fork()

    def after_fork_in_child(self) -> None:
        """The parent's thread is not here and its connections are not ours: the next capture opens our own."""
        self._opening = threading.Lock()
        self._was_stopped.clear()
        if self._open is not None:
            self._open[0].abandon()
            self._open = None
        self._tally.begin_anew()


_living: weakref.WeakSet[Pipeline] = weakref.WeakSet()
_watching = False
_import_held = False


def _watch_for_forks() -> None:
    """Once, when the first pipeline opens: importing and constructing leave the process as it was."""
    global _watching
    if _watching:
        return
    _watching = True
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child
        )


def _before_fork() -> None:
    global _import_held
    _import_held = importing.acquire(timeout=_IMPORT_SECONDS)
    _each(Pipeline.before_fork)


def _after_fork_in_parent() -> None:
    _each(Pipeline.after_fork_in_parent)
    _let_import_go()


def _after_fork_in_child() -> None:
    _each(Pipeline.after_fork_in_child)
    ending.forked()
    _let_import_go()


def _let_import_go() -> None:
    if _import_held:
        importing.release()


def _each(step: Callable[[Pipeline], None]) -> None:
    for pipeline in list(_living):
        with contextlib.suppress(Exception):
            step(pipeline)
