"""The tables: keys start with the project, models and migrations agree, a half-done migration leaves nothing."""

from __future__ import annotations

import os
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID

import pytest
from alembic import command, op
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import MetaData, PrimaryKeyConstraint, UniqueConstraint, insert, inspect, select, update
from sqlalchemy.exc import OperationalError, StatementError

import warm
from heedback_service.flow import finding
from heedback_service.store import migrate
from heedback_service.store.db import Database, OvertakenError
from heedback_service.store.tables import GLOBAL_TABLES, Base, ItemKey, OutputText, Project
from support import NOW


@pytest.mark.parametrize("name", sorted(Base.metadata.tables.keys() - GLOBAL_TABLES))
def test_every_key_of_a_project_s_table_starts_with_the_project(name: str) -> None:
    table = Base.metadata.tables[name]
    keys = [each for each in table.constraints if isinstance(each, PrimaryKeyConstraint | UniqueConstraint)]
    assert keys
    assert [next(iter(key.columns)).name for key in keys] == ["project_id"] * len(keys)
    to_global = {"projects", "accounts"}
    for key in table.foreign_key_constraints:
        assert key.referred_table.name in to_global or key.column_keys[0] == "project_id"


def test_the_migrations_make_what_the_models_say(empty_url: str) -> None:
    db = Database(empty_url)
    assert migrate.upgrade(db)
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []
    assert not migrate.upgrade(db)
    assert ScriptDirectory.from_config(migrate.config()).get_heads() == [migrate.HEAD]
    db.dispose()


def test_processes_that_start_at_once_on_an_empty_database_all_succeed(empty_url: str) -> None:
    script = (
        "import sys; from heedback_service.store.db import Database;"
        "from heedback_service.store.migrate import upgrade;"
        "db = Database(sys.argv[1]); sys.stdin.readline(); print(upgrade(db))"
    )
    with ExitStack() as stack:
        pipe = subprocess.PIPE
        started = [
            stack.enter_context(warm.Process(script, [empty_url], os.environ, stdin=True, stdout=pipe, stderr=pipe))
            for _ in range(4)
        ]
        for process in started:
            process.stdin.write("go\n")
            process.stdin.flush()
        ends = [(process.wait(60), process.stdout.read(), process.stderr.read()) for process in started]
    assert sorted(ends) == [(0, "False\n", "")] * 3 + [(0, "True\n", "")]


def test_whoever_finds_a_new_file_being_written_to_waits_for_its_turn(tmp_path: Path) -> None:
    """SQLite waits for no other process before it turns a file to WAL."""
    file = tmp_path / "new.db"
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient = Database(f"sqlite:///{file}?timeout=0.1")
        with pytest.raises(OperationalError, match="locked"):
            migrate.upgrade(impatient)
        db = Database(f"sqlite:///{file}")
        with ThreadPoolExecutor(1) as pool:
            started = pool.submit(migrate.upgrade, db)
            with pytest.raises(TimeoutError):
                started.result(0.2)
            other.execute("COMMIT")
            assert started.result(30)
        db.dispose()
        impatient.dispose()


def test_a_migration_that_fails_half_way_leaves_nothing(empty_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    db = Database(empty_url)
    create_table = op.create_table

    def fails_at_items(name: str, *args: object, **kwargs: object) -> object:
        if name == "items":
            raise RuntimeError("the disk is full, say")
        return create_table(name, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(op, "create_table", fails_at_items)
    with pytest.raises(RuntimeError, match="disk is full"):
        migrate.upgrade(db)
    assert inspect(db.engine).get_table_names() == []
    monkeypatch.undo()
    assert migrate.upgrade(db)
    db.dispose()


def test_an_older_database_keeps_what_is_in_it(empty_url: str) -> None:
    db = Database(empty_url)
    with db.engine.connect() as connection, connection.begin():
        command.upgrade(migrate.config(connection), "0001")
        connection.exec_driver_sql(
            "INSERT INTO projects (slug, name, timezone, retention_days, last_item_number, created_at)"
            " VALUES ('acme', 'Acme', 'UTC', 400, 7, '2026-11-18 12:00:00')"
        )
    assert migrate.upgrade(db)
    with db.read() as session:
        kept = session.scalars(select(Project)).one()
    assert (kept.slug, kept.last_item_number, kept.origins) == ("acme", 7, None)
    db.dispose()


def test_keys_of_an_older_database_find_what_they_found(empty_url: str) -> None:
    """They were texts beside their feature; a key of feedback that is in no item goes."""
    feature, feedback, item = UUID(int=0xF), UUID(int=1), UUID(int=2)
    key = "fedcba98765432100123456789abcdef"
    db = Database(empty_url)
    with db.engine.connect() as connection, connection.begin():
        command.upgrade(migrate.config(connection), "0006")
        tables = MetaData()
        tables.reflect(connection, only=["projects", "features", "items", "item_feedback", "item_keys"])

        def put(table: str, **values: object) -> None:
            lacking = (each for each in tables.tables[table].columns if not each.nullable and each.name not in values)
            given: dict[str, object] = {each.name: "{}" if each.name == "factors" else 0 for each in lacking}
            times = {name: NOW.replace(tzinfo=None) for name in given if name.endswith("_at")}
            connection.execute(insert(tables.tables[table]), given | times | values)

        put("projects", id=1, slug="acme", name="Acme", timezone="UTC")
        put("features", project_id=1, id=feature.hex, name="f")
        texts = {
            "title": "",
            "title_by": "rule",
            "category": "",
            "category_why": "",
            "severity_why": "",
            "state": "new",
        }
        put("items", project_id=1, id=item.hex, feature_id=feature.hex, **texts)
        put("item_feedback", project_id=1, feedback_id=feedback.hex, item_id=item.hex, placed_by="rule", why="")
        its = {"project_id": 1, "feature_id": feature.hex, "item_id": item.hex, "kind": "signature"}
        put("item_keys", **its, key=key, feedback_id=feedback.hex)
        put("item_keys", **its, key=key, feedback_id=UUID(int=3).hex)
    assert migrate.upgrade(db)
    with db.read() as session:
        kept = session.execute(select(ItemKey.project_id, ItemKey.key, ItemKey.feedback_id)).all()
    assert kept == [(1, finding.number(feature, key), feedback)]
    db.dispose()


def test_texts_of_an_older_database_keep_their_events_and_take_what_they_lack(empty_url: str) -> None:
    db = Database(empty_url)
    with db.engine.connect() as connection, connection.begin():
        command.upgrade(migrate.config(connection), "0010")
        tables = MetaData()
        tables.reflect(connection, only=["projects", "output_text"])
        its = {"slug": "acme", "name": "Acme", "timezone": "UTC", "retention_days": 400, "last_item_number": 0}
        connection.execute(insert(tables.tables["projects"]), {"id": 1, **its, "created_at": NOW.replace(tzinfo=None)})
        old = [(1, 5, "asked", None), (2, 0, None, "answer"), (3, 6, "asked", "answer")]
        texts = [
            {
                "project_id": 1,
                "output_id": UUID(int=n).hex,
                "event_id": UUID(int=event).hex,
                "input": asked,
                "output": answer,
                "received_at": NOW.replace(tzinfo=None),
            }
            for n, event, asked, answer in old
        ]
        connection.execute(insert(tables.tables["output_text"]), texts)
    assert migrate.upgrade(db)
    columns = (OutputText.input, OutputText.input_event, OutputText.output, OutputText.output_event)
    with db.read() as session:
        kept = session.execute(select(*columns).order_by(OutputText.output_id)).all()
    assert kept == [
        ("asked", UUID(int=5), None, None),
        (None, None, "answer", UUID(int=0)),
        ("asked", UUID(int=6), "answer", UUID(int=6)),
    ]
    with db.engine.connect() as connection, connection.begin():
        command.downgrade(migrate.config(connection), "0010")
        found = connection.exec_driver_sql("SELECT event_id FROM output_text ORDER BY output_id").scalars().all()
        command.upgrade(migrate.config(connection), "0011")
    assert [UUID(str(each)) for each in found] == [UUID(int=event) for _, event, _, _ in old]
    db.dispose()


def test_only_instants_go_in_and_only_utc_comes_out(db: Database) -> None:
    in_tokyo = datetime(2026, 11, 18, 9, tzinfo=timezone(timedelta(hours=9)))
    with db.write() as session:
        session.add(Project(slug="a", name="A", timezone="UTC", created_at=in_tokyo))
    with db.read() as session:
        stored = session.scalars(select(Project)).one().created_at
    assert (stored, stored.tzinfo) == (in_tokyo, UTC)
    with pytest.raises(StatementError, match="naive"), db.write() as session:
        session.add(Project(slug="b", name="B", timezone="UTC", created_at=NOW.replace(tzinfo=None)))


def test_what_one_reader_sees_does_not_change_under_it(db: Database, project: Project) -> None:
    with db.read() as reader:
        assert reader.scalars(select(Project.slug)).all() == ["acme"]
        with db.write() as writer:
            writer.add(Project(slug="b", name="B", timezone="UTC", created_at=NOW))
        assert reader.scalars(select(Project.slug)).all() == ["acme"]


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)
@pytest.mark.parametrize("still_writing", [False, True])
def test_an_attempt_gives_way_to_whoever_wrote_first(db: Database, project: Project, still_writing: bool) -> None:
    rename = update(Project).values(name="Mine")

    def attempt(others: ExitStack) -> None:
        with db.attempt() as session:
            assert session.scalars(select(Project.name)).all() == [project.name]
            writer = others.enter_context(db.write())
            writer.add(Project(slug="b", name="B", timezone="UTC", created_at=NOW))
            if not still_writing:
                others.close()
            session.execute(rename)

    with ExitStack() as others, pytest.raises(OvertakenError):
        attempt(others)
    with db.read() as session:
        assert set(session.scalars(select(Project.name))) == {project.name, "B"}
    with db.attempt() as session:
        session.execute(rename)
    with db.read() as session:
        assert set(session.scalars(select(Project.name))) == {"Mine"}


def test_as_many_threads_as_ask_have_a_connection_each(db: Database) -> None:
    with ExitStack() as held:
        sessions = [held.enter_context(db.read()) for _ in range(45)]
        assert [session.scalar(select(1)) for session in sessions] == [1] * 45


def test_a_writer_has_its_turn_from_the_start(db: Database) -> None:
    with db.write() as first:
        first.add(Project(slug="a", name="A", timezone="UTC", created_at=NOW))
        with db.read() as reader:
            assert reader.scalars(select(Project)).all() == []
    with db.read() as reader:
        assert [project.slug for project in reader.scalars(select(Project))] == ["a"]


def test_a_forked_child_opens_connections_of_its_own(db: Database, project: Project) -> None:
    with db.read() as session:
        session.scalars(select(Project)).all()
    child = os.fork()
    if child == 0:
        with db.write() as session:
            session.add(Project(slug="child", name="Child", timezone="UTC", created_at=NOW))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    with db.read() as session:
        assert sorted(session.scalars(select(Project.slug))) == ["acme", "child"]


LOOKUPS = {
    "feedback by subject": "SELECT * FROM feedback WHERE project_id = 1 AND subject IN ('a', 'b')",
    "events by reference": "SELECT feedback_id FROM feedback_events WHERE project_id = 1 AND ref IN ('a', 'b')",
    "events of feedback": "SELECT body FROM feedback_events WHERE project_id = 1 AND feedback_id = 'a' ORDER BY id",
    "outputs by trace": "SELECT id FROM outputs WHERE project_id = 1 AND trace_id IN ('a', 'b') ORDER BY id",
    "signals of an output": "SELECT name FROM signals WHERE project_id = 1 AND output_id = 'a'",
    "what a person said": "SELECT id FROM feedback WHERE project_id = 1 AND person = 'a'"
    " AND (triaged_at IS NOT NULL OR version > 1)",
    "outputs without a time": "SELECT id FROM outputs WHERE project_id = 1 AND id < 'a'",
    "signals of outputs without a time": "SELECT id FROM signals WHERE project_id = 1 AND output_id < 'a'",
    "feedback on outputs without a time": "SELECT 1 FROM feedback WHERE project_id = 1 AND subject BETWEEN 'a' AND 'b'",
    "days of a person": "SELECT day FROM person_day WHERE project_id = 1 AND person = 'a'",
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_no_lookup_reads_the_whole_project(tmp_path: Path, name: str) -> None:
    db = Database(f"sqlite:///{tmp_path / 'x.db'}")
    migrate.upgrade(db)
    for _ in range(2):  # on the connection that migrated, and on a new one
        with db.engine.connect() as connection:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {LOOKUPS[name]}")]
        assert "AND" in plan[0], plan
        db.dispose()


def test_only_we_may_read_the_database_file(tmp_path: Path) -> None:
    db = migrate.open_database(f"sqlite:///{tmp_path / 'new' / 'x.db'}")
    with db.read():
        modes = {file.name: file.stat().st_mode & 0o777 for file in (tmp_path / "new").iterdir()}
    assert set(modes.values()) == {0o600}, modes
    db.dispose()
