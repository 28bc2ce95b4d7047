"""Telling SQLite's planner what the tables will be like, before they are.

Every key starts with `project_id`, and most databases hold one project: that column alone selects everything. Without
statistics SQLite takes ten rows for granted behind any first column, finds the primary key good enough and reads the
whole project. `ANALYZE` would measure it, but an empty database has nothing to measure, and a full one is read through.
So the numbers are written by hand, which is what `sqlite_stat1` is open for (https://sqlite.org/optoverview.html,
"Manual Control Of Query Plans Using SQLITE_STAT Tables"); every connection reads them when it opens.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from heedback_service.store.base import Base

_ROWS: Final = 1_000_000
_SHARED: Final = 10  # rows behind a full key that is not unique
_FIRST: Final = _ROWS // 2  # rows behind the first column, the project


def teach(connection: Connection) -> None:
    """Write the statistics of every table there is. Only for SQLite, inside the transaction of a migration."""
    connection.execute(text("ANALYZE"))
    connection.execute(text("DELETE FROM sqlite_stat1"))
    for table in sorted(Base.metadata.tables):
        for index, unique, origin in _indexes(connection, table):
            columns = len(connection.execute(text(f"PRAGMA index_info('{index}')")).all())
            inside = origin == "pk" and _without_rowid(table)
            row = {"table": table, "index": table if inside else index, "stat": _stat(columns, unique)}
            connection.execute(text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:table, :index, :stat)"), row)
    connection.execute(text("ANALYZE sqlite_master"))  # reads the numbers into this connection; measures nothing


def _indexes(connection: Connection, table: str) -> list[tuple[str, bool, str]]:
    listed = connection.execute(text(f"PRAGMA index_list('{table}')")).all()
    return [(name, bool(unique), origin) for _, name, unique, origin, _ in listed]


def _without_rowid(table: str) -> bool:
    # SQLite files the statistics of such a table's primary key under the table's own name.
    return Base.metadata.tables[table].dialect_options["sqlite"]["with_rowid"] is False


def _stat(columns: int, unique: bool) -> str:
    """Rows in all, then rows behind the first column, the first two, and so on: even steps on a logarithmic scale."""
    last = 1 if unique else _SHARED
    if columns == 1:
        return f"{_ROWS} {last}"
    steps = [round(_FIRST * (last / _FIRST) ** (n / (columns - 1))) for n in range(columns)]
    return " ".join(map(str, [_ROWS, *steps]))
