"""Statements of the way in: compiled once, then run on the driver's own cursor.

SQLAlchemy takes about 70 µs to run a small SELECT of which SQLite needs two, and intake runs ten of them a request. The
statements stay SQLAlchemy's, with the tables and types of the models; only the work that comes out the same each time
is done once. Everything that is not on the way in uses SQLAlchemy as it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache, lru_cache
from operator import attrgetter, itemgetter
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
    Boolean,
    Connection,
    Date,
    Dialect,
    String,
    TypeDecorator,
    Uuid,
    any_,
    bindparam,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy import tuple_ as row_of
from sqlalchemy.exc import DBAPIError
from sqlalchemy.types import TypeEngine

from heedback_service.core.uuids import read_uuid
from heedback_service.store.base import UTCDateTime, to_json

Make = Callable[[str], Any]  # a dialect's name; the statement in that dialect
Values = Mapping[str, Any]
_Conversions = list[tuple[int, Callable[[Any], Any]]]  # by position


class Line:
    """A connection in a transaction, with the driver's cursor beside it: both see and change the same.

    Attributes:
        text: characters of long texts that were written in it; kept by who writes them.
    """

    __slots__ = ("connection", "cursor", "dialect", "text")

    def __init__(self, connection: Connection) -> None:
        self.connection: Final = connection
        self.dialect: Final = connection.dialect
        self.cursor: Final[Any] = connection.connection.cursor()
        self.text = 0


def failure(connection: Connection, error: Exception) -> DBAPIError:
    """The driver's error as SQLAlchemy tells it; a connection that broke is not used again."""
    dialect = connection.dialect
    broken = dialect.is_disconnect(error, connection.connection, None)  # type: ignore[arg-type]
    if broken:
        connection.invalidate(error)
    told: dict[str, Any] = {"hide_parameters": True, "connection_invalidated": broken, "dialect": dialect}
    told_so: DBAPIError = DBAPIError.instance(None, None, error, dialect.loaded_dbapi.Error, **told)
    return told_so


class Direct:
    """A statement that is run often. Its bind parameters are given by name, all of them.

    Args:
        make: gives the statement for `sqlite` or `postgresql`. It is asked once for each.
    """

    def __init__(self, make: Make) -> None:
        self._in: Final = cache(lambda dialect: _Ready(make(dialect.name), dialect))

    def rows(self, line: Line, **values: Any) -> list[tuple[Any, ...]]:
        """What a SELECT finds, in the types of its columns.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy would.
        """
        ready, cursor = self._in(line.dialect), line.cursor
        try:
            cursor.execute(ready.sql, ready.bound(values))
            found = cursor.fetchall()
        except line.dialect.loaded_dbapi.Error as error:
            raise failure(line.connection, error) from error
        return ready.read(found, cursor.description) if found else found

    def many(self, line: Line, rows: Sequence[Values]) -> None:
        """Run an INSERT or UPDATE for each of the rows, in their order.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy would.
        """
        if not rows:
            return
        ready = self._in(line.dialect)
        try:
            if len(rows) == 1:
                line.cursor.execute(ready.sql, ready.bound(rows[0]))
            else:
                line.cursor.executemany(ready.sql, ready.all_bound(rows))
        except line.dialect.loaded_dbapi.Error as error:
            raise failure(line.connection, error) from error


def among(dialect: str, column: Any, name: str) -> Any:
    """`column IN :name` for a list of any length, bound as one value: the statement stays the same."""
    if dialect == "postgresql":
        return column == any_(bindparam(name, type_=ARRAY(column.type)))
    return column.in_(select(_each(name, column.type).c.value))


def among_rows(dialect: str, columns: Sequence[Any], name: str) -> Any:
    """The same for several columns of text at once; the value is a list of tuples."""
    if dialect == "postgresql":
        each = func.json_array_elements(cast(bindparam(name, type_=_JsonArray()), JSON)).column_valued("each")
        parts: list[Any] = [each.op("->>")(literal_column(f"{n}")) for n in range(len(columns))]
    else:
        value = _each(name).c.value
        parts = [func.json_extract(value, literal_column(f"'$[{n}]'")) for n in range(len(columns))]
    return row_of(*columns).in_(select(*parts))


def _each(name: str, of: TypeEngine[Any] | None = None) -> Any:
    return func.json_each(bindparam(name, type_=_JsonArray(of))).table_valued("value")


class _JsonArray(TypeDecorator[list[Any]]):
    """A list as JSON text, its members as the database keeps them."""

    impl = String
    cache_ok = True

    def __init__(self, of: TypeEngine[Any] | None = None) -> None:
        super().__init__()
        self.of = of

    def process_bind_param(self, value: Iterable[Any] | None, dialect: Dialect) -> str:
        convert = None if self.of is None else self.of.dialect_impl(dialect).bind_processor(dialect)
        members = list(value or ())
        written = members if convert is None else [convert(member) for member in members]
        return to_json(written)


class _Ready:
    """A statement in the words of one driver, with what turns Python's values into its own and back."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        inserted = [column.name for column in statement.table.columns] if statement.is_insert else None
        compiled = statement.compile(dialect=dialect, column_keys=inserted)
        names = compiled.positiontup or list(compiled.binds)
        processors = [_binding(compiled.binds[name].type, dialect) for name in names]
        self.sql: Final = str(compiled)
        self._names: Final = names
        self._get: Final = itemgetter(*names) if len(names) > 1 else lambda values: (values[names[0]],)
        self._by_name: Final = not compiled.positional
        self._convert: Final = _only(processors)
        self._types: Final = [] if statement.is_dml else [column.type for column in statement.selected_columns]
        self._dialect: Final = dialect
        self._read: _Conversions | None = None

    def bound(self, values: Values) -> Any:
        given = list(self._get(values))
        for at, convert in self._convert:
            if given[at] is not None:
                given[at] = convert(given[at])
        return dict(zip(self._names, given, strict=True)) if self._by_name else given

    def all_bound(self, rows: Iterable[Values]) -> list[Any]:
        """The same for many, a column at a time: a hundred rows take half as long."""
        columns: list[Iterable[Any]] = list(zip(*map(self._get, rows), strict=True))
        for at, convert in self._convert:
            column = columns[at]
            full = all(column)  # which what is None is not, and no id nor moment is anything else
            columns[at] = map(convert, column) if full else [None if each is None else convert(each) for each in column]
        bound: list[Any] = list(zip(*columns, strict=True))
        return [dict(zip(self._names, each, strict=True)) for each in bound] if self._by_name else bound

    def read(self, found: list[tuple[Any, ...]], description: Sequence[Any]) -> list[tuple[Any, ...]]:
        if self._read is None:
            pairs = zip(self._types, description, strict=True)
            self._read = _only([_reading(its, self._dialect, each[1]) for its, each in pairs])
        columns: list[Iterable[Any]] = list(zip(*found, strict=True))
        for at, convert in self._read:
            columns[at] = map(convert, columns[at])
        return list(zip(*columns, strict=True))


def _binding(its: TypeEngine[Any], dialect: Dialect) -> Callable[[Any], Any] | None:
    if isinstance(its, Boolean):
        return None  # both drivers know True and False
    quicker = _QUICKER.get(type(its)) if dialect.name == "sqlite" else None
    if isinstance(its, _JsonArray) and isinstance(its.of, Uuid):
        quicker = _hex_array
    return quicker or its.dialect_impl(dialect).bind_processor(dialect)


def _reading(its: TypeEngine[Any], dialect: Dialect, code: Any) -> Callable[[Any], Any] | None:
    if dialect.name == "sqlite" and isinstance(its, (Uuid, UTCDateTime)):
        return _uuid if isinstance(its, Uuid) else _moment
    return its.dialect_impl(dialect).result_processor(dialect, code)


@lru_cache(4096)  # few features and slices, many rows of theirs
def _uuid(value: str | None) -> UUID | None:
    return None if value is None else read_uuid(value)


@lru_cache(1024)
def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


@lru_cache(64)
def _date(value: date) -> str:
    return value.isoformat()


@lru_cache(1024)  # rows of one batch share most of theirs
def _instant(value: datetime) -> str:
    if value.tzinfo is None:
        raise ValueError(f"a naive datetime is not an instant: {value!r}")
    utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return utc.isoformat(" ", "microseconds")[:26]


def _hex_array(ids: Iterable[UUID]) -> str:
    return '["' + '","'.join([each.hex for each in ids]) + '"]'


# What SQLAlchemy's own do, in less time. NULL is NULL in every type, and not converted.
_QUICKER: Final[Mapping[type, Callable[[Any], Any]]] = {
    Date: _date,
    UTCDateTime: _instant,
    JSON: to_json,
    Uuid: attrgetter("hex"),
}


def _only(conversions: Iterable[Callable[[Any], Any] | None]) -> _Conversions:
    return [(at, convert) for at, convert in enumerate(conversions) if convert is not None]
