"""Texts that wait for a rating, as `text="rated"` has it: held in the spool, sent when their output is rated.

Text and rating may come in either order and from different processes of the host, so each leaves a row, and whoever
sends next brings the two together. Both are forgotten after a day.
"""

from __future__ import annotations

import sqlite3
from typing import Final

KEPT_SECONDS: Final = 24 * 3600.0

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS held (
  seq INTEGER PRIMARY KEY, output_id TEXT NOT NULL, at REAL NOT NULL, redactor INTEGER, body BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS held_output ON held (output_id);
CREATE TABLE IF NOT EXISTS wanted (
  output_id TEXT PRIMARY KEY, at REAL NOT NULL, fresh INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS wanted_fresh ON wanted (fresh) WHERE fresh;
"""
_FRESH: Final = "(SELECT output_id FROM wanted WHERE fresh)"


def hold(db: sqlite3.Connection, output_id: str, body: str, redactor: int | None, at: float) -> None:
    """The text first, then the look at who wants it: the other way round, a rating could pass unseen between them."""
    db.execute(
        "INSERT INTO held (output_id, at, redactor, body) VALUES (?, ?, ?, ?)", (output_id, at, redactor, body.encode())
    )
    db.execute("UPDATE wanted SET fresh = 1 WHERE output_id = ?", (output_id,))


def want(db: sqlite3.Connection, output_id: str, at: float) -> None:
    db.execute(
        "INSERT INTO wanted VALUES (?, ?, 1) ON CONFLICT (output_id) DO UPDATE SET at = excluded.at, fresh = 1",
        (output_id, at),
    )


def send_what_is_wanted(db: sqlite3.Connection) -> None:
    """Inside a transaction: held texts of outputs rated since the last time become events like all others."""
    if db.execute("SELECT EXISTS (SELECT 1 FROM wanted WHERE fresh)").fetchone()[0]:
        db.execute(
            "INSERT INTO event (at, dear, redactor, body) "  # noqa: S608 a constant
            f"SELECT at, 0, redactor, body FROM held WHERE output_id IN {_FRESH} ORDER BY seq"
        )
        db.execute(f"DELETE FROM held WHERE output_id IN {_FRESH}")  # noqa: S608
        db.execute("UPDATE wanted SET fresh = 0 WHERE fresh")


def forget_old(db: sqlite3.Connection, now: float) -> None:
    for table in ("held", "wanted"):
        db.execute(f"DELETE FROM {table} WHERE at < ?", (now - KEPT_SECONDS,))  # noqa: S608


def forget_oldest(db: sqlite3.Connection, count: int) -> int:
    return db.execute("DELETE FROM held WHERE seq IN (SELECT seq FROM held ORDER BY seq LIMIT ?)", (count,)).rowcount
