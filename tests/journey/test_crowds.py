"""`heedback serve` when many connect, and when nobody gets at the database: it goes on answering."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack

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
