"""`heedback serve` when many connect, and when nobody gets at the database: it goes on answering."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from processes import Run, Service, an_event, envelope

MANY = 150  # waitress would have let in a hundred
SOON = 30  # seconds, on a machine that does something else too; who was not let in waited for more than two minutes


@pytest.fixture
def crowd(service: Service) -> Iterator[None]:
    """Connections that say nothing, or half of what they have to say."""
    half = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with ExitStack() as stack:
        for n in range(MANY):
            connection = stack.enter_context(socket.create_connection(service.address, timeout=SOON))
            if n % 3:
                connection.sendall(half if n % 3 == 1 else half[:20])
        yield


@pytest.mark.usefixtures("crowd")
def test_a_crowd_that_says_nothing_keeps_nobody_waiting(service: Service, project: dict[str, str], run: Run) -> None:
    headers = {"Authorization": f"Bearer {project['key']}"}
    answer = requests.post(f"{service.url}/v1/events", json=envelope(an_event(1)), headers=headers, timeout=SOON)
    assert answer.json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    assert requests.get(f"{service.url}/healthz", timeout=SOON).text == "ok\n"


LOCKED = """
import sqlite3, sys
file = sqlite3.connect(sys.argv[1], isolation_level=None)
file.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def patient(environment: dict[str, str], project: dict[str, str], tmp_path: Path) -> Iterator[Service]:
    """A service whose writer waits twenty seconds for its turn on the file."""
    url = f"sqlite:///{tmp_path / 'data' / 'heedback.db'}?timeout=20"
    started = Service(environment | {"HEEDBACK_SERVER_DATABASE_URL": url})
    with started.process:
        yield started
        started.process.kill()


def test_a_locked_database_makes_senders_come_again_and_nobody_wait_behind_them(
    patient: Service, project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    headers = {"Authorization": f"Bearer {project['key']}"}
    answers: list[tuple[int, bool]] = []

    def post(n: int) -> requests.Response:
        return requests.post(f"{patient.url}/v1/events", json=envelope(an_event(n)), headers=headers, timeout=90)

    def refused(n: int) -> None:
        answer = post(n)
        answers.append((answer.status_code, int(answer.headers.get("Retry-After", 0)) > 0))

    assert post(1).ok
    command = [sys.executable, "-c", LOCKED, str(tmp_path / "data" / "heedback.db")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        senders = [threading.Thread(target=refused, args=(n,)) for n in range(2, 42)]
        for sender in senders:
            sender.start()
        time.sleep(0.5)  # they are all there, sixteen of them at work
        assert requests.get(f"{patient.url}/healthz", timeout=15).text == "ok\n"
        for sender in senders:
            sender.join(90)
        assert holder.stdin is not None
        holder.stdin.close()
    assert answers == [(503, True)] * 40
    assert post(42).json() == {"accepted": 1, "duplicates": 0, "rejected": []}
    with sqlite3.connect(tmp_path / "data" / "heedback.db") as file:
        assert file.execute("SELECT count(*) FROM outputs").fetchone() == (2,)
    assert run("rollup", "verify").returncode == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of open files")
@pytest.mark.parametrize(
    ("soft", "hard", "expected"), [(256, 256, [256, 64]), (256, 1024, [1024, 448]), (512, 4128, [4128, 2000])]
)
def test_connections_are_as_many_as_there_may_be_files_for(soft: int, hard: int, expected: list[int]) -> None:
    code = (
        f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({soft}, {hard}));"
        "from heedback_service.serving import _connections; n = _connections();"
        "print([resource.getrlimit(resource.RLIMIT_NOFILE)[0], n])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert json.loads(said.stdout) == expected
