"""The spool: what has been captured and not yet delivered, in one SQLite file shared by all processes of a host.

A captured event is one committed row, so a killed process loses nothing. A sender leases rows, sends them, and settles
the lease: delivered rows are deleted, rejected ones move to the `dead` table with the service's reasons. A lease names
its process; what a dead process held is free at the next opening, what a hanging one holds is free when it expires.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from heedback.limits import BATCH_BYTES

LEASE_SECONDS: Final = 120.0  # longer than a request may take, with its connection and its answer
MAX_EVENTS: Final = 100_000
MAX_BYTES: Final = 256 * 1024 * 1024
KEPT_DEAD: Final = 10_000
_CHECK_EVERY: Final = 128  # puts between two looks at the bounds
_BUSY_SECONDS: Final = 0.25  # another process is writing: longer than this the host's thread does not wait
_PATIENT_TRIES: Final = 20
_FORMAT: Final = 1

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, dear INTEGER NOT NULL, redactor INTEGER, size INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS lease (
  seq INTEGER PRIMARY KEY, token INTEGER NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY, at REAL NOT NULL, reasons TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (reason TEXT PRIMARY KEY, n INTEGER NOT NULL);
"""

# Leases stand beside the events: taking one must not write the bodies again.
_TAKE: Final = """
INSERT INTO lease (seq, token, pid, until)
SELECT seq, :token, :pid, :until FROM (
  SELECT seq, redactor, sum(size) OVER (ORDER BY seq) - size AS before,
         first_value(redactor) OVER (ORDER BY seq) AS same
  FROM (SELECT event.seq, redactor, size FROM event LEFT JOIN lease ON lease.seq = event.seq
        WHERE lease.until IS NULL OR lease.until <= :now ORDER BY event.seq LIMIT :count))
WHERE before < :bytes AND redactor IS same
ON CONFLICT (seq) DO UPDATE SET token = excluded.token, pid = excluded.pid, until = excluded.until
RETURNING seq
"""
_DROP: Final = """
DELETE FROM event WHERE seq IN (
  SELECT seq FROM event WHERE seq NOT IN (SELECT seq FROM lease) {which} ORDER BY seq LIMIT ?)
"""
# Two looks at the ends of the tree: min and max in one SELECT would read every row between them.
_SPAN: Final = "SELECT (SELECT max(seq) FROM event) - (SELECT min(seq) FROM event) + 1"
_HELD: Final = "SELECT event.seq, redactor, body FROM lease JOIN event USING (seq) WHERE token = ? ORDER BY event.seq"


@dataclass(frozen=True, slots=True)
class Lease:
    """Rows that are ours until the lease ends. All were redacted by the same version of the rules (None: by none)."""

    token: int
    seqs: tuple[int, ...]
    bodies: tuple[str, ...]
    redactor: int | None
    dropped: Mapping[str, int]


class Spool(Protocol):
    """What a sender and a client need of a spool; every method may be called from any thread."""

    def put(self, body: str, *, dear: bool, redactor: int | None) -> None: ...
    def lease(self, count: int, now: float) -> Lease | None: ...
    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float) -> None: ...
    def release(self, lease: Lease) -> None: ...
    def drop(self, reason: str, n: int = 1) -> None: ...
    def last(self) -> Any: ...
    def waiting(self, upto: Any) -> bool: ...
    def facts(self) -> dict[str, Any]: ...
    def hold(self) -> None: ...
    def let_go(self) -> None: ...
    def abandon(self) -> None: ...
    def close(self) -> None: ...


# Connections a forked child inherited. Closing one there could fold the parent's log; they are kept, unused, for ever.
_inherited: list[object] = []


class FileSpool:
    """The spool on disk. One connection writes, under a lock; another reads, so that reading bodies delays nobody.

    Raises:
        sqlite3.Error, OSError: the file cannot be opened, or a statement failed.
    """

    def __init__(self, path: str, *, max_events: int = MAX_EVENTS, max_bytes: int = MAX_BYTES) -> None:
        self.path = path
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._check_every = max(1, min(_CHECK_EVERY, max_events // 16))
        self._puts = 0
        self._write_lock = threading.Lock()
        self._read_lock = threading.Lock()
        self._held: list[threading.Lock] = []
        _make_private(path)
        self._writer = _connect(path)
        self._reader = _connect(path)
        self._prepare()

    def put(self, body: str, *, dear: bool, redactor: int | None) -> None:
        """One committed row. What is dear (feedback) is dropped last when the spool is full."""
        with self._write_lock:
            self._writer.execute(
                "INSERT INTO event (dear, redactor, size, body) VALUES (?, ?, ?, ?)",
                (dear, redactor, len(body.encode()), body),
            )
            self._puts += 1
            if self._puts % self._check_every == 0:
                self._trim()

    def lease(self, count: int, now: float) -> Lease | None:
        """The oldest free rows, at most `count`, closed by bytes; None when there is nothing to send at `now`."""
        token = int.from_bytes(os.urandom(7))
        take = {"token": token, "pid": os.getpid(), "now": now, "until": now + LEASE_SECONDS}
        with self._writing() as db:
            seqs = db.execute(_TAKE, take | {"count": count, "bytes": BATCH_BYTES}).fetchall()
            if not seqs:
                self._free_the_dead(db)  # for the next look: whoever holds rows may just have been killed
                return None
            dropped = dict(db.execute("DELETE FROM dropped RETURNING reason, n").fetchall())
        with self._read_lock:
            rows = self._reader.execute(_HELD, (token,)).fetchall()
        return Lease(token, tuple(r[0] for r in rows), tuple(r[2] for r in rows), rows[0][1], dropped)

    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float) -> None:
        """The batch is stored on the far side: forget its rows, keep the rejected (by place) with their reasons."""
        dead = [(now, reasons, lease.bodies[at]) for at, reasons in rejected.items() if at < len(lease.bodies)]
        with self._writing() as db:
            # By token, not by number: if the lease expired, somebody else may hold these rows, or the number be reused.
            db.execute("DELETE FROM event WHERE seq IN (SELECT seq FROM lease WHERE token = ?)", (lease.token,))
            db.execute("DELETE FROM lease WHERE token = ?", (lease.token,))
            if dead:
                db.executemany("INSERT INTO dead (at, reasons, body) VALUES (?, ?, ?)", dead)
                db.execute("DELETE FROM dead WHERE seq <= (SELECT max(seq) FROM dead) - ?", (KEPT_DEAD,))
        self._fold()

    def release(self, lease: Lease) -> None:
        """The batch did not arrive: give its rows back, and what it would have told about drops."""
        with self._writing() as db:
            db.execute("DELETE FROM lease WHERE token = ?", (lease.token,))
            for reason, n in lease.dropped.items():
                _count_drop(db, reason, n)

    def drop(self, reason: str, n: int = 1) -> None:
        with self._write_lock:
            _count_drop(self._writer, reason, n)

    def last(self) -> int:
        """The newest row's number: a mark for `waiting`."""
        return int(self._one("SELECT coalesce(max(seq), 0) FROM event"))

    def waiting(self, upto: int) -> bool:
        """Whether a row captured up to the mark is still here, in whosever hands."""
        return bool(self._one("SELECT EXISTS (SELECT 1 FROM event WHERE seq <= ?)", upto))

    def facts(self) -> dict[str, Any]:
        return {
            "spool": "file",
            "spool_path": self.path,
            "pending": self._one("SELECT count(*) FROM event"),
            "dead": self._one("SELECT count(*) FROM dead"),
            "bytes": self._used_bytes(self._reader, self._read_lock),
        }

    def hold(self) -> None:
        """Before a fork: nobody is inside SQLite while the process is copied."""
        self._held = [lock for lock in (self._write_lock, self._read_lock) if lock.acquire(timeout=1)]

    def let_go(self) -> None:
        for lock in self._held:
            lock.release()

    def abandon(self) -> None:
        """In a forked child: never use, never close what belongs to the parent."""
        _inherited.extend((self._writer, self._reader, self))

    def close(self) -> None:
        with self._write_lock, self._read_lock:
            self._reader.close()
            self._writer.close()

    def _prepare(self) -> None:
        version = self._one("PRAGMA user_version")
        if version not in (0, _FORMAT):
            raise sqlite3.DatabaseError(f"the spool has format {version}, this version writes {_FORMAT}")
        with self._writing() as db:
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {_FORMAT}")
            # Under our own number, at opening, stands an earlier process: in containers everybody is number 1.
            db.execute("DELETE FROM lease WHERE pid = ?", (os.getpid(),))
            self._free_the_dead(db)

    def _free_the_dead(self, db: sqlite3.Connection) -> None:
        """Leases of processes that no longer run end now. A mistake costs one delivery more, which nobody counts."""
        holders = [pid for (pid,) in db.execute("SELECT DISTINCT pid FROM lease").fetchall()]
        dead = [(pid,) for pid in holders if pid != os.getpid() and not _is_running(pid)]
        db.executemany("DELETE FROM lease WHERE pid = ?", dead)

    def _trim(self) -> None:
        """Over a bound the oldest go until a sixteenth is free, so that the next look comes soon enough: outputs and
        signals first, feedback last, never what is on its way. The look itself reads counters, not rows."""
        used = self._used_bytes(self._writer)
        span = self._writer.execute(_SPAN).fetchone()[0] or 0
        if used <= self._max_bytes and span <= self._max_events:
            return
        count = self._writer.execute("SELECT count(*) FROM event").fetchone()[0]
        over = max(count / self._max_events, used / self._max_bytes)
        if over > 1:
            self._drop_oldest(count - int(count / over * 15 / 16))

    def _drop_oldest(self, excess: int) -> None:
        gone = 0
        for sql in (_DROP.format(which="AND NOT dear"), _DROP.format(which="")):
            gone += self._writer.execute(sql, (excess - gone,)).rowcount
        _count_drop(self._writer, "spool_full", gone)

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
    def _writing(self) -> Iterator[sqlite3.Connection]:
        self._begin()
        try:
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException:
            if self._writer.in_transaction:
                self._writer.execute("ROLLBACK")
            raise
        finally:
            self._write_lock.release()

    def _begin(self) -> None:
        """Patient where a capture is not: a batch that was sent must be settled. Captures pass between the tries."""
        for tries_left in reversed(range(_PATIENT_TRIES)):
            self._write_lock.acquire()
            try:
                self._writer.execute("BEGIN IMMEDIATE")
                return
            except BaseException as error:
                self._write_lock.release()
                if not isinstance(error, sqlite3.OperationalError) or not tries_left:
                    raise
            time.sleep(_BUSY_SECONDS / 10)

    def _one(self, sql: str, *values: Any) -> Any:
        with self._read_lock:
            return self._reader.execute(sql, values).fetchone()[0]


def _connect(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA wal_autocheckpoint = 4000")  # the sender folds long before
    except BaseException:
        db.close()
        raise
    return db


def _make_private(path: str) -> None:
    """The file before SQLite opens it, so that it (and the log, which takes after it) is never readable by others."""
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)  # noqa: PTH103, PTH120 pathlib costs the import
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))


def _count_drop(db: sqlite3.Connection, reason: str, n: int) -> None:
    if n:
        db.execute(
            "INSERT INTO dropped VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET n = n + excluded.n", (reason, n)
        )


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


def default_path(url: str, kid: str) -> str:
    """A file for each service and key in the user's own state folder: two projects never share a spool by default."""
    import hashlib

    state = os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or os.path.join("~", ".local", "state")  # noqa: PTH118
    name = hashlib.sha256(f"{url} {kid}".encode()).hexdigest()[:16]
    return os.path.join(os.path.expanduser(state), "heedback", f"spool-{name}.db")  # noqa: PTH111, PTH118


def set_aside(path: str) -> str:
    """Rename a spool that is no database, with its log, and return the new name."""
    aside = f"{path}.corrupt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)  # noqa: PTH104
    return aside
