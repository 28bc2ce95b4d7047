"""An SQLite file that another process has locked for half a minute: writers come again, and nobody else minds."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import requests

import warm
from processes import Run, Service, until
from sending import BATCH, a_batch, post

LOCKED_SECONDS: Final = 30
WAIT_SECONDS: Final = 10  # a writer waits so long unless told otherwise

# Holds the write lock until it is told to let go.
LOCKING = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.readline()
"""


@contextlib.contextmanager
def locked(file: Path) -> Iterator[Callable[[], None]]:
    """The file is locked until the function is called that this gives."""
    command = [sys.executable, "-c", LOCKING, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"

        def let_go() -> None:
            holder.communicate("go\n", timeout=10)

        try:
            yield let_go
        finally:
            holder.kill()


@contextlib.contextmanager
def working_once(environment: dict[str, str]) -> Iterator[warm.Process]:
    with warm.Process(warm.COMMAND, ["worker", "--once"], environment, stderr=subprocess.PIPE) as worker:
        try:
            yield worker
        finally:
            worker.kill()


def test_a_database_locked_for_half_a_minute_is_a_503_for_writers_while_readers_go_on(
    environment: dict[str, str], project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    with Service(environment) as service:
        with locked(tmp_path / "data" / "heedback.db") as let_go, working_once(environment) as worker:
            free_again, refused = time.monotonic() + LOCKED_SECONDS, []
            while time.monotonic() < free_again:
                refused.append(post(service.url, project["key"], a_batch(0), seconds=60))
                ready = requests.get(f"{service.url}/readyz", timeout=5)
                assert (ready.status_code, ready.text) == (503, "the database takes no writes; the log says why\n")
                assert run("project", "list").stdout.startswith("acme")
            assert {(answer.status_code, answer.headers.get("Retry-After")) for answer in refused} == {(503, "5")}
            assert len(refused) <= LOCKED_SECONDS / WAIT_SECONDS  # each of them waited for its turn
            assert worker.stderr is not None
            assert "could not wake items whose snooze is over: database is locked" in worker.stderr.readline()
            let_go()
            until(lambda: requests.get(f"{service.url}/readyz", timeout=5).ok, seconds=10)
            last = worker.stderr.read().splitlines()[-1]
            assert (worker.wait(60), last.startswith("Error: could not "), "wake items" in last) == (1, True, True)
        again = [post(service.url, project["key"], a_batch(0)).json() for _ in range(2)]
        assert [(answer["accepted"], answer["duplicates"]) for answer in again] == [(2 * BATCH, 0), (0, 2 * BATCH)]
        assert run("worker", "--once").returncode == 0
    assert run("rollup", "verify", "acme").returncode == 0
