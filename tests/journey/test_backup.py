"""A backup taken while the service writes, restored as `docs/operations.md` says; and the log of a real process."""

from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import warm
from processes import Run

DOCS = Path(__file__).parents[2] / "docs" / "operations.md"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{ours.get('PATH', '')}"
    return ours | {"HEEDBACK_SERVER_DATA": str(tmp_path / "data"), "HEEDBACK_SERVER_LOG": "json", "PATH": path}


@pytest.fixture
def key(project: dict[str, str]) -> str:
    return project["key"]


class Serving:
    """`heedback serve` with its log in a file."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        with log.open("w") as stderr:
            words = ["serve", "--port", "0"]
            self.process = warm.Process(warm.COMMAND, words, environment, stdout=subprocess.PIPE, stderr=stderr)
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().rsplit(" ", 1)[-1].strip()

    def post(self, key: str, *numbers: int) -> requests.Response:
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        body = {"sent_at": sent_at, "events": [an_event(n) for n in numbers]}
        headers = {"Authorization": f"Bearer {key}"}
        return requests.post(f"{self.url}/v1/events", json=body, headers=headers, timeout=10)


@pytest.fixture
def serving(environment: dict[str, str], key: str, tmp_path: Path) -> Iterator[Serving]:
    started = Serving(environment, tmp_path / "serve.log")
    with started.process:
        yield started
        started.process.kill()


def an_event(n: int) -> dict[str, Any]:
    return {
        "type": "output",
        "id": f"019aa000-0000-7000-8000-{n:012x}",
        "occurred_at": "2026-11-16T09:12:00Z",
        "feature": "summary",
        "output": f"the words of answer {n}",
    }


def stored(run: Run) -> set[str]:
    lines = [json.loads(line) for line in run("export", "acme").stdout.splitlines()]
    return {line["id"] for line in lines if line["type"] == "output"}


def as_the_docs_say(environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    """What the docs say about restoring, called in `folder`."""
    blocks = re.findall(r"^```sh restore\n(.*?)^```$", DOCS.read_text(), re.MULTILINE | re.DOTALL)
    [script] = blocks
    return subprocess.run(
        ["bash", "-c", script], env=environment, cwd=folder, capture_output=True, text=True, timeout=60
    )


def test_a_backup_taken_while_the_service_writes_is_whole_and_can_be_restored(
    serving: Serving, key: str, run: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    acknowledged: list[int] = []
    stop = threading.Event()

    def write() -> None:
        for n in range(1, 3000):
            if stop.is_set():
                return
            assert serving.post(key, n).ok
            acknowledged.append(n)

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 20:
        assert writer.is_alive()
        time.sleep(0.01)
    backup = tmp_path / "b.db"
    for _ in range(20):  # until the writer went on meanwhile: it takes a moment only
        before = len(acknowledged)
        done = run("backup", str(backup), "--force")
        if len(acknowledged) > before:
            break
    stop.set()
    writer.join()
    serving.process.terminate()
    assert serving.process.wait(20) == 0
    assert done.returncode == 0, done.stderr
    assert len(acknowledged) > before
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert [file.name for file in tmp_path.glob("*b.db*")] == ["b.db"]

    (tmp_path / "data" / "heedback.db").write_bytes(b"the disk ate it")
    relative = {"HEEDBACK_SERVER_DATA": "data", "BACKUP": backup.name}
    restored = as_the_docs_say(environment | relative, tmp_path)
    assert restored.returncode == 0, restored.stderr
    assert "b.db: whole, of revision 00" in restored.stdout
    assert "with 1 projects," in restored.stdout
    [kept] = (tmp_path / "data").glob("replaced-*/heedback.db")
    assert kept.read_bytes() == b"the disk ate it"
    assert restored.stdout.endswith("Every count agrees with the rows.\n")
    assert "Compared: 1 projects, 1 days" in restored.stderr
    file = tmp_path / "data" / "heedback.db"
    assert (stat.S_IMODE(file.stat().st_mode), file.owner()) == (0o600, file.parent.owner())
    ids = stored(run)
    assert {an_event(n)["id"] for n in acknowledged[:before]} <= ids
    assert len(ids) < 3000


@pytest.mark.parametrize(
    "wrong",
    [
        {"HEEDBACK_SERVER_DATA": None, "BACKUP": "b.db"},
        {"HEEDBACK_SERVER_DATA": "", "BACKUP": "b.db"},
        {"HEEDBACK_SERVER_DATA": "nowhere", "BACKUP": "b.db"},
        {"HEEDBACK_SERVER_DATA": ".", "BACKUP": None},
        {"HEEDBACK_SERVER_DATA": ".", "BACKUP": "not-there.db"},
        {"HEEDBACK_SERVER_DATA": ".", "BACKUP": "b.db"},
        {"HEEDBACK_SERVER_DATA": ".", "BACKUP": "empty.db"},
    ],
    ids=str,
)
def test_restoring_with_something_missing_touches_nothing(
    environment: dict[str, str], tmp_path: Path, wrong: dict[str, str | None]
) -> None:
    (tmp_path / "heedback.db").write_text("what is in use")
    (tmp_path / "b.db").write_text("the copy")
    (tmp_path / "empty.db").touch()
    given = {name: value for name, value in (environment | wrong).items() if value is not None}
    assert as_the_docs_say(given, tmp_path).returncode != 0
    assert sorted(file.name for file in tmp_path.iterdir()) == ["b.db", "empty.db", "heedback.db"]
    assert (tmp_path / "heedback.db").read_text() == "what is in use"


@pytest.mark.parametrize("name", ["HEEDBACK_SERVER_DATABASE_URL", "HEEDBACK_SERVER_DATABASE_URL_FILE"])
def test_restoring_stops_where_the_database_is_elsewhere(
    environment: dict[str, str], key: str, tmp_path: Path, name: str
) -> None:
    backup = tmp_path / "b.db"
    shutil.copy(tmp_path / "data" / "heedback.db", backup)
    before = sorted(file.name for file in (tmp_path / "data").iterdir())
    url = f"sqlite:///{tmp_path / 'elsewhere.db'}"
    (tmp_path / "url").write_text(url)
    value = str(tmp_path / "url") if name.endswith("_FILE") else url
    refused = as_the_docs_say(environment | {"BACKUP": str(backup), name: value}, tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.startswith("the database is where HEEDBACK_SERVER_DATABASE_URL")
    assert sorted(file.name for file in (tmp_path / "data").iterdir()) == before


def test_what_root_restores_belongs_to_the_service(
    environment: dict[str, str], key: str, run: Run, tmp_path: Path
) -> None:
    backup, data = tmp_path / "b.db", tmp_path / "data"
    assert run("backup", str(backup)).returncode == 0
    (data / "secret_key").unlink()  # as on a new machine
    owner = os.geteuid() or 65534  # only root can restore what is another's
    for path in (data, *data.iterdir()):
        os.chown(path, owner, -1)
    restored = as_the_docs_say(environment | {"BACKUP": str(backup)}, tmp_path)
    assert restored.returncode == 0, restored.stderr
    owners = {path.name[:8]: path.stat().st_uid for path in data.rglob("*")}
    assert owners == dict.fromkeys(("heedback", "replaced", "secret_k"), owner)


def test_restoring_leaves_alone_what_is_in_its_way(environment: dict[str, str], key: str, tmp_path: Path) -> None:
    backup = tmp_path / "data" / "restored.db"
    shutil.copy(tmp_path / "data" / "heedback.db", backup)
    refused = as_the_docs_say(environment | {"BACKUP": str(backup)}, tmp_path)
    assert (refused.returncode, refused.stderr) == (1, f"{backup} is in the way\n")
    assert backup.exists()


def test_a_backup_replaces_nothing_that_is_no_file(key: str, run: Run, tmp_path: Path) -> None:
    """With what it is told to do here it would replace the system's devices."""
    os.mkfifo(tmp_path / "pipe")
    for force in ([], ["--force"]):
        refused = run("backup", str(tmp_path / "pipe"), *force)
        assert (refused.returncode, refused.stderr) == (1, f"Error: {tmp_path / 'pipe'} is no regular file\n")
    assert (tmp_path / "pipe").is_fifo()


def test_a_backup_replaces_no_file_unless_forced(key: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "b.db"
    file.write_text("precious")
    refused = run("backup", str(file))
    assert (refused.returncode, file.read_text()) == (1, "precious")
    assert refused.stderr == f"Error: {file} is there already; --force replaces it\n"
    assert run("backup", str(file), "--force").returncode == 0
    assert sqlite3.connect(file).execute("SELECT slug FROM projects").fetchall() == [("acme",)]
    itself = run("backup", str(tmp_path / "data" / "heedback.db"), "--force")
    assert (itself.returncode, "the database itself" in itself.stderr) == (1, True)


def test_a_backup_that_cannot_be_made_leaves_nothing(key: str, run: Run, tmp_path: Path) -> None:
    nowhere = run("backup", str(tmp_path / "no" / "folder" / "b.db"))
    assert (nowhere.returncode, len(nowhere.stderr.splitlines())) == (1, 1)
    (tmp_path / "data" / "heedback.db").write_bytes(b"not a database at all" * 1000)
    damaged = run("backup", str(tmp_path / "b.db"))
    assert (damaged.returncode, len(damaged.stderr.splitlines())) == (1, 1)
    assert list(tmp_path.glob("*b.db*")) == []


def test_postgresql_is_sent_to_pg_dump(run: Run, tmp_path: Path) -> None:
    asked = run("backup", str(tmp_path / "b"), HEEDBACK_SERVER_DATABASE_URL="postgresql+psycopg://u@127.0.0.1:1/x")
    assert asked.returncode == 1
    assert "pg_dump" in asked.stderr


def test_the_log_of_a_running_service_is_json_and_has_nobody_s_words(
    serving: Serving, key: str, tmp_path: Path
) -> None:
    assert serving.post(key, 1, 2).ok  # leaves no line: there are too many of them
    assert serving.post(f"{key}x", 3).status_code == 401
    requests.get(f"{serving.url}/signin/link/very-secret?q=hidden", timeout=9)
    assert requests.get(f"{serving.url}/readyz", timeout=9).text == "ok\n"
    serving.process.terminate()
    assert serving.process.wait(20) == 0
    written = (tmp_path / "serve.log").read_text()
    lines = [json.loads(line) for line in written.splitlines()]
    assert [(line["method"], line["route"], line["status"]) for line in lines if line["message"] == "answered"] == [
        ("POST", "/v1/events", 401),
        ("GET", "/signin/link/<token>", 200),
        ("GET", "/readyz", 200),
    ]
    assert not any(words in written for words in ("very-secret", "hidden", "the words of", key))
