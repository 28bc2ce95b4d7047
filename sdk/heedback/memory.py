"""The spool when there is no disk to write to: bounded, and gone with the process."""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from heedback.limits import BATCH_BYTES
from heedback.spool import Lease

MEMORY_EVENTS: Final = 10_000
MEMORY_BYTES: Final = 32 * 1024 * 1024
_KEPT_DEAD: Final = 1000


@dataclass(frozen=True, slots=True)
class _Row:
    body: str
    size: int
    redactor: int | None


class MemorySpool:
    """Outputs and signals in one queue, feedback in another: over a bound the first loses its oldest first."""

    def __init__(self, *, max_events: int = MEMORY_EVENTS, max_bytes: int = MEMORY_BYTES) -> None:
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._held = False
        self._numbers = itertools.count(1)
        self._last = 0
        self._bytes = 0
        self._cheap: dict[int, _Row] = {}
        self._dear: dict[int, _Row] = {}
        self._leased: set[int] = set()
        self._dropped: Counter[str] = Counter()
        self._dead: deque[tuple[str, str]] = deque(maxlen=_KEPT_DEAD)

    def put(self, body: str, *, dear: bool, redactor: int | None) -> None:
        row = _Row(body, len(body.encode()), redactor)
        with self._lock:
            self._last = next(self._numbers)
            (self._dear if dear else self._cheap)[self._last] = row
            self._bytes += row.size
            while len(self._cheap) + len(self._dear) > self._max_events or self._bytes > self._max_bytes:
                self._forget(self._oldest())
                self._dropped["spool_full"] += 1

    def lease(self, count: int, now: float) -> Lease | None:
        with self._lock:
            taken: dict[int, _Row] = {}
            size = 0
            for seq, row in heapq.merge(self._cheap.items(), self._dear.items(), key=lambda pair: pair[0]):
                if len(taken) == count or size >= BATCH_BYTES:
                    break
                alike = next(iter(taken.values()), row).redactor == row.redactor
                if alike and seq not in self._leased:
                    taken[seq] = row
                    size += row.size
            if not taken:
                return None
            self._leased.update(taken)
            dropped, self._dropped = dict(self._dropped), Counter()
            bodies = tuple(row.body for row in taken.values())
            return Lease(min(taken), tuple(taken), bodies, next(iter(taken.values())).redactor, dropped)

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float) -> None:
        with self._lock:
            for seq in lease.seqs:
                self._forget(seq)
            self._dead.extend((why, lease.bodies[at]) for at, why in rejected.items() if at < len(lease.bodies))

    def release(self, lease: Lease) -> None:
        with self._lock:
            self._leased.difference_update(lease.seqs)
            self._dropped.update(lease.dropped)

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
            "dead": len(self._dead),
            "bytes": self._bytes,
        }

    def hold(self) -> None:
        self._held = self._lock.acquire(timeout=1)

    def let_go(self) -> None:
        if self._held:
            self._lock.release()

    def abandon(self) -> None:
        """In a forked child: what was queued is the parent's to send."""

    def close(self) -> None:
        """Nothing is open."""

    def _oldest(self) -> int:
        free = (seq for seq in itertools.chain(self._cheap, self._dear) if seq not in self._leased)
        return next(free, self._last)

    def _forget(self, seq: int) -> None:
        row = self._cheap.pop(seq, None) or self._dear.pop(seq, None)
        self._leased.discard(seq)
        self._bytes -= row.size if row else 0
