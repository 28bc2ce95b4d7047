"""The spool: what has been captured and not yet delivered, in one SQLite file shared by all processes of a host.

A captured event is one committed row, so a killed process loses nothing. A sender leases rows, sends them, and settles
the lease: delivered rows are deleted, rejected ones move to the `dead` table with the service's reasons. A lease names
its process; what a dead process held is free at the next opening, what a hanging one holds is free when it expires.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any, Final

from heedback import tables, texts
from heedback.lease import Lease, Load, Row, Told, split
from heedback.limits import BATCH_BYTES
from heedback.place import Ground, make_folder, make_private
from heedback.tables import BUSY_SECONDS, PUT
from heedback.tables import Synchronous as Synchronous

LEASE_SECONDS: Final = 120.0  # longer than a request may take, with its connection and its answer
MAX_EVENTS: Final = 100_000
MAX_BYTES: Final = 256 * 1024 * 1024
MAX_AGE_DAYS: Final = 30.0
KEPT_DEAD: Final = 10_000  # events that the service rejected: the newest
DEAD_SHARE: Final = 8  # of the bytes a spool may have, the part for them
UNREADABLE: Final = "unreadable"  # why a row is dead that the service never saw
_CHECK_EVERY: Final = 256  # puts between two looks at the bounds
_TIDY_SECONDS: Final = 600.0
_PATIENT_TRIES: Final = 20
_HURRIED_TRIES: Final = 1  # at opening, which may be the host's thread's, and where memory stands in

# Connections a forked child inherited. Closing one there could fold the parent's log; they are kept, unused, for ever.
_inherited: list[object] = []


class FileSpool:
    """The spool on disk. One connection writes, under a lock; another reads, so that reading bodies delays nobody.

    Raises:
        sqlite3.Error, OSError: the file cannot be opened, or a statement failed.
    """

    def __init__(
        self,
        path: str,
        *,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        max_age_days: float = MAX_AGE_DAYS,
        synchronous: Synchronous = "normal",
        told: Told = lambda reason, n: None,
        stopwatch: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path = path
        self._stopwatch = stopwatch
        self._began: tuple[float, float] | None = None  # by the host's clock, and by the stopwatch
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._max_age = max_age_days * 24 * 3600.0
        self._told = told
        self._look_after = max(1, min(_CHECK_EVERY, max_events // 16))
        self._look_after_chars = max_bytes // 64  # of four bytes at most: a sixteenth of the room
        self._unseen = self._unseen_chars = 0
        self._dear_until = 0  # up to here all is feedback
        self._tidy_at = 0.0  # by the stopwatch
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._stopped: list[threading.Lock] = []
        make_folder(path)
        tables.look(path)
        make_private(path)
        self._writer = tables.connect(path, synchronous)
        self._insert = self._writer.cursor().execute
        self._reader = tables.connect(path, synchronous)
        self._prepare()
        self.ground = Ground(path, self._one("PRAGMA page_size"), self._frames)

    def put(self, body: str, dear: bool, redactor: int | None, at: float) -> None:
        """One committed row. What is dear (feedback) is dropped last when the spool is full."""
        if not self._write_lock.acquire(False):
            self._enter()
        try:
            self._insert(PUT, (at, 1 if dear else 0, redactor, body))  # a bool would be adapted, which takes longer
            self._unseen += 1
            self._unseen_chars += len(body)
            if self._unseen >= self._look_after or self._unseen_chars > self._look_after_chars:
                self._trim()
        finally:
            self._write_lock.release()

    def take(self, load: Load, tries: int = _HURRIED_TRIES) -> None:
        """What another spool had, in one transaction."""
        with self._writing(tries) as db:
            db.executemany(PUT, [(at, dear, redactor, body) for body, dear, redactor, at in load.rows])
            for output_id, (body, _, redactor, at) in load.held:
                texts.hold(db, output_id, body, redactor, at)
            for output_id, at in load.wanted.items():
                texts.want(db, output_id, at)
            for reason, n in load.dropped.items():
                tables.count_drop(db, reason, n)
            self._unseen = self._look_after  # the next put looks

    def hold(self, output_id: str, body: str, redactor: int | None, at: float) -> None:
        """Keep the text of an output until somebody wants it: see `heedback.texts`."""
        with self._captures():
            texts.hold(self._writer, output_id, body, redactor, at)

    def want(self, output_id: str, at: float) -> None:
        with self._captures():
            texts.want(self._writer, output_id, at)

    def lease(self, count: int, now: float) -> Lease | None:
        """The oldest free rows, at most `count`, closed by bytes; None when there is nothing to send at `now`.

        Rows that were put aside come when no others wait, and the fewer at once the more often they were put aside.
        """
        while taken := self._take(count, now):
            if lease := self._read(*taken, now):
                return lease
        return None

    def _take(self, count: int, now: float) -> tuple[int, dict[str, int], int] | None:
        """The lease's number, what its batch tells about drops, and how often its rows were put aside."""
        token = int.from_bytes(os.urandom(7))
        take = {"token": token, "pid": os.getpid(), "now": now, "until": now + LEASE_SECONDS}
        with self._writing() as db:
            texts.send_what_is_wanted(db)
            if self._stopwatch() >= self._tidy_at:
                self._tidy_at = self._stopwatch() + _TIDY_SECONDS
                self._tidy(db, now)
            take |= {"count": count, "bytes": BATCH_BYTES}
            seqs = db.execute(tables.TAKE_FRESH, take).fetchall()
            tries = 0
            due = None if seqs else db.execute(tables.DUE, take).fetchone()
            if due:
                tries = int(due[0])
                seqs = db.execute(tables.TAKE_ASIDE, take | {"tries": tries, "count": split(count, tries)}).fetchall()
            if not seqs:
                self._free_the_dead(db)  # for the next look: whoever holds rows may just have been killed
                return None
            return token, tables.tell(db, token), tries

    def _read(self, token: int, dropped: dict[str, int], tries: int, now: float) -> Lease | None:
        """The rows of a lease; None if not one of them can be read."""
        with self._read_lock:
            rows = self._reader.execute(tables.HELD, (token,)).fetchall()
        bodies = {seq: tables.readable(body, is_json) for seq, _, body, is_json in rows}
        good = {seq: body for seq, body in bodies.items() if body is not None}
        redactor = rows[0][1] if rows and isinstance(rows[0][1], int) else None  # by none that is known
        lease = Lease(token, tuple(good), tuple(good.values()), redactor, dropped, tries)
        if len(good) < len(rows) or not good:
            self._bury(lease, [seq for seq in bodies if seq not in good], now)
        return lease if good else None

    def _bury(self, lease: Lease, unreadable: list[int], now: float) -> None:
        """What is no event makes way for the others. The service, which will never see it, is told."""
        with self._writing() as db:
            db.executemany(tables.BURY, [(now, UNREADABLE, seq) for seq in unreadable])
            for table in ("event", "lease"):
                db.executemany(f"DELETE FROM {table} WHERE seq = ?", [(seq,) for seq in unreadable])  # noqa: S608
            if not lease.seqs:
                _give_back(db, lease)
            self._count(db, UNREADABLE, len(unreadable))
        self._trim_dead()

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float, told: bool = True) -> None:
        """The batch is stored on the far side: forget its rows, keep the rejected (by place) with their reasons.

        `told`: the far side has read the envelope too, and knows what was dropped.
        """
        dead = [(now, reasons, lease.bodies[at]) for at, reasons in rejected.items() if at < len(lease.bodies)]
        with self._writing() as db:
            # By token, not by number: if the lease expired, somebody else may hold these rows, or the number be reused.
            db.execute("DELETE FROM event WHERE seq IN (SELECT seq FROM lease WHERE token = ?)", (lease.token,))
            if told:
                db.execute("DELETE FROM told WHERE token = ?", (lease.token,))
            _give_back(db, lease)
            if dead:
                db.executemany("INSERT INTO dead (at, reasons, body) VALUES (?, ?, ?)", dead)
        if dead:
            self._trim_dead()
        self._fold()

    def _trim_dead(self) -> None:
        """The newest are kept, by count and by bytes."""
        last = self._one(tables.DEAD_OVER, KEPT_DEAD, self._max_bytes // DEAD_SHARE)
        if last is not None:
            with self._writing() as db:
                self._count(db, "dead_full", db.execute("DELETE FROM dead WHERE seq <= ?", (last,)).rowcount)

    def release(self, lease: Lease) -> None:
        """The batch did not arrive: give its rows back, and what it would have told about drops."""
        with self._writing() as db:
            _give_back(db, lease)

    def put_aside(self, lease: Lease, until: float) -> None:
        """Give its rows back, to be sent apart from others and not before `until`: one may be what made it fail."""
        with self._writing() as db:
            db.execute(tables.PUT_ASIDE, (lease.tries + 1, until, lease.token))
            _give_back(db, lease)

    def drop(self, reason: str, n: int = 1) -> None:
        """To be told to the service with the next batch."""
        with self._captures():
            tables.count_drop(self._writer, reason, n)

    def last(self) -> int:
        """The newest row's number: a mark for `waiting`."""
        with self._writing() as db:
            texts.send_what_is_wanted(db)
        return int(self._one("SELECT coalesce(max(seq), 0) FROM event"))

    def waiting(self, upto: int) -> bool:
        """Whether a row captured up to the mark is still here, in whosever hands."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM event WHERE seq <= ?)", upto))

    def facts(self) -> dict[str, Any]:
        return {
            "spool": "file",
            "spool_path": self.path,
            "pending": self._one("SELECT count(*) FROM event"),
            "aside": self._one("SELECT count(*) FROM aside"),
            "dead": self._one("SELECT count(*) FROM dead"),
            "held": self._one("SELECT count(*) FROM held"),
            "bytes": self._used_bytes(self._reader, self._read_lock),
        }

    def _frames(self) -> int:
        """How many pages SQLite believes are in the log; more than there can be where it cannot be read."""
        try:
            with self._read_lock:
                return int(self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])
        except sqlite3.OperationalError as error:
            return sys.maxsize if error.sqlite_errorname.startswith("SQLITE_IOERR") else 0

    def rows(self) -> Generator[tuple[int, Row | None], None, None]:
        """See `tables.rows`."""
        with self._read_lock:
            yield from tables.rows(self._reader)

    @contextlib.contextmanager
    def last_look(self) -> Iterator[None]:
        """Nobody writes until it is closed: who comes too late fails, and puts what he has elsewhere."""
        with self._write_lock:
            try:
                yield
            finally:
                with self._read_lock:
                    self._close()

    def drops(self) -> dict[str, int]:
        """During the last look: what others have not told yet. What cannot be read is not there."""
        with contextlib.suppress(sqlite3.Error):
            self._writer.execute("BEGIN IMMEDIATE")
            with tables.until_commit(self._writer) as db:
                return tables.take_drops(db)
        return {}

    def before_fork(self) -> None:
        """Nobody is inside SQLite while the process is copied."""
        self._stopped = [lock for lock in (self._write_lock, self._read_lock) if lock.acquire(timeout=1)]

    def after_fork(self) -> None:
        for lock in self._stopped:
            lock.release()

    def abandon(self) -> None:
        """In a forked child: never use, never close what belongs to the parent."""
        _inherited.extend((self._writer, self._reader, self))

    def rescue(self, deadline: float = 0.0) -> int:
        """How many events end with the process: none, they are in the file."""
        return 0

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._close()

    def _close(self) -> None:
        self._reader.close()
        self._writer.close()

    def _prepare(self) -> None:
        with self._writing(_HURRIED_TRIES) as db:
            tables.check(db)  # again: it may have come to be since
            tables.prepare(db)
            # Under our own number, at opening, stands an earlier process: in containers everybody is number 1.
            db.execute("DELETE FROM lease WHERE pid = ?", (os.getpid(),))
            self._free_the_dead(db)

    def _free_the_dead(self, db: sqlite3.Connection) -> None:
        """Leases of processes that no longer run end now. A mistake costs one delivery more, which nobody counts."""
        holders = [pid for (pid,) in db.execute("SELECT DISTINCT pid FROM lease").fetchall()]
        dead = [(pid,) for pid in holders if pid != os.getpid() and not _is_running(pid)]
        db.executemany("DELETE FROM lease WHERE pid = ?", dead)

    def _tidy(self, db: sqlite3.Connection, now: float) -> None:
        now = self._steady(now)
        texts.forget_old(db, now)
        self._count(db, "too_old", db.execute(tables.DROP_OLD, {"since": now - self._max_age}).rowcount)

    def _steady(self, now: float) -> float:
        """`now` without what the host's clock was put forward while we ran: nothing has waited through that time."""
        stopwatch = self._stopwatch()
        began, stopwatch_began = self._began = self._began or (now, stopwatch)
        return min(now, began + stopwatch - stopwatch_began)

    def _trim(self) -> None:
        """Over a bound the oldest go, as many more as come until the next look: texts nobody asked for, then outputs
        and signals, feedback last, never what is on its way. The look itself reads counters, not rows."""
        self._unseen = self._unseen_chars = 0
        used = self._used_bytes(self._writer)
        span = self._writer.execute(tables.SPAN).fetchone()[0] or 0
        if used <= self._max_bytes and span <= self._max_events:
            return
        count = self._writer.execute("SELECT count(*) FROM event").fetchone()[0]
        over = max(count / self._max_events, used / self._max_bytes)
        if over > 1:
            self._drop_oldest(count - int(count / over) + self._look_after)

    def _drop_oldest(self, excess: int) -> None:
        self._writer.execute("BEGIN IMMEDIATE")
        with tables.until_commit(self._writer) as db:
            forgotten = texts.forget_oldest(db, excess)
            if forgotten:
                self._told("text_full", forgotten)  # no event: the service counts nothing less
            cheap = db.execute(tables.DROP, (self._dear_until, True, excess)).fetchall()
            self._dear_until = max((seq for (seq,) in cheap), default=0) if len(cheap) == excess else 0
            gone = len(cheap) + len(db.execute(tables.DROP, (0, False, excess - len(cheap))).fetchall())
            self._count(db, "spool_full", gone)

    def _count(self, db: sqlite3.Connection, reason: str, n: int) -> None:
        if n:
            tables.count_drop(db, reason, n)
            self._told(reason, n)

    def _used_bytes(self, db: sqlite3.Connection, lock: threading.Lock | None = None) -> int:
        with lock or contextlib.nullcontext():
            size, pages, free = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_size", "page_count", "freelist_count")
            )
        return int(size * (pages - free))

    def _fold(self) -> None:
        """Move the log into the file from the sender's thread, so that it rarely falls to a capture."""
        with self._read_lock:
            self._reader.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    @contextlib.contextmanager
    def _captures(self) -> Iterator[None]:
        self._enter()
        try:
            yield
        finally:
            self._write_lock.release()

    def _enter(self) -> None:
        """A capture waits for the other threads, which may all be waiting for a process, no longer than for that."""
        if not self._write_lock.acquire(timeout=BUSY_SECONDS):
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorname = "SQLITE_BUSY"
            raise error

    @contextlib.contextmanager
    def _writing(self, tries: int = _PATIENT_TRIES) -> Iterator[sqlite3.Connection]:
        self._begin(tries)
        try:
            with tables.until_commit(self._writer) as db:
                yield db
        finally:
            self._write_lock.release()

    def _begin(self, tries: int) -> None:
        """Patient where a capture is not: a batch that was sent must be settled. Captures pass between the tries."""
        for tries_left in reversed(range(tries)):
            self._write_lock.acquire()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except BaseException as error:
                self._write_lock.release()
                if not isinstance(error, sqlite3.OperationalError) or not tries_left:
                    raise
            time.sleep(BUSY_SECONDS / 10)

    def _one(self, sql: str, *values: Any) -> Any:
        with self._read_lock:
            return self._reader.execute(sql, values).fetchone()[0]


def _give_back(db: sqlite3.Connection, lease: Lease) -> None:
    db.execute("DELETE FROM lease WHERE token = ?", (lease.token,))
    tables.take_back(db)


def _is_running(pid: int) -> bool:
    if os.name == "nt":  # there, signal 0 is not a question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
