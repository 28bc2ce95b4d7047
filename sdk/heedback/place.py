"""Where the spool lives: a file that only its user may read, on a disk of this machine."""

from __future__ import annotations

import contextlib
import itertools
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from typing import Final

# Pathlib is not used here: it costs the import.
_ELSEWHERE: Final = frozenset(
    (
        *("afs", "beegfs", "ceph", "cifs", "fuse.ceph", "fuse.cephfs", "fuse.glusterfs", "fuse.s3fs", "fuse.sshfs"),
        *("gfs2", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "ocfs2", "smb3", "smbfs"),
    )
)
_MOUNTS: Final = "/proc/self/mounts"
# Of the write-ahead log, from "WAL-mode file format" in SQLite's documentation; a fourth byte tells the byte order.
_LOG_MAGIC: Final = b"\x37\x7f\x06"
_LOG_HEAD_BYTES: Final = 32
_FRAME_HEAD_BYTES: Final = 24
_ASKED: Final = 5
_STATE: Final = os.path.join("~", ".local", "state")  # noqa: PTH118


def default_path(url: str, kid: str) -> str:
    """A file for each service and key in the user's own state folder: two projects never share a spool by default.

    A user without a home, as containers have them, gets a folder for themselves among the temporary ones.
    """
    import hashlib

    state = os.path.expanduser(os.environ.get("XDG_STATE_HOME") or os.environ.get("LOCALAPPDATA") or _STATE)  # noqa: PTH111
    if not os.path.isabs(state):  # noqa: PTH117  XDG's specification has it that a relative one is ignored
        state = os.path.expanduser(_STATE)  # noqa: PTH111
    folder = os.path.join(state, "heedback") if os.path.isabs(state) else _folder_for_the_homeless()  # noqa: PTH117, PTH118
    name = hashlib.sha256(f"{url} {kid}".encode()).hexdigest()[:16]
    return os.path.join(folder, f"spool-{name}.db")  # noqa: PTH118


def _folder_for_the_homeless() -> str:
    import tempfile

    try:
        temporary = tempfile.gettempdir()
    except OSError:  # nowhere can anything be written: opening the spool will say so
        temporary = os.path.abspath(os.sep)  # noqa: PTH100
    whose = os.getuid() if hasattr(os, "getuid") else "user"  # Windows: the temporary folder is the user's own
    return os.path.join(temporary, f"heedback-{whose}")  # noqa: PTH118


def make_folder(path: str) -> None:
    """Where the file will lie, if there is no such folder yet.

    Raises:
        OSError: it cannot be made, or somebody else made it where all may make folders.
        sqlite3.OperationalError: it would lie on another machine's disk, where several hosts could break it.
    """
    folder = os.path.dirname(path) or "."  # noqa: PTH120
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    if os.path.basename(folder).startswith("heedback-") and folder == _folder_for_the_homeless():  # noqa: PTH119
        _check_ours(folder)
    kind = file_system(folder)
    if kind in _ELSEWHERE:
        raise sqlite3.OperationalError(f"{kind} is a network file system, name a local file")


def _check_ours(folder: str) -> None:
    """Where all may make folders, somebody may have made ours before us, to read along."""
    if not hasattr(os, "getuid"):
        return
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else")
    if stat.S_IMODE(found.st_mode) != 0o700:
        os.chmod(folder, 0o700)  # noqa: PTH101


def make_private(path: str) -> None:
    """The file before SQLite opens it, so that it (and the log, which takes after it) is never readable by others.

    Raises:
        OSError: it cannot be made, or not be made private.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Opened and closed here, it would lose the locks that SQLite holds on it in this process, as POSIX has it: then
        # another process that ends takes itself for the last, and removes the log that we go on writing to.
        if os.name != "nt" and stat.S_IMODE(os.stat(path).st_mode) & 0o077:  # noqa: PTH116
            os.chmod(path, 0o600)  # noqa: PTH101


def file_system(folder: str, mounts: str = _MOUNTS) -> str:
    """The kind of file system that `folder` is on, as Linux names it; "" elsewhere."""
    real = os.path.join(os.path.realpath(folder), "")  # noqa: PTH118
    found = "", ""
    with contextlib.suppress(OSError), open(mounts, encoding="utf-8", errors="replace") as lines:  # noqa: PTH123
        for line in lines:
            _, point, kind, _ = line.split(" ", 3)
            point = point.replace("\\040", " ")
            if real.startswith(os.path.join(point, "")) and len(point) >= len(found[0]):  # noqa: PTH118
                found = point, kind
    return found[1]


def identity(path: str) -> tuple[int, int]:
    """What file the name stands for now; (0, 0) if for none."""
    try:
        found = os.stat(path)  # noqa: PTH116
    except OSError:
        return 0, 0
    return found.st_dev, found.st_ino


def beside(path: str, version: int) -> str:
    """The file for spools of an older format, where a newer version of heedback has the name itself."""
    return f"{path}.format-{version}"


class Ground:
    """The files that a spool stands on while it is open: whether somebody took or cut them meanwhile.

    `frames` tells how many pages SQLite believes are in the log.
    """

    def __init__(self, path: str, page_bytes: int, frames: Callable[[], int]) -> None:
        self._frames = frames
        self._path = path
        self._page_bytes = page_bytes
        self._files = {suffix: identity(path + suffix) for suffix in ("", "-wal", "-shm")}
        self._seen = 0  # bytes of the log

    def was_moved(self) -> bool:
        """Whether the name stands for another file by now, or for none."""
        return identity(self._path) != self._files[""]

    def lost_its_log(self) -> bool:
        """The same of the log, which whoever opens the file next would begin anew."""
        return identity(self._path + "-wal") != self._files["-wal"]

    def is_cut(self) -> bool:
        """Whether the log is shorter than it was written.

        One that lost its beginning is worth nothing to SQLite. One that is only shorter may have been folded into the
        file by somebody else. What was cut and had grown again before we looked is not seen.
        """
        if log_is_headless(self._path):
            return True
        size = _size(self._path + "-wal")
        shorter, self._seen = size < self._seen, size
        # Others write to it and fold it meanwhile: what is cut is too short however often it is asked.
        return shorter and all(self._is_too_short() for _ in range(_ASKED))

    def _is_too_short(self) -> bool:
        needed = self._frames() * (_FRAME_HEAD_BYTES + self._page_bytes)
        return needed > max(0, _size(self._path + "-wal") - _LOG_HEAD_BYTES)

    def clear(self) -> None:
        """Remove the log that was left where the file has gone: SQLite would take it for that of the next file."""
        for suffix in ("-wal", "-shm"):
            if self.was_moved() and identity(self._path + suffix) == self._files[suffix]:
                with contextlib.suppress(OSError):
                    os.remove(self._path + suffix)  # noqa: PTH107


def log_is_headless(path: str) -> bool:
    """Whether the log has lost its beginning, which SQLite writes first: it was cut, then written on."""
    try:
        with open(path + "-wal", "rb") as log:  # noqa: PTH123  not the spool itself, whose locks this would let go
            head = log.read(_LOG_HEAD_BYTES)
    except OSError:
        return False
    return len(head) == _LOG_HEAD_BYTES and not head.startswith(_LOG_MAGIC)


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size  # noqa: PTH116
    except OSError:
        return 0


def set_aside(path: str) -> str:
    """Rename a spool that is no database, with its log, and return the new name."""
    aside = stem = f"{path}.corrupt-{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}"
    for number in itertools.count(2):
        if not os.path.exists(aside):  # noqa: PTH110
            break
        aside = f"{stem}-{number}"
    for suffix in ("", "-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            os.rename(path + suffix, aside + suffix)  # noqa: PTH104
    return aside
