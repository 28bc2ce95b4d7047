"""The service on servers that are not ours: gunicorn, which forks before or after the app is made, and granian."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Final

import pytest
import requests

from heedback.limits import MAX_BODY_BYTES
from processes import Run, an_event, envelope

SENDERS: Final = 4
EACH: Final = 25  # requests of two events
JSON: Final = {"Content-Type": "application/json"}

# --no-control-socket: it would lie in the home of whoever runs the tests.
GUNICORN: Final = "gunicorn --no-control-socket --bind {host}:{port} --workers 2 --threads 4"
GRANIAN: Final = "granian --interface wsgi --host {host} --port {port} --blocking-threads 8 --log-level error"
FORKS: Final = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(f"{GUNICORN} heedback_service.app:wsgi()", id="gunicorn, each worker makes its own", marks=FORKS),
        pytest.param(f"{GUNICORN} --preload heedback_service.app:wsgi()", id="gunicorn --preload", marks=FORKS),
        pytest.param(f"{GRANIAN} --factory heedback_service.app:wsgi", id="granian"),
    ],
)
def test_it_takes_in_everything_once_and_ends_in_peace(
    environment: dict[str, str], project: dict[str, str], run: Run, command: str
) -> None:
    with serving(environment, command) as (url, process):
        too_large = requests.post(f"{url}/v1/events", data=b" " * MAX_BODY_BYTES + b"{}", headers=JSON, timeout=30)
        assert too_large.status_code == 401, "nobody's megabyte is not even read"
        own = JSON | {"Authorization": f"Bearer {project['key']}"}
        too_large = requests.post(f"{url}/v1/events", data=b" " * MAX_BODY_BYTES + b"{}", headers=own, timeout=30)
        assert too_large.status_code == 413
        answers: list[dict[str, int]] = []
        senders = [threading.Thread(target=send, args=(url, project["key"], n, answers)) for n in range(SENDERS)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        process.terminate()
        assert process.wait(20) == 0
    taken = [(each["accepted"], each["duplicates"]) for each in answers]
    # Every output is sent by all four, every piece of feedback by one.
    assert sum(accepted for accepted, _ in taken) == EACH + SENDERS * EACH
    assert sum(duplicates for _, duplicates in taken) == (SENDERS - 1) * EACH
    assert run("rollup", "verify", "acme").returncode == 0


def send(url: str, key: str, sender: int, answers: list[dict[str, int]]) -> None:
    with requests.Session() as session:
        for n in range(EACH):
            shown = an_event(n)
            rating = {"rating": {"value": n % 2, "scale": "thumbs"}, "user": f"u-{sender}"}
            about = {"type": "feedback", "output_id": shown["id"], "id": an_event(1000 * (sender + 1) + n)["id"]}
            headers = {"Authorization": f"Bearer {key}"}
            body = envelope(shown, shown | about | rating)
            for _ in range(10):  # two processes write one file: who waits for two seconds is asked to come again
                answer = session.post(f"{url}/v1/events", json=body, headers=headers, timeout=30)
                if answer.status_code != 503:
                    break
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())


@contextlib.contextmanager
def serving(environment: dict[str, str], command: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = command.format(host="127.0.0.1", port=port).split()
    with subprocess.Popen([sys.executable, "-m", *words], env=environment) as process:
        try:
            give_up = time.monotonic() + 30
            while not answers_at(f"http://127.0.0.1:{port}"):
                assert time.monotonic() < give_up
                time.sleep(0.1)
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def answers_at(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=10).ok
    except requests.RequestException:  # not there yet, or still importing
        return False
