"""The tables of a spool: the statements on them, and the connections that run these."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
from collections.abc import Iterator
from typing import Final, Literal

from heedback import texts
from heedback.lease import Row

FORMAT: Final = 2
_APPLICATION: Final = int.from_bytes(b"heed")  # in the file's header, which is how it is told from others
_OURS: Final = frozenset({"event", "lease", "dead", "dropped", "held", "wanted"})  # in files without it
BUSY_SECONDS: Final = 0.25  # another process is writing: longer than this the host's thread does not wait

Synchronous = Literal["normal", "full"]

SCHEMA: Final = (
    """
CREATE TABLE IF NOT EXISTS event (
  seq INTEGER PRIMARY KEY, at REAL NOT NULL, dear INTEGER NOT NULL, redactor INTEGER, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS lease (
  seq INTEGER PRIMARY KEY, token INTEGER NOT NULL, pid INTEGER NOT NULL, until REAL NOT NULL);
CREATE TABLE IF NOT EXISTS dead (seq INTEGER PRIMARY KEY, at REAL NOT NULL, reasons TEXT NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (reason TEXT PRIMARY KEY, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS told (token INTEGER NOT NULL, reason TEXT NOT NULL, n INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS aside (
  seq INTEGER PRIMARY KEY REFERENCES event ON DELETE CASCADE, tries INTEGER NOT NULL, until REAL NOT NULL);
"""
    + texts.SCHEMA
)
# The text as it is and not as bytes: SQLite makes those for less.
PUT: Final = "INSERT INTO event (at, dear, redactor, body) VALUES (?, ?, ?, CAST(? AS BLOB))"

# Leases stand beside the events: taking one must not write the bodies again. The length of a blob is read without it.
_TAKE: Final = """
INSERT INTO lease (seq, token, pid, until)
SELECT seq, :token, :pid, :until FROM (
  SELECT seq, redactor, sum(size) OVER (ORDER BY seq) - size AS before,
         first_value(redactor) OVER (ORDER BY seq) AS same
  FROM (SELECT event.seq, redactor, length(body) AS size FROM event LEFT JOIN lease ON lease.seq = event.seq
        WHERE (lease.until IS NULL OR lease.until <= :now) AND {which} ORDER BY event.seq LIMIT :count))
WHERE before < :bytes AND redactor IS same
ON CONFLICT (seq) DO UPDATE SET token = excluded.token, pid = excluded.pid, until = excluded.until
RETURNING seq
"""
TAKE_FRESH: Final = _TAKE.format(which="event.seq NOT IN (SELECT seq FROM aside)")
TAKE_ASIDE: Final = _TAKE.format(which="event.seq IN (SELECT seq FROM aside WHERE tries = :tries AND until <= :now)")
DUE: Final = """
SELECT tries FROM aside
WHERE until <= :now AND typeof(tries) = 'integer' AND seq NOT IN (SELECT seq FROM lease WHERE until > :now)
ORDER BY until LIMIT 1
"""
PUT_ASIDE: Final = """
INSERT INTO aside (seq, tries, until) SELECT seq, ?, ? FROM lease CROSS JOIN event USING (seq) WHERE token = ?
ON CONFLICT (seq) DO UPDATE SET tries = excluded.tries, until = excluded.until
"""
DROP: Final = """
DELETE FROM event WHERE seq IN (
  SELECT seq FROM event WHERE seq > ? AND NOT (dear AND ?) AND seq NOT IN (SELECT seq FROM lease) ORDER BY seq LIMIT ?)
RETURNING seq
"""
# They lie in the order they were captured: the first that is young enough ends the search.
DROP_OLD: Final = """
DELETE FROM event WHERE seq NOT IN (SELECT seq FROM lease)
AND seq < coalesce((SELECT seq FROM event WHERE at >= :since ORDER BY seq LIMIT 1), (SELECT max(seq) + 1 FROM event))
"""
# Reads them all, so it is asked of the connection that delays nobody; then the oldest go by their numbers.
DEAD_OVER: Final = """
SELECT max(seq) FROM (
  SELECT seq, row_number() OVER newest AS n, sum(length(body)) OVER newest AS bytes FROM dead
  WINDOW newest AS (ORDER BY seq DESC))
WHERE n > ? OR bytes > ?
"""
# Drops that a batch tells of are under its lease. One that ended without settling has told nobody.
_UNTOLD: Final = "FROM told WHERE token NOT IN (SELECT token FROM lease)"
_TAKE_BACK: Final = f"""
INSERT INTO dropped SELECT reason, sum(n) {_UNTOLD} GROUP BY reason
ON CONFLICT (reason) DO UPDATE SET n = n + excluded.n
"""
# Two looks at the ends of the tree: min and max in one SELECT would read every row between them.
SPAN: Final = "SELECT (SELECT max(seq) FROM event) - (SELECT min(seq) FROM event) + 1"
# CROSS JOIN: begun from the few leases. SQLite's own choice begins from the events and reads them all.
# Whether it is JSON is asked of SQLite, which leaves the interpreter to the host meanwhile.
HELD: Final = """
SELECT lease.seq, redactor, CAST(body AS BLOB), json_valid(CAST(body AS TEXT))
FROM lease CROSS JOIN event USING (seq) WHERE token = ? ORDER BY lease.seq
"""
ROWS: Final = (
    "SELECT seq, CAST(body AS BLOB), dear, redactor, CAST(at AS REAL), json_valid(CAST(body AS TEXT)) FROM event"
)
BURY: Final = "INSERT INTO dead (at, reasons, body) SELECT ?, ?, body FROM event WHERE seq = ?"


class ForeignError(sqlite3.OperationalError):
    """The file is a database, but not a spool."""


class NewerError(sqlite3.OperationalError):
    """The file is a spool of a format that we do not know."""


def look(path: str) -> None:
    """Before anything is changed: that the file, if there is one, is ours to change.

    Raises:
        ForeignError, NewerError: it is not.
        sqlite3.DatabaseError: it is no database.
    """
    if os.path.exists(path) and os.path.getsize(path):  # noqa: PTH110, PTH202
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as db:
            check(db)


def check(db: sqlite3.Connection) -> None:
    """See `look`; also of a format that is no longer written, which is as good as none."""
    names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    application, version = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if application not in (0, _APPLICATION) or (names and not application and not names >= _OURS):
        raise ForeignError("it is another application's database, name another file")
    if version > FORMAT:
        raise NewerError(f"format {version}, this one knows {FORMAT}")
    if version not in (0, FORMAT):
        raise sqlite3.DatabaseError(f"the spool has format {version}, this version of heedback writes {FORMAT}")


def prepare(db: sqlite3.Connection) -> None:
    """Inside a transaction: the tables, if they are not there yet."""
    for statement in SCHEMA.split(";"):
        db.execute(statement)
    db.execute(f"PRAGMA user_version = {FORMAT}")
    db.execute(f"PRAGMA application_id = {_APPLICATION}")


def connect(path: str, synchronous: Synchronous) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        if db.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            raise sqlite3.OperationalError("the file system has no shared memory, name a local file")
        db.execute(f"PRAGMA synchronous = {synchronous}")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA wal_autocheckpoint = 4000")  # the sender folds long before
        learn_json(db)
    except BaseException:
        db.close()
        raise
    return db


def learn_json(db: sqlite3.Connection) -> None:
    """An SQLite before 3.38 may be built without JSON: then the service finds what is none."""
    try:
        db.execute("SELECT json_valid('{}')")
    except sqlite3.OperationalError:
        db.create_function("json_valid", 1, lambda text: True)


def readable(body: bytes, is_json: object) -> str | None:
    """The event as it is sent; None for a row that holds none, whatever put it there."""
    if is_json and body.startswith(b"{"):
        with contextlib.suppress(UnicodeDecodeError):
            return body.decode()
    return None


def rows(db: sqlite3.Connection) -> Iterator[tuple[int, Row | None]]:
    """All that can be read, with its number: from both ends where the middle is broken. None for what is no event.

    Raises:
        sqlite3.Error: not all of it could be read.
    """
    seen = -sys.maxsize
    try:
        for seq, *row in db.execute(f"{ROWS} ORDER BY seq"):
            seen = seq
            yield seq, _row(*row)
    except sqlite3.DatabaseError:
        for seq, *row in db.execute(f"{ROWS} WHERE seq > ? ORDER BY seq DESC", (seen,)):
            yield seq, _row(*row)


def _row(body: bytes, dear: object, redactor: object, at: float, is_json: object) -> Row | None:
    text = readable(body, is_json)
    return None if text is None else (text, bool(dear), redactor if isinstance(redactor, int) else None, at)


def take_drops(db: sqlite3.Connection) -> dict[str, int]:
    """All that is to be told of drops, from now on by who asks; a batch that is on its way may tell it once more."""
    counted: dict[str, int] = {}
    for table in ("dropped", "told"):
        for reason, n in db.execute(f"DELETE FROM {table} RETURNING reason, CAST(n AS INTEGER)").fetchall():  # noqa: S608
            counted[reason] = counted.get(reason, 0) + n
    return counted


@contextlib.contextmanager
def until_commit(db: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    try:
        yield db
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def take_back(db: sqlite3.Connection) -> None:
    db.execute(_TAKE_BACK)
    db.execute(f"DELETE {_UNTOLD}")


def tell(db: sqlite3.Connection, token: int) -> dict[str, int]:
    """The drops that the service does not know of, for one batch to tell; they outlive the process that sends it."""
    take_back(db)
    dropped = dict(db.execute("DELETE FROM dropped RETURNING reason, CAST(n AS INTEGER)").fetchall())
    db.executemany("INSERT INTO told VALUES (?, ?, ?)", [(token, reason, n) for reason, n in dropped.items()])
    return dropped


def count_drop(db: sqlite3.Connection, reason: str, n: int) -> None:
    if n:
        db.execute(
            "INSERT INTO dropped VALUES (?, ?) ON CONFLICT (reason) DO UPDATE SET n = n + excluded.n", (reason, n)
        )
