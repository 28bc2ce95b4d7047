"""A spool that never fails its caller: the file, and beside it a memory queue for what the file would not take."""

from __future__ import annotations

import contextlib
import itertools
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from heedback.lease import Lease, Load, Spool, Told
from heedback.memory import MemorySpool
from heedback.opening import DAMAGED, Warn, open_file
from heedback.place import set_aside
from heedback.salvage import salvage
from heedback.spool import FileSpool

LOST: Final = "lost"  # in memory alone at the end
MEMORY: Final = ":memory:"
UNWRITABLE: Final = "spool unwritable"  # the kind of warning that ends when the file takes events again
_REST_SECONDS: Final = 30.0  # after a failure, before the file is tried again
_BUSY_REST_SECONDS: Final = 1.0  # another process was writing, no more
_PIECE: Final = 1000  # rows that move to a new file at once
_MOVING_TRIES: Final = 8  # for each piece, while other processes move too
_LOCKED_SECONDS: Final = 0.02  # between two tries at the end
_COUNTED: Final = ("pending", "aside", "dead", "held", "bytes")
_BROKEN: Final = frozenset({"SQLITE_CORRUPT", "SQLITE_NOTADB"})

_TROUBLE: Final = (sqlite3.Error, OSError)


class Refuge:
    """The file's spool, with a memory queue to flee to while the disk is full, read-only, locked or not there.

    Only the sender's thread comes back: it moves what waits in memory to the file as soon as that takes it, so that a
    capture pays for a sick file once. A file that is broken, or that another process has set aside, is left for a new
    one, and what can be read of it is taken along.
    """

    def __init__(
        self, path: str, open_file: Callable[[], FileSpool], warn: Warn, told: Told, over: Callable[[str], None]
    ) -> None:
        self._path = path
        self._open_file = open_file
        self._warn = warn
        self._told = told
        self._over = over
        self._memory = MemorySpool(told=told)
        self._file: FileSpool | None = None
        self._moves = 0  # how often rows went from one home to the other
        self._lent: dict[int, Spool] = {}
        self._away = True
        self._is_locked = self._closed = False
        self._rest_until = 0.0
        self._moving = threading.Lock()
        self._set_aside_as: str | None = None  # the open file, if it is damaged
        self._come_home()

    def put(self, body: str, dear: bool, redactor: int | None, at: float) -> None:
        while (file := self._file) is not None and not self._away:
            try:
                return file.put(body, dear, redactor, at)
            except _TROUBLE as error:
                self._flee(error, file)
        self._memory.put(body, dear, redactor, at)
        if self._closed:
            self._told(LOST, 1)

    def hold(self, output_id: str, body: str, redactor: int | None, at: float) -> None:
        self._try(lambda spool: spool.hold(output_id, body, redactor, at))

    def want(self, output_id: str, at: float) -> None:
        self._try(lambda spool: spool.want(output_id, at))

    def drop(self, reason: str, n: int = 1) -> None:
        self._try(lambda spool: spool.drop(reason, n))

    def _try(self, act: Callable[[Spool], None]) -> None:
        while (file := self._file) is not None and not self._away:
            try:
                return act(file)
            except _TROUBLE as error:
                self._flee(error, file)
        act(self._memory)

    def lease(self, count: int, now: float) -> Lease | None:
        self._look_at_the_ground()
        if self._away or not self._memory.is_empty():  # a capture may have come too late for the move
            self._come_home()
        file = None if self._away else self._file
        homes: tuple[Spool | None, ...] = (self._memory, file)
        for home in homes:
            try:
                lease = home.lease(count, now) if home else None
            except _TROUBLE as error:
                self._flee(error, file)
                return None
            if home and lease is not None:
                self._lent[lease.token] = home
                return lease
        return None

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float, told: bool = True) -> None:
        self._finish(lease, lambda home: home.settle(lease, rejected, now, told))

    def release(self, lease: Lease) -> None:
        self._finish(lease, lambda home: home.release(lease))

    def put_aside(self, lease: Lease, until: float) -> None:
        self._finish(lease, lambda home: home.put_aside(lease, until))

    def _finish(self, lease: Lease, act: Callable[[Spool], None]) -> None:
        """A file that does not take it keeps the lease until that ends: at worst the service counts duplicates."""
        home = self._lent.pop(lease.token, None) or self._file
        try:
            if home is not None:
                act(home)
        except _TROUBLE as error:
            self._flee(error, home)

    def last(self) -> tuple[int, int, int]:
        moves = self._moves
        mark = sys.maxsize  # of a file that cannot tell: all that is in it
        if (file := self._file) and not self._away:
            with self._fleeing(file):
                mark = file.last()
        return self._memory.last(), mark, moves

    def waiting(self, upto: tuple[int, int, int]) -> bool:
        """Once rows have moved they have other numbers: then it is asked of all there are."""
        in_memory, in_file, moves = upto
        if moves != self._moves:
            in_memory = in_file = sys.maxsize
        waiting = self._memory.waiting(in_memory)
        if (file := self._file) and not waiting:
            waiting = True  # in a file that cannot tell
            with self._fleeing(file):
                waiting = file.waiting(in_file)
        return waiting

    @contextlib.contextmanager
    def _fleeing(self, file: FileSpool) -> Iterator[None]:
        try:
            yield
        except _TROUBLE as error:
            self._flee(error, file)

    def facts(self) -> dict[str, Any]:
        memory = self._memory.facts()
        file = {"spool_path": self._path} | dict.fromkeys(_COUNTED, 0)
        with contextlib.suppress(*_TROUBLE):
            file = self._file.facts() if self._file else file
        facts = file | {key: file[key] + memory[key] for key in _COUNTED}
        return facts | {"spool": "memory" if self._away else "file"}

    def before_fork(self) -> None:
        if self._file:
            self._file.before_fork()
        self._memory.before_fork()

    def after_fork(self) -> None:
        self._memory.after_fork()
        if self._file:
            self._file.after_fork()

    def abandon(self) -> None:
        if self._file:
            self._file.abandon()

    def rescue(self, deadline: float = 0.0) -> int:
        """Move what waits in memory to the file, whatever it was that it would not take; how many events and texts it
        did not. Of the troubles only a lock passes in seconds: then it is tried until `deadline`, by `time.monotonic`.
        """
        while (left := self._rescue()) and self._is_locked and time.monotonic() < deadline:
            time.sleep(_LOCKED_SECONDS)
        return left

    def _rescue(self) -> int:
        self._look_at_the_ground()
        if not self._memory.is_empty() or (self._away and self._file is not None):
            self._rest_until = 0.0
            self._come_home()
        return self._memory.rescue() + int(self._memory.facts()["held"]) + self._stranded()

    def _stranded(self) -> int:
        """Of a file that nobody will find again, and that could not be left."""
        with contextlib.suppress(*_TROUBLE):
            if self._file is not None and self._file.ground.was_moved():
                return int(self._file.facts()["pending"])
        return 0

    def close(self) -> None:
        """An event whose capture began before and comes too late is counted."""
        self._closed = True
        if self._file:
            self._file.close()

    def _flee(self, error: Exception, file: Spool | None) -> None:
        if file is not self._file:
            return  # it was left meanwhile, which is why it is closed
        if self._closed:
            self._away = True
            return
        broken = getattr(error, "sqlite_errorname", "").startswith(tuple(_BROKEN)) or self._is_shaken()
        self._away, self._is_locked = True, _is_busy(error)
        rest = _BUSY_REST_SECONDS if self._is_locked else _REST_SECONDS
        self._rest_until = time.monotonic() + (0.0 if broken else rest)
        if broken:
            self._leave()
        else:
            self._warn(UNWRITABLE, f"the spool {self._path} cannot be written ({error}): events wait in memory")

    def _is_shaken(self) -> bool:
        """Whether the trouble is of the files: then there may be a new one at once."""
        with contextlib.suppress(*_TROUBLE):
            return self._file is not None and (
                self._file.ground.was_moved() or self._file.ground.lost_its_log() or self._file.ground.is_cut()
            )
        return False

    def _look_at_the_ground(self) -> None:
        """Whether somebody has taken or cut the files under us, which SQLite would not see for long."""
        if self._file is not None and not self._away:
            if self._file.ground.lost_its_log():
                self._leave(lost=False)
            elif self._file.ground.is_cut():
                self._leave()
            if self._file.ground.was_moved():
                self._away = True
                self._rest_until = 0.0

    def _come_home(self) -> None:
        """Open the file if it is not, and move to it what waits in memory."""
        if time.monotonic() < self._rest_until:
            return
        with self._moving:
            try:
                if self._file is not None and self._file.ground.was_moved():
                    self._move_out(self._file)
                if self._file is None:
                    self._file = self._open_file()
                if load := self._memory.load():
                    self._moves += 1
                    self._file.take(load)
                    self._memory.forget(load)
                self._away = False
                self._over(UNWRITABLE)
            except _TROUBLE as error:
                self._flee(error, self._file)

    def _leave(self, lost: bool = True) -> None:
        """The file is broken: it stays under another name, unless another process has already seen to that."""
        with contextlib.suppress(*_TROUBLE):
            if self._file is not None and not self._file.ground.was_moved():
                path = self._file.path
                aside = set_aside(path)
                self._set_aside_as = aside if lost else None
                self._warn("spool damaged", f"the spool {path} is damaged: set aside as {aside}, a new one is begun")
                if lost:
                    self._memory.drop(DAMAGED)
                    self._told(DAMAGED, 1)

    def _move_out(self, old: FileSpool) -> None:
        """To a new file, in pieces, so that other processes get a word in; to memory what no file takes.

        Raises:
            sqlite3.Error, OSError: there is no new file, or it did not take all.
        """
        old.ground.clear()  # or the new file would find the log
        new: FileSpool | None = None
        trouble: Exception | None = None
        try:
            new = self._open_file()
        except _TROUBLE as error:
            if _is_busy(error):
                raise  # where they are the rows are safe for a moment
            trouble = error
        self._moves += 1
        with contextlib.closing(salvage(old, self._set_aside_as, self._memory.drop, self._told)) as rows:
            while piece := list(itertools.islice(rows, _PIECE)):
                if new is not None and trouble is None:
                    try:
                        new.take(Load(piece), _MOVING_TRIES)
                        continue
                    except _TROUBLE as error:
                        trouble = error
                for row in piece:
                    self._memory.put(*row)
        self._file, self._set_aside_as = new, None
        if trouble is not None:
            raise trouble


def _is_busy(error: Exception) -> bool:
    """Another process is writing, no more."""
    return getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))


def open_spool(
    path: str,
    warn: Warn,
    told: Told = lambda reason, n: None,
    over: Callable[[str], None] = lambda kind: None,
    **bounds: Any,
) -> Spool:
    """The spool at `path`; a new one if what is there is no spool; a memory queue, said once, if none can be had.

    Each trouble is a kind of warning of its own; `over` hears of the one that ends.
    """
    if path == MEMORY:
        return MemorySpool(told=told, max_events=bounds["max_events"], max_bytes=bounds["max_bytes"])
    return Refuge(path, lambda: open_file(path, warn, told, bounds), warn, told, over)
