"""Whether the database takes what is written to it: reading may go on for long on a full disk, or beside a lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError

from heedback_service.store.told import told

# Not sooner after a failure: a small attempt may find room where a batch did not.
PAUSE: Final = 5.0  # seconds


class Writes:
    """Remembers the last failure until a write succeeds. Safe to share between threads.

    Args:
        attempt: writes next to nothing, within two seconds; raises what SQLAlchemy or the driver does.
        clock: seconds that only grow.
    """

    def __init__(self, attempt: Callable[[], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._attempt: Final = attempt
        self._clock: Final = clock
        self._why: str | None = None
        self._at = 0.0

    @contextmanager
    def watched(self, *, proves: bool = False) -> Iterator[None]:
        """Around a transaction. With `proves` its success says that writes succeed: it surely wrote something."""
        try:
            yield
        except OperationalError as error:
            self.failed(error)
            raise
        if proves:
            self.succeeded()

    def failed(self, error: DBAPIError) -> None:
        self._at, self._why = self._clock(), told(error)

    def succeeded(self) -> None:
        self._why = None

    def trouble(self) -> str | None:
        """Why the last write failed, in a line; None if it did not, or if writing works again.

        Writes nothing as long as nothing failed. After a failure it tries, every five seconds at most.
        """
        if self._why is not None and self._clock() - self._at >= PAUSE:
            self._at = self._clock()  # others who ask meanwhile need not try as well
            try:
                self._attempt()
            except DBAPIError as error:
                self.failed(error)
            else:
                self.succeeded()
        return self._why
