"""What SQLite alone takes for the rows of batches: intake's statements and their values, with nothing around them."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import time
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from _load import feedback, shown
from uuid_utils.compat import uuid7

from heedback_service.flow.intake import Batch, take_all
from heedback_service.flow.sheet import Intake
from heedback_service.store.db import Database, Writer
from heedback_service.store.direct import Line
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import Project
from heedback_service.web.api.schemas import load_event

Written = list[tuple[str, list[Any]]]  # statements with the values of each of their rows, in their order


def store_ms(batches: int, rounds: int, batch: int, size: int) -> float:
    """Milliseconds of CPU an event: feedback of `size` bytes, `batch` a transaction; the best of the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        file, before = Path(folder, "heedback.db"), Path(folder, "before.db")
        db = open_database(f"sqlite:///{file}")
        with db.write() as session:
            project = Project(slug="bench", name="Bench", timezone="Europe/Oslo", created_at=datetime.now(UTC))
            session.add(project)
        writer = db.writer()
        for outputs in shown(100):
            written(writer, project, outputs)
        with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(before)) as target:
            source.backup(target)
        work = [written(writer, project, [feedback(size) for _ in range(batch)]) for _ in range(batches)]
        db.dispose()
        took = min(again(shutil.copy(before, Path(folder, f"{n}.db")), work) for n in range(rounds))
        return took / (batches * batch) * 1000


def written(writer: Writer, project: Project, events: list[dict[str, Any]]) -> Written:
    """Take the events in; returns what that wrote."""
    now = datetime.now(UTC)
    batch = Batch.of(now, [load_event(event) for event in events], {}, None)
    told: Written = []
    with writer.transaction() as line:
        intake = Intake(listened(line, told), project.id, ZoneInfo(project.timezone), now, uuid7)
        assert take_all(intake, [batch])[0].accepted == len(events)
    return told


def listened(line: Line, told: Written) -> Line:
    """The line, telling what is written on it."""

    class Cursor:
        def __getattr__(self, name: str) -> Any:
            return getattr(line.cursor, name)

        def execute(self, sql: str, values: list[Any]) -> None:
            self.executemany(sql, [values]) if writes(sql) else line.cursor.execute(sql, values)

        def executemany(self, sql: str, rows: list[Any]) -> None:
            told.append((sql, rows))
            line.cursor.executemany(sql, rows)

    heard = Line(line.connection)
    heard.cursor = Cursor()  # type: ignore[misc]
    return heard


def writes(sql: str) -> bool:
    return sql.startswith(("INSERT", "UPDATE", "DELETE"))


def again(file: Path | str, work: list[Written]) -> float:
    """Seconds of CPU to write all of it into `file`, on a connection that is set as the service sets its own."""
    db = Database(f"sqlite:///{file}")
    with db.engine.connect() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        began = time.process_time()
        for statements in work:
            raw.execute("BEGIN IMMEDIATE")
            for sql, rows in statements:
                raw.executemany(sql, rows)
            raw.execute("COMMIT")
        took = time.process_time() - began
    db.dispose()
    return took
