"""The SQLite file and its log, and whether they are still those that were opened.

Moved, replaced or removed under a running process, a file goes on taking what is written to it, and nobody finds it
there again. SQLite does not look (https://sqlite.org/howtocorrupt.html, 2.4); we do, before anything is read and before
anything is committed: some three microseconds for each of the two files. The process does not turn to the new file by
itself: what it remembers, such as which key opens which project, is of the old one.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from pathlib import Path
from typing import Final

Identity = tuple[int, int]  # of a file: its device and its number there

# Who starts while another process still has a lost log open can keep it from moving that log into the file at its end:
# what was acknowledged into it is then gone.
_REMEDY: Final = "end every process of the service, then start it anew"
_log: Final = logging.getLogger(__name__)


class LostFileError(sqlite3.OperationalError):
    """At the path is not the file that was opened."""


class File:
    """Opens connections to one file. Safe to share between threads.

    Args:
        path: of the file; made by the first `open` if it is not there.
        patience: seconds that a writer waits for its turn.
    """

    def __init__(self, path: str, patience: float) -> None:
        self._path: Final = os.path.abspath(path)  # noqa: PTH100 - a symlink stays one
        self._log_path: Final = f"{os.path.realpath(path)}-wal"  # SQLite keeps it beside what a symlink leads to
        self._address: Final = Path(self._path).as_uri()
        self.patience: Final = patience
        self._opened: Identity | None = None
        self._told = False
        self._log_lost = False

    def open(self, patience: float | None = None) -> sqlite3.Connection:
        """A new connection, which any thread may use.

        Raises:
            LostFileError: see `check`.
            sqlite3.Error: it cannot be opened.
        """
        if self._opened is not None:
            self.check()
        mode = "rwc" if self._opened is None else "rw"  # whoever came too late must not make an empty one
        waits = self.patience if patience is None else patience
        address = f"{self._address}?mode={mode}"
        connection = sqlite3.connect(address, uri=True, timeout=waits, check_same_thread=False)
        if self._opened is None:
            self._opened = _identity(self._path)
        return connection

    def check(self) -> None:
        """Nothing, if at the path is the file that was opened.

        Raises:
            LostFileError: it is not, or none is; or its log was lost before, which stays so until `forget`. The log
                of the service says so once, as an error.
        """
        if self._log_lost:
            raise LostFileError(self._words(self._log_path))
        if _identity(self._path) == self._opened:
            self._told = False
            return
        raise LostFileError(self._words(self._path))

    def log(self) -> Identity | None:
        """The write-ahead log there is. It stays the same one as long as any connection is open."""
        return _identity(self._log_path)

    def check_log(self, opened: Identity) -> None:
        """Nothing, if the log is the one that a connection has open. Else no connection of ours is used again.

        Raises:
            LostFileError: it is not, or none is.
        """
        if self.log() != opened:
            self._log_lost = True
            self.check()

    def forget(self) -> None:
        """No connection is open any more: the next one may be to another file."""
        self._opened, self._told, self._log_lost = None, False, False

    def _words(self, path: str) -> str:
        what = "log" if path == self._log_path else "file"
        words = f"the database {what} {path} was moved, replaced or removed while in use: {_REMEDY}"
        if not self._told:
            self._told = True
            _log.error(words)
        return words


def _identity(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - half the time of pathlib's
    except OSError:
        return None
    return found.st_dev, found.st_ino


def hindrance(path: Path) -> str | None:
    """What this user may not do there that SQLite needs, with the path, which SQLite's own words leave out.

    None if it is something else. Reading takes all of it too, as a log and its index lie beside the file.
    """
    try:
        return _hindrance(path)
    except OSError:  # such as a name that is too long; who asks has an error that says so
        return None


def _hindrance(path: Path) -> str | None:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder}"
    if not os.access(folder, os.X_OK):
        return f"this user may not enter the folder {folder}"
    if path.is_dir():
        return f"{path} is a folder"
    if path.exists() and not os.access(path, os.R_OK):
        return f"this user may not read {path}"
    if not os.access(folder, os.W_OK):
        return f"this user may not write in the folder {folder}, where SQLite keeps its log, also to read"
    if path.exists() and not os.access(path, os.W_OK):
        return f"this user may not write to {path}"
    return None
