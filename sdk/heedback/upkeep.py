"""What people do with a spool from outside the app, for `python -m heedback spool`: look, send, list the dead,
retry them, drop.

Looking opens the file read-only and disturbs nobody: no lease is freed, no file made. Sending is the app's own `Sender`
with a transport that is listened to. Nothing here sets a damaged file aside: that is left to the app.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import stat
import time
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from heedback.delivery import Sender
from heedback.errors import HeedbackError
from heedback.place import beside
from heedback.spool import FileSpool
from heedback.tables import FORMAT, count_drop, until_commit
from heedback.tally import Tally
from heedback.transport import Batch, Outcome, RetryAfter, Transport

BY_HAND: Final = "by_hand"  # the reason told to the service for events that somebody dropped
NOTHING_YET: Final = "nothing was captured with these settings yet, or it is another file"
_PATIENCE_SECONDS: Final = 5.0  # for an app that is writing
_LOOK_SECONDS: Final = 0.05
_ANY_AGE_DAYS: Final = 365_000.0  # what is too old is for the app to say

_TABLES: Final = frozenset({"event", "lease", "aside", "dead", "held", "wanted", "dropped"})
_COUNTS: Final = {
    "pending": "SELECT count(*) FROM event",
    "feedback": "SELECT count(*) FROM event WHERE dear",
    "sending": "SELECT count(*) FROM event JOIN lease USING (seq) WHERE until > :now",
    "aside": "SELECT count(*) FROM aside",
    "dead": "SELECT count(*) FROM dead",
    "held": "SELECT count(*) FROM held",
}
_AGES: Final = {
    "oldest_seconds": "SELECT max(:now - at, 0.0) FROM (SELECT min(at) AS at FROM event)",
    "newest_seconds": "SELECT max(:now - at, 0.0) FROM (SELECT max(at) AS at FROM event)",
    "dead_oldest_seconds": "SELECT max(:now - at, 0.0) FROM (SELECT min(at) AS at FROM dead)",
    "held_oldest_seconds": "SELECT max(:now - at, 0.0) FROM (SELECT min(at) AS at FROM held)",
}
# Whatever stands in the columns, it can be shown.
_DEAD: Final = """
SELECT seq, CAST(at AS REAL), CAST(reasons AS TEXT), CAST(body AS BLOB) FROM dead ORDER BY seq
"""
_REVIVE: Final = (
    "INSERT INTO event (at, dear, redactor, body) SELECT ?, ?, NULL, CAST(body AS BLOB) FROM dead WHERE seq = ?"
)
_SHOWN_BYTES: Final = 200
_LAST_MOMENT: Final = 253402300799.0  # of the year 9999
_DROP: Final = "DELETE FROM event WHERE seq NOT IN (SELECT seq FROM lease WHERE until > :now)"


class SpoolError(HeedbackError):
    """The file cannot be read or is no spool; the message is for people."""


class NoSpoolError(SpoolError):
    """There is no such file."""


def require(path: str) -> None:
    """Raises NoSpoolError unless something was ever written there: what all but `status` begin with."""
    if not _is_begun(path):
        raise NoSpoolError(f"there is no spool at {path}: {NOTHING_YET}")


def _is_begun(path: str) -> bool:
    return Path(path).exists() and Path(path).stat().st_size > 0


def status(path: str, now: float) -> dict[str, Any]:
    """How the spool at `path` stands: counts, ages in seconds, size in bytes, permissions. It need not exist yet."""
    if not _is_begun(path):
        nothing = {"dropped": {}, "bytes": 0} | dict.fromkeys(_COUNTS, 0) | dict.fromkeys(_AGES)
        return {"path": path, "exists": False, "mode": None} | nothing
    with _reading(path) as db:
        db.execute("BEGIN")  # all numbers are of one moment
        size, pages, free = (_one(db, f"PRAGMA {name}") for name in ("page_size", "page_count", "freelist_count"))
        return {
            "path": path,
            "exists": True,
            "mode": f"{stat.S_IMODE(Path(path).stat().st_mode):04o}",
            "dropped": dict(db.execute("SELECT reason, n FROM dropped ORDER BY reason").fetchall()),
            "bytes": size * (pages - free),
            **{name: _one(db, sql, now=now) for name, sql in (_COUNTS | _AGES).items()},
        }


def dead(path: str, *, text: bool = False) -> list[dict[str, Any]]:
    """The rejected events, the oldest first, with the service's reasons; what people wrote only if `text` says so.

    One that is no event has no id, and its size in `bytes`; of its text the beginning is shown, escaped.
    """
    with _reading(path) as db:
        rows = db.execute(_DEAD).fetchall()
    return [_dead(at, reasons, body, text) for _, at, reasons, body in rows]


def _dead(at: float, reasons: str, body: bytes, text: bool) -> dict[str, Any]:
    event = _event(body)
    told = {name: event and event.get(name) for name in ("id", "type", "feature", "occurred_at")}
    rejected = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(max(at, 0.0), _LAST_MOMENT)))
    fields: dict[str, Any] = {"rejected_at": rejected, **told, "reasons": _by_field(reasons)}
    if event is None:
        fields |= {"bytes": len(body)}
        event = {"begins": body[:_SHOWN_BYTES].decode("ascii", "backslashreplace")}
    return fields | ({"event": event} if text else {})


def _event(body: bytes) -> dict[str, Any] | None:
    """None for a row that holds no event."""
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) else None


def _by_field(reasons: str) -> dict[str, list[str]] | str:
    """The service's messages by field, or what it said of a whole request."""
    try:
        return {field: [str(each) for each in messages] for field, messages in json.loads(reasons).items()}
    except (ValueError, TypeError, AttributeError):
        return reasons


def retry(path: str, now: float, *, ids: Collection[str] = (), reason: str | None = None) -> dict[str, Any]:
    """Put dead events back in line under the ids they have: all, or those of `ids`, or with `reason` in their reasons.

    They lose what they were rejected for, and count as new in the spool: by age they go as if captured now. By which
    rules they were redacted is not known any more, so that the service redacts them once again.

    Returns:
        `retried`; `dead`, how many still are; `unreadable`, how many of these hold no event and cannot be sent;
        `unknown`, the `ids` that no dead event has.
    """
    told: dict[str, Any] = {"retried": 0, "dead": 0, "unreadable": 0, "unknown": sorted(ids)}
    with _reading(path):
        pass
    with _plainly(path), _connected(path, "rw") as db, until_commit(db):
        db.execute("BEGIN IMMEDIATE")
        found = set()
        for seq, _, reasons, body in db.execute(_DEAD).fetchall():
            event = _event(body)
            if event is None:
                told["unreadable"] += 1
            elif (not ids or str(event.get("id")) in ids) and (reason is None or _is_among(reason, reasons)):
                found.add(str(event.get("id")))
                db.execute(_REVIVE, (now, event.get("type") == "feedback", seq))
                told["retried"] += db.execute("DELETE FROM dead WHERE seq = ?", (seq,)).rowcount
        told["dead"] = _one(db, _COUNTS["dead"])
    return told | {"unknown": sorted(set(ids) - found)}


def _is_among(words: str, reasons: str) -> bool:
    return any(words.casefold() in line.casefold() for line in in_words(_by_field(reasons)))


def in_words(reasons: dict[str, list[str]] | str) -> list[str]:
    """A line for each field."""
    if isinstance(reasons, str):
        return [reasons]
    return [f"{field}: {' '.join(messages)}" for field, messages in reasons.items()]


def drop(path: str, now: float, *, everything: bool = False) -> dict[str, int]:
    """Forget the dead; with `everything` also what waits and what is held, but not what is on its way just now.

    The bytes are overwritten, not only set free: what people wrote is gone. The service is told of the events that
    waited with the next batch, and marks the day.
    """
    gone = {"dead": 0, "pending": 0, "held": 0, "sending": 0}
    with _opened(path):  # frees what dead processes held
        pass
    with _plainly(path), _connected(path, "rw") as db:
        db.execute("PRAGMA secure_delete = ON")
        db.execute("BEGIN IMMEDIATE")
        gone["dead"] = db.execute("DELETE FROM dead").rowcount
        if everything:
            gone["pending"] = db.execute(_DROP, {"now": now}).rowcount
            gone["held"] = db.execute("DELETE FROM held").rowcount
            gone["sending"] = _one(db, _COUNTS["sending"], now=now)
            count_drop(db, BY_HAND, gone["pending"])
        db.execute("COMMIT")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return gone


def flush(path: str, transport: Transport, timeout: float) -> dict[str, Any]:
    """Send what waits, in this process; what came of it.

    It ends when what waited at its beginning is settled, by us or by the app, at the first answer that says "not now",
    or after `timeout` seconds.
    """
    with _opened(path) as spool:
        listening, tally = _Listening(transport), Tally()
        sender = Sender(spool, listening, tally, clock=time.time_ns, jitter=lambda top: random.uniform(0, top))  # noqa: S311
        mark, deadline = spool.last(), time.monotonic() + timeout
        while spool.waiting(mark) and listening.trouble is None and time.monotonic() < deadline:
            if sender.step() > 0:
                time.sleep(_LOOK_SECONDS)  # others hold the rest, and are about to settle it
        late = f"not everything was settled within {timeout:g} s" if spool.waiting(mark) else None
        counts = {name: tally.facts()[name] for name in ("delivered", "duplicates", "rejected")}
        return counts | {"pending": spool.facts()["pending"], "problem": listening.trouble or late}


class _Listening:
    """A transport that remembers why a batch was not taken."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.trouble: str | None = None

    def send(self, batch: Batch) -> Outcome:
        try:
            outcome = self._transport.send(batch)
        except Exception as error:  # such as a bundle of certificates that is not there: no trouble of the spool's
            outcome = RetryAfter(why=f"sending failed: {type(error).__name__}: {error}")
        if isinstance(outcome, RetryAfter):
            self.trouble = outcome.why
        return outcome


@contextlib.contextmanager
def _reading(path: str) -> Iterator[sqlite3.Connection]:
    """A connection that only looks, to a file that is a spool of our format."""
    require(path)
    with _plainly(path), _connected(path, "ro") as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        version = _one(db, "PRAGMA user_version")
        if not tables >= _TABLES:
            raise SpoolError(f"{path} is not a spool of heedback")
        if version != FORMAT:
            ours = beside(path, FORMAT)
            hint = f"; what this version captures is in {ours}" if Path(ours).exists() else ""
            raise SpoolError(f"the spool {path} has format {version}, this version of heedback knows {FORMAT}{hint}")
        yield db


@contextlib.contextmanager
def _opened(path: str) -> Iterator[FileSpool]:
    """As an app opens it, once it is certain that it is a spool: opening makes one of any database."""
    with _reading(path):
        pass
    with _plainly(path):
        spool = FileSpool(path, max_age_days=_ANY_AGE_DAYS)
        try:
            yield spool
        finally:
            spool.close()


@contextlib.contextmanager
def _connected(path: str, mode: str) -> Iterator[sqlite3.Connection]:
    address = f"{Path(path).absolute().as_uri()}?mode={mode}"
    db = sqlite3.connect(address, uri=True, timeout=_PATIENCE_SECONDS, isolation_level=None)
    db.text_factory = lambda raw: raw.decode(errors="replace")
    try:
        db.execute("PRAGMA foreign_keys = ON")  # what is noted about a row goes with it
        yield db
    finally:
        db.close()


@contextlib.contextmanager
def _plainly(path: str) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise SpoolError(f"the spool {path} cannot be used: {error}") from error


def _one(db: sqlite3.Connection, sql: str, **values: Any) -> Any:
    return db.execute(sql, values).fetchone()[0]
