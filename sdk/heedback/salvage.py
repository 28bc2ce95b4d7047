"""What can be saved of a spool's file that is left for a new one."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Callable, Generator, Iterator
from pathlib import PurePath
from typing import Final

from heedback import tables
from heedback.lease import Row, Told
from heedback.spool import UNREADABLE, FileSpool
from heedback.tables import BUSY_SECONDS

_TROUBLE: Final = (sqlite3.Error, OSError)


def salvage(file: FileSpool, aside: str | None, drop: Told, told: Told) -> Generator[Row, None, None]:
    """Every row that can still be read; the file is closed then. What there is to tell of drops goes to `drop`, what
    is new of it to `told` as well.

    `aside`: the name under which a damaged one lies by now. To the open connections the rest of a log that was cut is
    out of reach; to who opens the file anew, all that was captured since.
    """

    def unreadable() -> None:
        drop(UNREADABLE, 1)
        told(UNREADABLE, 1)

    seen: set[int] = set()
    with file.last_look():
        with contextlib.suppress(*_TROUBLE), contextlib.closing(file.rows()) as rows:
            yield from _events(rows, seen, unreadable)
        for reason, n in file.drops().items():
            drop(reason, n)
    if aside is not None:
        with contextlib.suppress(*_TROUBLE), contextlib.closing(_opened_anew(aside)) as db:
            yield from _events(tables.rows(db), seen, unreadable)


def _events(rows: Iterator[tuple[int, Row | None]], seen: set[int], unreadable: Callable[[], None]) -> Iterator[Row]:
    for seq, row in rows:
        if seq not in seen:
            seen.add(seq)
            if row is None:
                unreadable()
            else:
                yield row


def _opened_anew(path: str) -> sqlite3.Connection:
    """To look only, which leaves file and log as they were found. The index to the log is what the cut made wrong."""
    with contextlib.suppress(FileNotFoundError):
        os.remove(path + "-shm")  # noqa: PTH107
    address = f"{PurePath(os.path.abspath(path)).as_uri()}?mode=ro"  # noqa: PTH100
    db = sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    tables.learn_json(db)
    return db
