"""The log: a line an event, for people or machines, and nobody's words in it."""

from __future__ import annotations

import json
import logging
from io import StringIO

import pytest

from heedback_service import logs


@pytest.fixture
def written(logging_as_before: None) -> StringIO:
    """What is logged."""
    return StringIO()


def fail(words: str) -> None:
    try:
        raise KeyError(words)
    except KeyError as error:
        raise ValueError(f"cannot read {words}") from error


def test_a_line_of_json_has_the_message_and_its_fields(written: StringIO) -> None:
    logs.start("json", written)
    logging.getLogger("heedback_service.x").info("answered", extra={logs.FIELDS: {"status": 200, "ms": 1.5}})
    line = json.loads(written.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "heedback_service.x",
        "message": "answered",
        "status": 200,
        "ms": 1.5,
    }


@pytest.mark.parametrize("style", ["text", "json"])
def test_an_exception_is_told_by_type_and_place_and_not_by_its_words(written: StringIO, style: logs.Style) -> None:
    logs.start(style, written)
    try:
        fail("my doctor says")
    except ValueError:
        logging.getLogger("heedback_service.x").exception("could not %s", "triage feedback")
    said = written.getvalue()
    assert "could not triage feedback" in said
    assert "ValueError" in said
    assert "KeyError" in said
    assert "test_logs.py" in said
    assert "doctor" not in said


def test_a_message_stays_on_its_line(written: StringIO) -> None:
    logs.start("text", written)
    logging.getLogger("heedback_service.x").warning("a\n2026-11-18 ERROR forged")
    assert len(written.getvalue().splitlines()) == 1


def test_libraries_speak_only_when_something_is_wrong(written: StringIO) -> None:
    logs.start("text", written)
    logging.getLogger("waitress").info("Client disconnected while serving /signin/link/secret")
    logging.getLogger("waitress").warning("Task queue depth is 3")
    assert written.getvalue().count("\n") == 1
    assert "secret" not in written.getvalue()
