"""The service on a server that is not ours: two workers of gunicorn, forked before or after the application is made."""

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

from processes import Run, an_event, envelope

SENDERS: Final = 4
EACH: Final = 25  # requests of two events

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")


@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["each makes its own", "made before the fork"])
def test_two_workers_take_in_everything_once_and_end_in_peace(
    environment: dict[str, str], project: dict[str, str], run: Run, more: list[str]
) -> None:
    with gunicorn(environment, more) as (url, process):
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
            answer = session.post(f"{url}/v1/events", json=body, headers=headers, timeout=30)
            assert answer.status_code == 200, answer.text
            answers.append(answer.json())


@contextlib.contextmanager
def gunicorn(environment: dict[str, str], more: list[str]) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "gunicorn", "--bind", address, "--workers", "2", "--threads", "4"]
    command += ["--no-control-socket", *more]  # it would lie in the home of whoever runs the tests
    with subprocess.Popen([*command, "heedback_service.app:wsgi()"], env=environment) as process:
        try:
            give_up = time.monotonic() + 30
            while not answers_at(f"http://{address}"):
                assert time.monotonic() < give_up
                time.sleep(0.1)
            yield f"http://{address}", process
        finally:
            process.kill()


def answers_at(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=10).ok
    except requests.RequestException:  # not there yet, or still importing
        return False
