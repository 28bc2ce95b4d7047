"""What a log may say about an error of the database: never what people wrote.

Messages of a server may quote values of rows, with or without their parameters. Those of a driver that did not reach
the server have its host and port, which help, and nothing else.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

from heedback_service.store.file import LostFileError

# Whose messages are SQLite's own fixed words (https://sqlite.org/rescode.html); others may quote a statement.
_FIXED: Final = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_READONLY,
    }
)


def told(error: DBAPIError) -> str:
    """A line: the message where it cannot have anybody's words in it, else the kind of error and its code."""
    cause = error.orig
    kind = type(cause).__name__
    if isinstance(cause, LostFileError):
        return str(cause)
    if isinstance(cause, sqlite3.Error):
        code = getattr(cause, "sqlite_errorcode", None)
        name = getattr(cause, "sqlite_errorname", None)
        return str(cause) if code is not None and code & 0xFF in _FIXED else f"{kind} {name or ''}".strip()
    state = getattr(cause, "sqlstate", None)
    if state is not None:
        return f"{kind} {state}"
    lines = str(cause).strip().splitlines()
    return lines[0] if lines else kind
