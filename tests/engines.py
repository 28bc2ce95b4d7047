"""Databases for the tests of the service, on engines that were used before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from heedback_service.store.db import Database


class Engines:
    """One for each address, which tests have in turns: it remembers how to compile their statements.

    A test that listens to it stops doing so: `support.listening`.
    """

    def __init__(self, template: Path, folder: Path) -> None:
        self._template = template
        self._folder = folder
        self._made: dict[str, Database] = {}
        self._free: list[Path] = []
        self._numbers = count(1)

    @contextmanager
    def sqlite(self) -> Iterator[Database]:
        """A file with all tables and no row."""
        file = self._free.pop() if self._free else self._folder / f"{next(self._numbers)}.db"
        shutil.copy(self._template, file)
        with self.lent(f"sqlite:///{file}") as database:
            yield database
        for each in (file, *(file.with_name(file.name + more) for more in ("-wal", "-shm"))):
            each.unlink(missing_ok=True)
        self._free.append(file)

    @contextmanager
    def lent(self, url: str) -> Iterator[Database]:
        if url not in self._made:
            self._made[url] = Database(url)
        yield self._made[url]
        self._made[url].dispose()
