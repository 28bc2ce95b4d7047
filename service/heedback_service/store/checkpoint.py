"""Moving SQLite's write-ahead log into the file, beside the writing and not in its way.

SQLite leaves that to whichever commit makes the log long: it copies thousands of pages and waits for the disk twice,
some 60 ms, with everybody who waits for the turn to write behind it. That was the slowest hundredth of all requests. A
passive checkpoint on a connection of its own stops neither readers nor writers (https://sqlite.org/wal.html).
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

# Rows and entries changed, after which the log is moved: 4,000 to 8,000 pages of it.
_CHANGES: Final = 4000
# Writers that go on meanwhile keep the log from starting anew; the second time there is next to nothing left to move.
_TIMES: Final = 2


class Checkpointer:
    """For one file and one connection that writes to it. Costs a comparison a commit, and a short thread now and then.

    The limit of the connection itself (`PRAGMA wal_autocheckpoint`) stays, as what holds if a thread cannot keep up.
    """

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self._moved = 0
        self._thread: threading.Thread | None = None  # not alive in a forked child, whatever it was in the parent

    def committed(self, changes: int) -> None:
        """Tell how many changes the connection has made in all (`sqlite3.Connection.total_changes`)."""
        if 0 <= changes - self._moved < _CHANGES or (self._thread is not None and self._thread.is_alive()):
            return
        self._moved = changes
        self._thread = threading.Thread(target=self._move, name="heedback-checkpoint", daemon=True)
        self._thread.start()

    def _move(self) -> None:
        try:
            address = f"{Path(self._path).absolute().as_uri()}?mode=rw"  # a file that is gone is not made anew
            with closing(sqlite3.connect(address, uri=True)) as connection:
                for _ in range(_TIMES):
                    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        except sqlite3.Error:
            pass  # the disk is full, or the file is gone: who writes will be told
