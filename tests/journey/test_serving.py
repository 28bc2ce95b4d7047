"""`heedback` as real processes: served, stopped, worked, and talked to by the real SDK."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import requests

import heedback
from processes import Run, Service, an_event, envelope


def test_what_the_sdk_captures_is_stored_triaged_and_counted(
    service: Service, project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    client = heedback.Client(
        service.url, project["key"], spool=tmp_path / "spool.db", user_key=project["user_key"], app_version="1.0"
    )
    for n in range(3):
        out = client.output("summary", user=f"user-{n}", input="Sum this up.", output="It is 12.", prompt_version="v1")
        client.rate(out, "down", reasons=["incorrect"], comment="The total is wrong, it should be 21")
    assert client.flush(20)
    client.close()
    assert run("worker", "--once").returncode == 0
    assert service.end() == 0
    lines = [json.loads(line) for line in run("export", "acme").stdout.splitlines()]
    outputs = [line for line in lines if line["type"] == "output"]
    feedback = [line for line in lines if line["type"] == "feedback"]
    assert [line["output"] for line in outputs] == ["It is 12."] * 3
    assert {line["output_id"] for line in feedback} == {line["id"] for line in outputs}
    assert all(line["person"].startswith("u-") and line["triaged_at"] for line in feedback)
    assert run("rollup", "verify", "acme").stdout == "Every count agrees with the rows.\n"


def test_a_request_in_flight_is_finished_before_sigterm_ends_the_service(
    service: Service, project: dict[str, str], run: Run
) -> None:
    body = json.dumps(envelope(an_event(1))).encode()
    head = (
        f"POST /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {project['key']}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    answers: list[requests.Response] = []
    others = [
        threading.Thread(target=lambda: answers.append(requests.get(f"{service.url}/openapi.json", timeout=20)))
        for _ in range(4)
    ]
    with socket.create_connection(service.address, timeout=20) as connection:
        connection.sendall(head + body)
        for other in others:
            other.start()
        time.sleep(0.02)
        assert service.end() == 0
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer
    assert b'"accepted": 1' in answer or b'"accepted":1' in answer
    for other in others:
        other.join()
    assert '"019aa000-0000-7000-8000-000000000001"' in run("export", "acme").stdout


def test_what_was_answered_survives_sigkill(service: Service, project: dict[str, str], run: Run) -> None:
    headers = {"Authorization": f"Bearer {project['key']}"}
    stop = threading.Event()
    acknowledged: list[str] = []

    def send() -> None:
        for n in range(1, 5000):
            if stop.is_set():
                return
            try:
                answer = requests.post(
                    f"{service.url}/v1/events", json=envelope(an_event(n)), headers=headers, timeout=5
                )
            except requests.RequestException:
                return
            if answer.ok:
                acknowledged.append(an_event(n)["id"])

    sender = threading.Thread(target=send)
    sender.start()
    while len(acknowledged) < 20:
        assert sender.is_alive()
        time.sleep(0.01)
    service.process.kill()
    stop.set()
    sender.join()
    stored = run("export", "acme").stdout
    assert all(event_id in stored for event_id in acknowledged)
    assert run("rollup", "verify").returncode == 0


def test_a_body_too_large_for_any_view_is_refused_before_it_is_read_and_the_next_request_works(
    service: Service,
) -> None:
    head = b"POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (3 * 1024 * 1024)
    with socket.create_connection(service.address, timeout=20) as connection:
        connection.sendall(head)  # and nothing of the body: the answer must not wait for it
        answer = connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"Content-Type: text/plain" in answer  # as docs/api.md says: it never was a request
    assert b"X-Request-ID" not in answer
    assert requests.get(f"{service.url}/openapi.json", timeout=20).status_code == 200


def test_a_body_that_is_sent_in_one_go_is_answered_up_to_the_limit_and_beyond(service: Service) -> None:
    most = 2 * 1024 * 1024
    answers = [requests.post(f"{service.url}/v1/events", data=bytes(size), timeout=20) for size in (most, most + 1)]
    told = [(answer.status_code, answer.headers["Content-Type"].partition(";")[0]) for answer in answers]
    assert told == [(401, "application/problem+json"), (413, "text/plain")]
    big = requests.post(f"{service.url}/v1/events", data=bytes(16 * most), timeout=20)
    assert (big.status_code, big.headers["Connection"]) == (413, "close")


def test_a_busy_port_is_one_clear_line(service: Service, run: Run) -> None:
    second = run("serve", "--port", str(service.address[1]))
    assert second.returncode == 1
    assert second.stderr.strip() == f"Error: cannot listen on 127.0.0.1:{service.address[1]}: Address already in use"


def test_a_key_works_until_it_is_revoked(service: Service, run: Run) -> None:
    key = run("key", "create", "acme").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    assert requests.post(f"{service.url}/v1/events", json=envelope(), headers=headers, timeout=9).status_code == 200
    assert run("key", "revoke", "acme", key.split("_")[2]).returncode == 0
    assert requests.post(f"{service.url}/v1/events", json=envelope(), headers=headers, timeout=9).status_code == 401


def test_a_queue_of_requests_and_a_tick_that_is_skipped_write_no_line() -> None:
    code = (
        "import logging; from heedback_service.serving import _keep_quiet; _keep_quiet();"
        "[logging.getLogger(n).warning('routine') for n in ('waitress.queue', 'apscheduler.scheduler',"
        " 'apscheduler.executors.default')]; logging.getLogger('waitress').warning('news')"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert said.stderr == "news\n"
