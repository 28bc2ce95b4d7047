"""What the service says about itself: a line an event on stderr, as text or as JSON, without anybody's words.

Messages of exceptions are left out, because they can quote what people wrote: a line has the exception's type and where
it came from. Log calls pass routes, ids, counts and names of settings; never bodies, query strings, paths or keys.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

Style = Literal["text", "json"]
FIELDS: Final = "heedback"  # the attribute of a record that holds its fields: `extra={FIELDS: {...}}`


def start(style: Style, stream: TextIO | None = None) -> None:
    """Log to `stream` (stderr) from here on: our own at INFO, libraries at WARNING."""
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines() if style == "json" else TextLines())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("heedback_service").setLevel(logging.INFO)


class TextLines(logging.Formatter):
    """`2026-11-18T12:00:00.000Z INFO heedback_service.jobs: message key=value`."""

    def format(self, record: logging.LogRecord) -> str:
        fields = "".join(f" {name}={value}" for name, value in _fields(record).items())
        line = f"{_moment(record)} {record.levelname} {record.name}: {record.getMessage()}{fields}"
        return "\n".join([_one_line(line), *(f"    {step}" for step in _trace(record))])


class JsonLines(logging.Formatter):
    """One JSON object a line: `at`, `level`, `logger`, `message`, the record's fields, `trace` after an exception."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": _moment(record),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if trace := _trace(record):
            line["trace"] = trace
        return json.dumps(line, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    fields: dict[str, Any] = getattr(record, FIELDS, {})
    return fields


def _moment(record: logging.LogRecord) -> str:
    at = datetime.fromtimestamp(record.created, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _trace(record: logging.LogRecord) -> list[str]:
    """The exception and what it came from, the last first: its type, then where each call was."""
    lines = []
    error = record.exc_info[1] if record.exc_info else None
    while error is not None:
        lines.append(type(error).__qualname__)
        lines += [f"at {frame.filename}:{frame.lineno} {frame.name}" for frame in _frames(error)]
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return lines


def _frames(error: BaseException) -> list[traceback.FrameSummary]:
    return traceback.StackSummary.extract(traceback.walk_tb(error.__traceback__), lookup_lines=False)


def _one_line(text: str) -> str:
    """A message with a line break in it must not look like a second line of ours."""
    return text.replace("\r", "\\r").replace("\n", "\\n")
