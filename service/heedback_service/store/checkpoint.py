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

# Length of the log after which it is moved: the longer it is, the more of its pages are of no use any more, and less is
# to be done. SQLite does not tell the length, but it can be told from what made it so long: some ten pages are written
# for one event that is committed by itself, and two and a half each for a hundred together.
_PAGES: Final = 10_000
_A_COMMIT: Final = 8
_A_CHANGE: Final = 0.8
_PAGE: Final = 4000  # characters of text, of 4,096 bytes
# Writers that go on meanwhile keep the log from starting anew; the second time there is next to nothing left to move.
_TIMES: Final = 2


class Checkpointer:
    """For one file and one connection that writes to it. Costs a sum a commit, and a short thread now and then.

    The limit of the connection itself (`PRAGMA wal_autocheckpoint`) stays, as what holds if a thread cannot keep up.
    """

    def __init__(self, path: str) -> None:
        self._path: Final = path
        self._pages = 0.0
        self._thread: threading.Thread | None = None  # not alive in a forked child, whatever it was in the parent

    def committed(self, changes: int, text: int = 0) -> None:
        """Tell of a commit.

        Args:
            changes: rows and entries written in it (`sqlite3.Connection.total_changes` counts them).
            text: characters of long texts that were written in it.
        """
        self._pages += _A_COMMIT + changes * _A_CHANGE + text / _PAGE
        if self._pages < _PAGES or (self._thread is not None and self._thread.is_alive()):
            return
        self._pages = 0
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
