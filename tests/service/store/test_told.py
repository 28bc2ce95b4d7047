"""No words of people get into a log by way of the database's errors."""

from __future__ import annotations

import logging
import sqlite3

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from heedback_service.logs import JsonLines, TextLines
from heedback_service.store.db import Database
from heedback_service.store.told import told
from heedback_service.web.api.problems import explained

WORDS = "my doctor says"
QUOTING = {
    "sqlite": f"SELECT json_extract('{{}}', '{WORDS}')",
    "postgresql": f"DO $$ BEGIN RAISE EXCEPTION '{WORDS}' USING ERRCODE = '53100', DETAIL = '{WORDS}'; END $$",
}


def refused_by(db: Database) -> OperationalError:
    """An error whose message quotes what it was given, as those of a server may."""
    with pytest.raises(OperationalError) as refused, db.write() as session:
        session.execute(text(QUOTING[db.engine.dialect.name]))
    assert WORDS in str(refused.value.orig)
    return refused.value


def test_a_message_that_may_quote_what_was_said_is_left_out(db: Database) -> None:
    expected = {"sqlite": "OperationalError SQLITE_ERROR", "postgresql": "DiskFull 53100"}
    assert told(refused_by(db)) == expected[db.engine.dialect.name]


def test_what_is_logged_of_a_refusal_has_nobody_s_words(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    assert explained(refused_by(db)).status_code == 503
    (record,) = caplog.records
    assert record.getMessage().startswith("database unavailable: ")
    for style in (JsonLines(), TextLines()):
        assert WORDS not in style.format(record)
    with caplog.at_level(logging.ERROR):
        logging.getLogger("heedback_service").error("a request failed", exc_info=refused_by(db))
    assert all(WORDS not in style.format(caplog.records[-1]) for style in (JsonLines(), TextLines()))


def test_a_server_that_is_away_is_told_with_its_address(caplog: pytest.LogCaptureFixture) -> None:
    away = Database("postgresql+psycopg://somebody:pass-word@127.0.0.1:1/nothing")
    with pytest.raises(OperationalError) as refused, away.read() as session:
        session.execute(text("SELECT 1"))
    line = told(refused.value)
    assert "127.0.0.1" in line
    assert "port 1 " in line
    assert "pass-word" not in line
    assert "\n" not in line


@pytest.mark.parametrize(
    ("code", "words"), [(sqlite3.SQLITE_BUSY, "database is locked"), (sqlite3.SQLITE_IOERR_WRITE, "disk I/O error")]
)
def test_sqlite_s_own_words_stay(code: int, words: str) -> None:
    error = sqlite3.OperationalError(words)
    error.sqlite_errorcode = code
    assert told(OperationalError(None, None, error)) == words
