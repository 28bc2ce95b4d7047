"""Files of texts: CSV and JSON Lines, a row at a time, with what cannot be read told by its line."""

from __future__ import annotations

import codecs
import csv
import json
import math
import os
import re
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any, Final, TextIO

_DELIMITERS: Final = ",;\t|"
_FIELD_CHARS: Final = 16 * 1024 * 1024  # csv's own limit, 131 072, is less than a pasted log
JSON_LINES: Final = (".jsonl", ".ndjson")


class UnfitFileError(Exception):
    """The file is none of those that are read; the message says why, in a line."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: the line of the file on which it begins, and its cells."""

    line: int
    cells: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that is left out: the line of the file on which it begins, and what is wrong with it."""

    line: int
    why: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file with a column of texts. `columns` are its own, in order; of JSON Lines those of all rows."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    bad: tuple[BadRow, ...]


def read(file: Path, needed: Iterable[str], encoding: str = "UTF-8") -> Sheet:
    """Read a whole file: JSON Lines if its name ends in .jsonl or .ndjson, else CSV with a header.

    Cells of CSV stand between commas, semicolons, tabs or bars, whichever makes a header with the `needed` columns.

    Args:
        encoding: one that Python knows by this name; UTF-8 may begin with a byte order mark.

    Raises:
        OSError: it cannot be read.
        UnfitFileError: it has not got the columns, or is in another encoding.
    """
    rows: list[Row] = []
    bad: list[BadRow] = []
    columns: dict[str, None] = {}
    try:
        with file.open("rb") as content, _decoded(content, encoding) as lines:
            found = _json_lines(lines) if file.suffix.lower() in JSON_LINES else _csv(lines, tuple(needed))
            for line, cells in found:
                if isinstance(cells, str):
                    bad.append(BadRow(line, f"not {encoding}" if cells == _UNDECODED else cells))
                else:
                    columns |= dict.fromkeys(cells)
                    rows.append(Row(line, cells))
    except LookupError:
        raise UnfitFileError(f"there is no encoding {encoding}; UTF-16, Latin-1 and cp1252 are some") from None
    except UnicodeError as error:
        raise UnfitFileError(f"it is not {encoding}: {error}") from None
    if rows and (missing := [name for name in needed if name not in columns]):
        raise _without(missing, columns)
    return Sheet(tuple(columns), tuple(rows), tuple(bad))


def _decoded(content: BufferedReader, encoding: str) -> TextIOWrapper:
    """What cannot be decoded becomes lone surrogates: the row with it is told, and its neighbours are read."""
    is_utf_8 = codecs.lookup(encoding).name == "utf-8"
    if is_utf_8 and content.peek(2)[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        raise UnfitFileError("it looks like UTF-16: give --encoding UTF-16, or save it as UTF-8")
    return TextIOWrapper(content, "utf-8-sig" if is_utf_8 else encoding, errors="surrogateescape", newline="")


def is_stream(file: Path) -> bool:
    """Whether `file` takes what comes and keeps no place of its own for it: a pipe, a device, this process's stdout."""
    try:
        there = file.stat()
    except OSError:
        return False
    if not stat.S_ISREG(there.st_mode):
        return True
    with suppress(OSError):  # it is closed
        return os.path.samestat(there, os.fstat(1))
    return False


def write(file: Path, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows as JSON Lines or CSV, by the name of the file.

    A file appears when it is whole, where links lead to: readable by its owner only if it is new, else with the owner
    and the mode of the one it replaces. A stream is written to as it is.

    Raises:
        OSError: it cannot be written; what was there before is there still.
    """
    put = _json_lines_to if file.suffix.lower() in JSON_LINES else _csv_to
    try:
        if is_stream(file):
            with os.fdopen(os.open(file, os.O_WRONLY | os.O_APPEND), "w", encoding="utf-8", newline="") as out:
                put(out, columns, rows)
        else:
            with _replacement(Path(os.path.realpath(file))) as out:
                put(out, columns, rows)
    except OSError as error:  # which may name a file that nobody has heard of
        raise OSError(error.errno, error.strerror, str(file)) from error


@contextmanager
def _replacement(file: Path) -> Iterator[TextIO]:
    handle, part = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as out:
            yield out
            out.flush()
            with suppress(FileNotFoundError):
                was = file.stat()
                with suppress(PermissionError):
                    os.fchown(handle, was.st_uid, was.st_gid)
                os.fchmod(handle, stat.S_IMODE(was.st_mode))
        Path(part).replace(file)
    except BaseException:
        with suppress(OSError):
            Path(part).unlink()
        raise


def _json_lines_to(out: TextIO, _columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _csv_to(out: TextIO, columns: Iterable[str], rows: Iterable[Mapping[str, Any]]) -> None:
    writer = csv.DictWriter(out, list(columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(_flat, rows))


_Read = tuple[int, dict[str, Any] | str]  # a line, and the cells that begin there or why they cannot be read
_UNDECODED: Final = ""  # why, for what is in another encoding
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


def _csv(text: Iterable[str], needed: tuple[str, ...]) -> Iterator[_Read]:
    csv.field_size_limit(_FIELD_CHARS)
    lines = list(text)
    headers = {delimiter: next(_records(lines, delimiter), (1, []))[1] for delimiter in _DELIMITERS}

    def fit(delimiter: str) -> tuple[int, bool]:
        header = headers[delimiter]
        return (sum(name in header for name in needed) if isinstance(header, list) else 0, delimiter == ",")

    delimiter = max(_DELIMITERS, key=fit)
    header = headers[delimiter]
    if isinstance(header, str):
        raise UnfitFileError(f"the header, line 1, cannot be read: {header}")
    if missing := [name for name in needed if name not in header]:
        raise _without(missing, header)
    if any(map(_SURROGATE.search, header)):
        raise UnfitFileError("the header is in another encoding: give --encoding, or save it as UTF-8")
    if len(set(header)) < len(header):
        raise UnfitFileError("two columns have the same name")
    for line, cells in islice(_records(lines, delimiter), 1, None):
        if isinstance(cells, str):
            yield line, cells
        elif cells and len(cells) != len(header):
            yield line, f"{len(cells)} cells under {len(header)} columns"
        elif any(map(_SURROGATE.search, cells)):
            yield line, _UNDECODED
        elif cells:
            yield line, dict(zip(header, cells, strict=True))


def _records(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str] | str]]:
    """The cells of each record, or why there are none, with the line on which it begins.

    A quote that nobody closes would run on to the next one, or to the end of the file: only its first line is given up.
    """
    begins = 0
    while begins < len(lines):
        rest = map(lines.__getitem__, range(begins, len(lines)))
        reader, done = csv.reader(rest, delimiter=delimiter, strict=True), begins
        try:
            for cells in reader:
                yield begins + 1, cells
                begins = done + reader.line_num
        except csv.Error as error:
            is_long = "field larger" in str(error)
            yield begins + 1, str(error) if is_long else 'a quote too many or too few (within quotes, " is written "")'
            begins += 1


def _json_lines(lines: Iterable[str]) -> Iterator[_Read]:
    for line, text in enumerate(lines, 1):
        if _SURROGATE.search(text):
            yield line, _UNDECODED
        elif text.strip():
            yield line, _object(text)


def _object(text: str) -> dict[str, Any] | str:
    """NaN and Infinity, which JSON has not got and some write for what is missing, are null."""
    try:
        loaded = json.loads(text, parse_constant=lambda _: None, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    if not isinstance(loaded, dict):
        return "not a JSON object"
    if "\\u" in text and _SURROGATE.search(json.dumps(loaded, ensure_ascii=False)):
        return "half of a character, such as \\ud800"
    return loaded


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _without(missing: Iterable[str], columns: Iterable[str]) -> UnfitFileError:
    there = ", ".join(" ".join(name.split()) for name in columns) or "none"
    return UnfitFileError(f"there is no column {', '.join(missing)}; there is: {there}")


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else value
        for name, value in row.items()
    }
