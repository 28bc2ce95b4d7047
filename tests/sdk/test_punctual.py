"""Answers end in time, over real sockets: whoever drips, and whoever pours, holds no thread of the host."""

from __future__ import annotations

import contextlib
import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from heedback import Client, punctual
from heedback.__main__ import main
from heedback.testing import MemoryTransport
from heedback.transport import Batch, Delivered, HttpTransport, RetryAfter

CERTIFICATE = Path(__file__).parent / "certificates" / "localhost.pem"
KEY = "hb_sk_k1_notasecret"
BODY = json.dumps({"accepted": 1, "duplicates": 0, "rejected": []}).encode()
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
GOOD = HEAD % len(BODY) + b"\r\n" + BODY
BATCH = Batch("2026-11-16T09:12:00.000Z", ("{}",))
SECONDS = 0.6

Say = Callable[[Any], None]


@contextlib.contextmanager
def serving(say: Say, *, tls: bool = False) -> Iterator[str]:
    """A server that reads a request and then says what it likes, again and again on each connection; its URL."""
    ended = threading.Event()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if tls else None
    if context is not None:
        context.load_cert_chain(CERTIFICATE)

    def serve(guest: Any) -> None:
        guest.settimeout(5)
        with contextlib.suppress(OSError), guest if context is None else context.wrap_socket(guest, True) as ours:
            while not ended.is_set() and _request(ours):
                say(ours)

    def accept() -> None:
        while not ended.is_set():
            with contextlib.suppress(TimeoutError):
                threads.append(threading.Thread(target=serve, args=(server.accept()[0],)))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.05)
        door = threading.Thread(target=accept)
        door.start()
        try:
            yield f"{'https://localhost' if tls else 'http://127.0.0.1'}:{server.getsockname()[1]}"
        finally:
            ended.set()
            for thread in [door, *threads]:
                thread.join(10)


def _request(guest: Any) -> bool:
    """Read one; whether there was one."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = guest.recv(65536)
        if not more:
            return False
        came += more
    head, _, body = came.partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += guest.recv(65536)
    return True


def dripping(beginning: bytes, drop: bytes = b"x") -> Say:
    """A byte every twentieth of a second, never an end: each read is in time, all of them are not."""

    def say(guest: Any) -> None:
        guest.sendall(beginning)
        while True:
            guest.sendall(drop)
            time.sleep(0.05)

    return say


def send(url: str) -> tuple[Any, float]:
    """What became of a batch, and in how many seconds."""
    transport = HttpTransport(url, KEY, (2.0, SECONDS))
    begun = time.monotonic()
    try:
        return transport.send(BATCH), time.monotonic() - begun
    finally:
        transport.close()


@pytest.fixture(autouse=True)
def _trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("beginning", "drop", "tls"),
    [
        pytest.param(b"", b"x", False, id="the status line"),
        pytest.param(HEAD % 5000, b"x", False, id="a header"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", False, id="patience"),
        pytest.param(HEAD % 5000 + b"\r\n", b" ", False, id="the body"),
        pytest.param(HEAD[:-20] + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", False, id="chunks"),
        pytest.param(HEAD[:-20] + b"\r\n", b" ", False, id="a body without a length"),
        pytest.param(HEAD % 5000 + b"\r\n", b" ", True, id="the body, over TLS"),
    ],
)
def test_whoever_drips_is_left_in_time(beginning: bytes, drop: bytes, tls: bool) -> None:
    """Wherever in the answer it is: the timeout holds for all of it."""
    with serving(dripping(beginning, drop), tls=tls) as url:
        found, seconds = send(url)
    assert isinstance(found, RetryAfter)
    assert found.why.startswith(("the service is unreachable (ReadTimeout)", "the service is unreachable (Connection"))
    assert SECONDS * 0.9 < seconds < SECONDS + 2


def test_whoever_pours_is_left_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer without end would fill the host's memory long before its time is over."""
    monkeypatch.setattr(punctual, "MAX_ANSWER_BYTES", 100_000)

    def pour(guest: Any) -> None:
        guest.sendall(HEAD[:-20] + b"\r\n" + b" " * 300_000)
        guest.recv(1)  # until we hang up

    with serving(pour) as url:
        found, seconds = send(url)
    assert isinstance(found, RetryAfter)
    assert seconds < SECONDS


@pytest.mark.parametrize("tls", [False, True])
def test_each_answer_on_a_connection_has_all_its_time(tls: bool) -> None:
    """What one took does not shorten the next, and the connection is kept."""

    def take_its_time(guest: Any) -> None:
        guests.add(id(guest))
        for part in (GOOD[:9], GOOD[9:-5], GOOD[-5:]):
            time.sleep(SECONDS / 5)
            guest.sendall(part)

    guests: set[int] = set()
    with serving(take_its_time, tls=tls) as url:
        transport = HttpTransport(url, KEY, (2.0, SECONDS))
        assert [transport.send(BATCH) for _ in range(3)] == [Delivered(1)] * 3
        transport.close()
    assert len(guests) == 1


def test_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that takes the connection and drips its own answer."""
    with serving(dripping(HEAD % 5000 + b"\r\n", b" ")) as url:
        monkeypatch.setenv("HTTP_PROXY", url)
        found, seconds = send("http://feedback.example.org")
    assert isinstance(found, RetryAfter)
    assert seconds < SECONDS + 2


def test_the_command_keeps_to_its_time(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`spool flush --timeout` is for the service too, not only for what comes between two requests."""
    spool = str(tmp_path / "spool.db")
    monkeypatch.setenv("HEEDBACK_KEY", KEY)
    with serving(dripping(HEAD % 5000 + b"\r\n", b" ")) as url:
        monkeypatch.setenv("HEEDBACK_URL", url)
        client = Client(url, KEY, spool=spool, transport=MemoryTransport(*[RetryAfter(300.0)] * 9))
        client.output("f")
        client.close()
        begun = time.monotonic()
        assert main(["spool", "flush", "--timeout", "0.5", "--spool", spool]) == 1
    assert time.monotonic() - begun < 3
    assert "1 still waiting\nstopped: the service is unreachable (" in capsys.readouterr().out


def test_without_a_timeout_it_is_as_ever() -> None:
    """Whoever sets none waits as long as it takes."""

    def good(guest: Any) -> None:
        guest.sendall(GOOD)

    with serving(good) as url, punctual.session() as session:
        assert session.post(url, data=b"{}", timeout=None).json()["accepted"] == 1
        with pytest.raises(requests.Timeout):
            session.post(url, data=b"{}", timeout=1e-9)
