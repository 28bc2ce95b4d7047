"""PostgreSQL is backed up and restored with its own programs, as `docs/postgresql.md` says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, inspect, text

import warm
from heedback_service.flow import intake, projects
from heedback_service.store.db import Database
from heedback_service.store.migrate import migrate
from heedback_service.store.tables import Project
from postgres_server import Cluster, find_programs, written_out
from support import NOW, an_output, make_id, numbered_ids, some_feedback

DOCS = Path(__file__).parents[2] / "docs" / "postgresql.md"
Script = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def source(cluster: Cluster) -> str:
    """The URL of a database with a project, twenty outputs and feedback on each; `restored` beside it is empty."""
    url = written_out(cluster.url)
    migrate(url)
    make_empty(url, "restored")
    db = Database(url)
    with db.write() as session:
        acme = projects.create_project(session, "acme", "Acme", "Europe/Oslo", datetime.now(UTC))
        assert isinstance(acme, Project)
        shown = [an_output(n, output="œuvre — 価格") for n in range(1, 21)]
        said = [some_feedback(n, output_id=make_id(n), user=f"u{n}", down=True) for n in range(1, 21)]
        intake.take(session, acme, intake.Batch(NOW, [*shown, *said]), NOW, numbered_ids())
    db.dispose()
    return url


@pytest.fixture
def script(environment: dict[str, str], cluster: Cluster, tmp_path: Path) -> Script:
    """A block of the docs by its name, from that database to the empty one."""
    programs = find_programs()
    there = {name: plain(cluster, database) for name, database in (("FROM", "postgres"), ("TO", "restored"))}
    path = os.pathsep.join([str(Path(sys.executable).parent), str(programs), os.environ["PATH"]])
    given = environment | there | {"BACKUP": str(tmp_path / "heedback.dump"), "PATH": path}

    def script(name: str, **more: str) -> subprocess.CompletedProcess[str]:
        [block] = re.findall(rf"^```sh {name}\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
        return subprocess.run(["bash", "-c", block], env=given | more, capture_output=True, text=True, timeout=60)

    return script


def make_empty(server: str, name: str) -> None:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as admin:
        admin.execute(text(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"))
    engine.dispose()


def plain(cluster: Cluster, database: str) -> str:
    return written_out(cluster.url.set(drivername="postgresql", database=database))


def restored(cluster: Cluster) -> str:
    return written_out(cluster.url.set(database="restored"))


def test_what_is_restored_is_what_was_dumped(
    source: str, cluster: Cluster, script: Script, environment: dict[str, str], tmp_path: Path
) -> None:
    dumped = script("postgresql backup")
    assert (dumped.returncode, dumped.stderr) == (0, "")
    assert [file.name for file in tmp_path.glob("heedback*")] == ["heedback.dump"]
    assert (tmp_path / "heedback.dump").stat().st_mode & 0o077 == 0
    done = script("postgresql restore")
    assert done.returncode == 0, done.stderr
    assert "Compared: 1 projects, 1 days" in done.stderr
    assert done.stdout.endswith("Every count agrees with the rows.\n")
    exported = [
        warm.run(["export", "acme"], environment | {"HEEDBACK_SERVER_DATABASE_URL": url}).stdout
        for url in (source, restored(cluster))
    ]
    assert exported[0] == exported[1]
    assert len(exported[0].splitlines()) >= 40
    again = script("postgresql restore")  # it is not empty any more
    assert again.returncode != 0
    cut = tmp_path / "cut.dump"
    cut.write_bytes((tmp_path / "heedback.dump").read_bytes()[:-2000])
    make_empty(source, "empty")
    assert script("postgresql restore", BACKUP=str(cut), TO=plain(cluster, "empty")).returncode != 0
    engine = create_engine(written_out(cluster.url.set(database="empty")))
    assert inspect(engine).get_table_names() == []
    engine.dispose()


def test_a_dump_that_fails_leaves_none(source: str, script: Script, tmp_path: Path) -> None:
    precious = tmp_path / "heedback.dump"
    precious.write_text("the last one")
    assert script("postgresql backup", FROM="postgresql:///nowhere?host=/nowhere").returncode != 0
    assert precious.read_text() == "the last one"
