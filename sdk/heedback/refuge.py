"""A spool that never fails its caller: the file, and beside it a memory queue for what the file would not take."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from heedback.memory import MemorySpool
from heedback.spool import MAX_BYTES, MAX_EVENTS, FileSpool, Lease, Spool, set_aside

MEMORY: Final = ":memory:"
_OPENING_TRIES: Final = 5
_REST_SECONDS: Final = 30.0  # after a failed write, before the file is tried again

Warn = Callable[[str, str], None]


class Refuge:
    """The file's spool, with a memory queue to flee to while the disk is full, read-only or locked."""

    def __init__(self, file: FileSpool, warn: Warn) -> None:
        self._file = file
        self._memory = MemorySpool()
        self._warn = warn
        self._lent: dict[int, Spool] = {}
        self._rest_until = 0.0

    def put(self, body: str, *, dear: bool, redactor: int | None) -> None:
        if self._rest_until and time.monotonic() < self._rest_until:
            return self._memory.put(body, dear=dear, redactor=redactor)
        try:
            self._file.put(body, dear=dear, redactor=redactor)
            self._rest_until = 0.0
        except (sqlite3.Error, OSError) as error:
            self._rest_until = time.monotonic() + _REST_SECONDS
            self._warn("spool", f"the spool {self._file.path} cannot be written ({error}): events wait in memory")
            self._memory.put(body, dear=dear, redactor=redactor)

    def lease(self, count: int, now: float) -> Lease | None:
        for home in (self._memory, self._file):
            lease = home.lease(count, now)
            if lease is not None:
                self._lent[lease.token] = home
                return lease
        return None

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float) -> None:
        self._lent.pop(lease.token, self._file).settle(lease, rejected, now)

    def release(self, lease: Lease) -> None:
        self._lent.pop(lease.token, self._file).release(lease)

    def drop(self, reason: str, n: int = 1) -> None:
        try:
            self._file.drop(reason, n)
        except sqlite3.Error:
            self._memory.drop(reason, n)

    def last(self) -> tuple[int, int]:
        return self._memory.last(), self._file.last()

    def waiting(self, upto: tuple[int, int]) -> bool:
        return self._memory.waiting(upto[0]) or self._file.waiting(upto[1])

    def facts(self) -> dict[str, Any]:
        facts, memory = self._file.facts(), self._memory.facts()
        if self._rest_until:
            facts["spool"] = "memory"
        return facts | {key: facts[key] + memory[key] for key in ("pending", "dead", "bytes")}

    def hold(self) -> None:
        self._file.hold()
        self._memory.hold()

    def let_go(self) -> None:
        self._memory.let_go()
        self._file.let_go()

    def abandon(self) -> None:
        self._file.abandon()

    def close(self) -> None:
        self._file.close()


def open_spool(path: str, warn: Warn, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> Spool:
    """The spool at `path`; a new one if what is there is no spool; a memory queue, said once, if none can be had."""
    if path == MEMORY:
        return MemorySpool(max_events=max_events, max_bytes=max_bytes)
    try:
        return Refuge(_open_file(path, warn, max_events, max_bytes), warn)
    except (sqlite3.Error, OSError) as error:
        warn("spool", f"the spool {path} cannot be opened ({error}): events wait in memory, up to a bound")
        return MemorySpool()


def _open_file(path: str, warn: Warn, max_events: int, max_bytes: int) -> FileSpool:
    for attempt in range(_OPENING_TRIES):
        try:
            return FileSpool(path, max_events=max_events, max_bytes=max_bytes)
        except sqlite3.OperationalError as error:
            # Several processes that turn a new file to WAL at once refuse each other without waiting.
            if "locked" not in str(error) or attempt == _OPENING_TRIES - 1:
                raise
            time.sleep(0.02 * (attempt + 1))
        except sqlite3.DatabaseError as error:
            aside = set_aside(path)
            warn("spool", f"the spool {path} was not readable ({error}): set aside as {aside}, a new one is begun")
    raise sqlite3.OperationalError("the spool stayed unreadable")
