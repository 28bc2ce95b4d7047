"""Opening the file of a spool, whatever is found there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from heedback.lease import Told
from heedback.place import beside, log_is_headless, set_aside
from heedback.spool import FileSpool
from heedback.tables import FORMAT, NewerError

DAMAGED: Final = "damaged"  # of a file; nobody knows how many events were in it, so it counts as one
_OPENING_TRIES: Final = 5
_OPENING_SECONDS: Final = 0.2

Warn = Callable[[str, str], None]


def open_file(path: str, warn: Warn, told: Told, bounds: Mapping[str, Any]) -> FileSpool:
    """The spool at `path`; a new one if what is there is no spool; beside one of a newer version, ours.

    Raises:
        sqlite3.Error, OSError: none can be had now.
    """
    give_up = time.monotonic() + _OPENING_SECONDS
    damaged = 0
    for attempt in range(_OPENING_TRIES):
        try:
            if log_is_headless(path):
                raise sqlite3.DatabaseError("its log was cut")
            file = FileSpool(path, told=told, **bounds)
            if damaged:
                file.drop(DAMAGED, damaged)
                told(DAMAGED, damaged)
            return file
        except NewerError as error:  # whoever wrote it still uses it, or will again
            newer, path = path, beside(path, FORMAT)
            warn("spool format", f"the spool {newer} is of a newer version of heedback ({error}): events go to {path}")
        except sqlite3.OperationalError as error:
            # Several processes that turn a new file to WAL at once refuse each other without waiting. One that writes
            # has made us wait already: then memory stands in, and the sender's thread opens the file.
            if "locked" not in str(error) or attempt == _OPENING_TRIES - 1 or time.monotonic() > give_up:
                raise
            time.sleep(0.02 * (attempt + 1))
        except sqlite3.DatabaseError as error:
            aside = set_aside(path)
            damaged += 1
            warn(
                "spool unreadable",
                f"the spool {path} was not readable ({error}): set aside as {aside}, a new one is begun",
            )
    raise sqlite3.OperationalError("the spool stayed unreadable")
