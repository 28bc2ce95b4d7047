"""What the SDK counted and said: `stats()` reads it, and each kind of warning is logged once."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import Any, Final

logger: Final = logging.getLogger("heedback")
_MOST_FIELDS: Final = 100
_REVOKED_SECONDS: Final = 300.0  # for which it is believed: then somebody asks again


class Tally:
    """Counters of one client in one process, and its one voice."""

    def __init__(self) -> None:
        self.begin_anew()

    def begin_anew(self) -> None:
        """In a forked child: what the parent counted is the parent's."""
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}  # a Counter would take twice as long, on the host's thread
        self._dropped: Counter[str] = Counter()
        self._left_out: Counter[str] = Counter()
        self._said: set[str] = set()
        self._problem: tuple[str, str] | None = None
        self._revoked_until = 0.0

    def count(self, what: str, n: int = 1) -> None:
        with self._lock:
            self._counts[what] = self._counts.get(what, 0) + n

    def drop(self, reason: str, n: int = 1) -> None:
        with self._lock:
            self._dropped[reason] += n

    def leave_out(self, field: str) -> str:
        """Count a field that was left out; the name it is counted under. Misspelt ones may be without number."""
        with self._lock:
            if field not in self._left_out and len(self._left_out) >= _MOST_FIELDS:
                field = "unknown"
            self._left_out[field] += 1
        return field

    def warn(self, kind: str, message: str) -> None:
        """Log `message` unless a warning of this kind was logged before; `stats()` shows the latest in any case."""
        self._problem = kind, message
        with self._lock:
            if kind in self._said:
                return
            self._said.add(kind)
        logger.warning("heedback: %s", message)

    def healed(self) -> None:
        """A batch arrived: what was wrong on the way is past, and worth a word if it comes back."""
        self._revoked_until = 0.0
        if self._problem is not None and self._problem[0].startswith("delivery"):
            self._problem = None
            with self._lock:
                self._said = {kind for kind in self._said if not kind.startswith("delivery")}

    def over(self, kind: str) -> None:
        """What was wrong is past. It is not said again if it comes back: a lock of another process does, often."""
        if self._problem is not None and self._problem[0] == kind:
            self._problem = None

    def key_refused(self) -> None:
        """The service has just said that the key opens nothing."""
        self._revoked_until = time.monotonic() + _REVOKED_SECONDS

    @property
    def is_key_refused(self) -> bool:
        """Whether it said so, as far as is known: no batch has arrived since, and it was not long ago."""
        return time.monotonic() < self._revoked_until

    def facts(self) -> dict[str, Any]:
        with self._lock:
            counts = {name: self._counts.get(name, 0) for name in ("captured", "delivered", "duplicates", "rejected")}
            return {
                **counts,
                "dropped": dict(self._dropped),
                "left_out": dict(self._left_out),
                "problem": self._problem and self._problem[1],
            }
