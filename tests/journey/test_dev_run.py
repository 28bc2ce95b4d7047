"""The main job, end to end, by the command that a newcomer types first."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tools.demo import read_note
from tools.processes import until
from tools.verify import pages, sign_in

ROOT = Path(__file__).resolve().parents[2]


def test_everything_sent_is_stored_triaged_and_shown(tmp_path: Path) -> None:
    """`./dev run --once` ends with a line of JSON, and leaves nothing behind."""
    variables = {**os.environ, "TMPDIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "dev", "run", "--once"], cwd=ROOT, env=variables, capture_output=True, text=True, timeout=170
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert set(told) == {"sent", "stored", "items", "digest", "queue_url", "seconds"}
    assert told["stored"] >= told["sent"] > 150
    assert 0 < told["items"] < told["sent"]
    assert re.fullmatch(r"\d{4}-W\d\d", told["digest"])
    assert list(tmp_path.iterdir()) == []


@dataclass(frozen=True, slots=True)
class Running:
    """A `./dev run` that stays up, and what it has said so far."""

    process: subprocess.Popen[str]
    said: str

    @property
    def host(self) -> str:
        return self._after("Host app")

    @property
    def link(self) -> str:
        return self._after("Queue")

    @property
    def service(self) -> str:
        return "/".join(self.link.split("/")[:3])

    def feedback(self) -> list[str]:
        """The ids on the feedback list, to somebody who signs in by the printed link."""
        list_url = f"{self.service}/p/docs-assistant/feedback"
        return [row for page in pages(sign_in(self.link), list_url) for row in page.data.get("data-feedback", [])]

    def _after(self, label: str) -> str:
        found = re.search(rf"^ *{label} +(\S+)", self.said, re.MULTILINE)
        assert found, self.said
        return found[1]


@contextmanager
def running(data: Path) -> Iterator[Running]:
    command = [sys.executable, "dev", "run", "--port", "0", "--data", str(data)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout
        said = ""
        for line in process.stdout:
            said += line
            if line.startswith("Ctrl-C"):
                break
        try:
            assert process.poll() is None, said
            yield Running(process, said)
        finally:
            process.terminate()


def test_a_run_lets_requests_finish_and_the_next_one_uses_its_data(tmp_path: Path) -> None:
    """SIGTERM in the middle of a request: it is answered and stored, nothing else is taken, the exit status is 0."""
    with running(tmp_path / "data") as first:
        before = first.feedback()
        body = slow_event()
        request = begin_post(first.service, read_note(tmp_path / "data")["keys"]["key"], body)
        first.process.terminate()
        assert until(lambda: refuses(first.host), 10), "the host app is stopped first"
        time.sleep(0.3)
        request.sendall(body[len(body) // 2 :])
        answer = read_all(request)
        assert answer.startswith(b"HTTP/1.1 200"), answer
        assert first.process.wait(30) == 0
    with running(tmp_path / "data") as second:
        assert "Using the data in data/" in second.said
        after = second.feedback()
        second.process.terminate()
        assert second.process.wait(30) == 0
    assert set(before) < set(after)
    assert len(after) == len(set(after)) == len(before) + 1


def slow_event() -> bytes:
    """One piece of feedback, as a request body."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"type": "feedback", "id": "019aa000-0000-7000-8000-00000000abcd", "occurred_at": now}
    event |= {"feature": "docs-answer", "join_key": "in-flight", "comment": "Sent while it was stopping."}
    return json.dumps({"sent_at": now, "sdk": "heedback/0.1.0", "events": [event]}).encode()


def begin_post(url: str, key: str, body: bytes) -> socket.socket:
    """A request to the service of which half the body is sent."""
    place = urlsplit(url)
    request = socket.create_connection((place.hostname or "", place.port or 0), timeout=20)
    head = f"POST /v1/events HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: Bearer {key}\r\n"
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    request.sendall(head.encode() + body[: len(body) // 2])
    time.sleep(0.2)  # so that the service has read it
    return request


def refuses(url: str) -> bool:
    place = urlsplit(url)
    try:
        socket.create_connection((place.hostname or "", place.port or 0), timeout=5).close()
    except OSError:
        return True
    return False


def read_all(request: socket.socket) -> bytes:
    with request:
        return b"".join(iter(lambda: request.recv(65536), b""))
