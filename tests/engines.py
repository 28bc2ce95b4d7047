"""Databases for the tests of the service, on engines that were used before."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from sqlalchemy import event

from heedback_service.store.db import Database
from postgres_server import LENT


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
            if not self._made[url].is_sqlite:
                event.listen(self._made[url].engine, "do_connect", _sign)
        yield self._made[url]
        if self._made[url].is_sqlite:  # the file is put away; PostgreSQL takes 20 ms to know a new connection's tables
            self._made[url].dispose()

    def close(self) -> None:
        for made in self._made.values():
            made.dispose()


def _sign(_dialect: object, _record: object, _given: object, named: dict[str, Any]) -> None:
    named["application_name"] = LENT
