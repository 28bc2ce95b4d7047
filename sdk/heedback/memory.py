"""The spool when there is no disk to write to: bounded, and gone with the process."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from heedback.lease import Lease, Load, Row, Told, split
from heedback.limits import BATCH_BYTES
from heedback.spool import DEAD_SHARE, KEPT_DEAD
from heedback.texts import KEPT_SECONDS

MEMORY_EVENTS: Final = 10_000
MEMORY_BYTES: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class _Row:
    body: str
    size: int
    redactor: int | None
    at: float


class MemorySpool:
    """Outputs and signals in one queue, feedback in another: over a bound the first loses its oldest first."""

    def __init__(
        self,
        *,
        max_events: int = MEMORY_EVENTS,
        max_bytes: int = MEMORY_BYTES,
        told: Told = lambda reason, n: None,
    ) -> None:
        self._told = told
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._stopped = False
        self._numbers = itertools.count(1)
        self._last = 0
        self._bytes = 0
        self._cheap: dict[int, _Row] = {}
        self._dear: dict[int, _Row] = {}
        self._leased: set[int] = set()
        self._aside: dict[int, tuple[int, float]] = {}  # how often, until when
        self._held: dict[str, list[_Row]] = {}
        self._wanted: dict[str, float] = {}
        self._dropped: Counter[str] = Counter()
        self._dead: deque[tuple[str, str]] = deque()
        self._dead_bytes = 0

    def put(self, body: str, dear: bool, redactor: int | None, at: float) -> None:
        with self._lock:
            self._add(_Row(body, len(body.encode()), redactor, at), dear)

    def _add(self, row: _Row, dear: bool) -> None:
        self._last = next(self._numbers)
        (self._dear if dear else self._cheap)[self._last] = row
        self._bytes += row.size
        while len(self._cheap) + len(self._dear) > self._max_events or self._bytes > self._max_bytes:
            self._forget(self._oldest())
            self._dropped["spool_full"] += 1
            self._told("spool_full", 1)

    def hold(self, output_id: str, body: str, redactor: int | None, at: float) -> None:
        row = _Row(body, len(body.encode()), redactor, at)
        with self._lock:
            self._forget_old_texts(at)
            if output_id in self._wanted:
                self._add(row, dear=False)
            else:
                self._held.setdefault(output_id, []).append(row)
                while len(self._held) > self._max_events // 10 + 1:
                    self._told("text_full", len(self._held.pop(next(iter(self._held)))))

    def want(self, output_id: str, at: float) -> None:
        with self._lock:
            self._wanted[output_id] = at
            for row in self._held.pop(output_id, ()):
                self._add(row, dear=False)

    def _forget_old_texts(self, now: float) -> None:
        """They lie in the order they came in."""
        while self._held and next(iter(self._held.values()))[0].at < now - KEPT_SECONDS:
            del self._held[next(iter(self._held))]
        while self._wanted and next(iter(self._wanted.values())) < now - KEPT_SECONDS:
            del self._wanted[next(iter(self._wanted))]

    def load(self) -> Load:
        """What is on nobody's way, for a file to take; until `forget` it stays here too."""
        with self._lock:
            queues = ((self._cheap, False), (self._dear, True))
            found = {
                seq: (row.body, dear, row.redactor, row.at)
                for queue, dear in queues
                for seq, row in queue.items()
                if seq not in self._leased
            }
            seqs = sorted(found)
            held = [(each, _held(row)) for each, rows in self._held.items() for row in rows]
            return Load([found[seq] for seq in seqs], seqs, held, dict(self._wanted), dict(self._dropped))

    def forget(self, load: Load) -> None:
        """It is in a file by now. What came meanwhile stays; a text that was asked for meanwhile goes out twice."""
        with self._lock:
            for seq in load.seqs:
                self._forget(seq)
            for output_id, taken in load.held:
                rows = [row for row in self._held.pop(output_id, ()) if _held(row) != taken]
                if rows:
                    self._held[output_id] = rows
            for output_id, at in load.wanted.items():
                if self._wanted.get(output_id) == at:
                    del self._wanted[output_id]
            self._dropped -= Counter(load.dropped)

    def is_empty(self) -> bool:
        return not (self._cheap or self._dear or self._held or self._wanted or self._dropped)

    def lease(self, count: int, now: float) -> Lease | None:
        with self._lock:
            due = [tries for seq, (tries, until) in self._aside.items() if until <= now and seq not in self._leased]
            tries = 0
            taken = self._take(count, lambda seq: seq not in self._aside)
            if not taken and due:
                tries = due[0]
                taken = self._take(split(count, tries), lambda seq: self._is_due(seq, tries, now))
            if not taken:
                return None
            self._leased.update(taken)
            dropped, self._dropped = dict(self._dropped), Counter()
            bodies = tuple(row.body for row in taken.values())
            return Lease(min(taken), tuple(taken), bodies, next(iter(taken.values())).redactor, dropped, tries)

    def _take(self, count: int, wanted: Callable[[int], bool]) -> dict[int, _Row]:
        taken: dict[int, _Row] = {}
        size = 0
        for seq, row in heapq.merge(self._cheap.items(), self._dear.items(), key=lambda pair: pair[0]):
            if len(taken) == count or size >= BATCH_BYTES:
                break
            alike = next(iter(taken.values()), row).redactor == row.redactor
            if alike and seq not in self._leased and wanted(seq):
                taken[seq] = row
                size += row.size
        return taken

    def _is_due(self, seq: int, tries: int, now: float) -> bool:
        often, until = self._aside.get(seq, (0, 0.0))
        return often == tries and until <= now

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float, told: bool = True) -> None:
        with self._lock:
            if not told:
                self._dropped.update(lease.dropped)
            for seq in lease.seqs:
                self._forget(seq)
            for at, why in rejected.items():
                if at < len(lease.bodies):
                    self._dead.append((why, lease.bodies[at]))
                    self._dead_bytes += len(lease.bodies[at])
            self._trim_dead()

    def _trim_dead(self) -> None:
        gone = 0
        while len(self._dead) > KEPT_DEAD or self._dead_bytes > self._max_bytes // DEAD_SHARE:
            self._dead_bytes -= len(self._dead.popleft()[1])
            gone += 1
        if gone:
            self._dropped["dead_full"] += gone
            self._told("dead_full", gone)

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._leased.difference_update(lease.seqs)
            self._dropped.update(lease.dropped)

    def put_aside(self, lease: Lease, until: float) -> None:
        self.release(lease)
        with self._lock:
            here = (seq for seq in lease.seqs if seq in self._dear or seq in self._cheap)
            self._aside.update(dict.fromkeys(here, (lease.tries + 1, until)))

    def drop(self, reason: str, n: int = 1) -> None:
        with self._lock:
            self._dropped[reason] += n

    def last(self) -> int:
        return self._last

    def waiting(self, upto: int) -> bool:
        with self._lock:
            return any(min(queue) <= upto for queue in (self._cheap, self._dear) if queue)

    def facts(self) -> dict[str, Any]:
        pending = len(self._cheap) + len(self._dear)
        return {
            "spool": "memory",
            "spool_path": None,
            "pending": pending,
            "aside": len(self._aside),
            "dead": len(self._dead),
            "held": sum(map(len, self._held.values())),
            "bytes": self._bytes,
        }

    def before_fork(self) -> None:
        self._stopped = self._lock.acquire(timeout=1)

    def after_fork(self) -> None:
        if self._stopped:
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: what was queued is the parent's to send."""

    def rescue(self, deadline: float = 0.0) -> int:
        """How many events end with the process. Those on their way may yet arrive; nobody will know."""
        return len(self._cheap) + len(self._dear)

    def close(self) -> None:
        """Nothing is open."""

    def _oldest(self) -> int:
        free = (seq for seq in itertools.chain(self._cheap, self._dear) if seq not in self._leased)
        return next(free, self._last)

    def _forget(self, seq: int) -> None:
        row = self._cheap.pop(seq, None) or self._dear.pop(seq, None)
        self._leased.discard(seq)
        self._aside.pop(seq, None)
        self._bytes -= row.size if row else 0


def _held(row: _Row) -> Row:
    return row.body, False, row.redactor, row.at
