"""How waitress is made to send: small answers by the thread that gives them, the rest by the loop, all of it whole."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from waitress import wasyncore
from waitress.server import create_server

from heedback_service import connection
from heedback_service.connection import Channel
from heedback_service.serving import authority

SECONDS = 30
LIMIT = 1024 * 1024  # bytes of a body
API = Path(__file__).parents[2] / "docs" / "api.md"


@contextmanager
def running(app: Any, **more: Any) -> Iterator[Any]:
    """A waitress server of ours in a thread."""
    server = create_server(app, host="127.0.0.1", port=0, threads=2, asyncore_use_poll=True, **more)
    server.channel_class = Channel
    stop = threading.Event()

    def turn() -> None:
        while not stop.is_set():
            wasyncore.loop(timeout=1, map=server._map, use_poll=True, count=1)

    thread = threading.Thread(target=turn)
    thread.start()
    try:
        yield server
    finally:
        stop.set()
        server.pull_trigger()
        thread.join(SECONDS)
        server.task_dispatcher.shutdown()
        for channel in list(server.active_channels.values()):
            channel.handle_close()
        server.close()


def connected(server: Any, *, room: int | None = None) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(SECONDS)
    if room is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    connection.connect(server.socket.getsockname())
    return connection


def ask(server: Any, *, room: int | None = None) -> socket.socket:
    connection = connected(server, room=room)
    connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    return connection


def whole(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b"")).partition(b"\r\n\r\n")[2]


def never(_environ: Any, _start: Any) -> Iterable[bytes]:
    raise AssertionError("it was no request")


def refused(server: Any, head: bytes) -> bytes:
    """The whole answer to what is no request, up to where the connection is closed."""
    with connected(server) as connection:
        connection.sendall(head + b"\r\nHost: x\r\n\r\n")
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    ("host", "shown"), [("127.0.0.1", "127.0.0.1:8700"), ("localhost", "localhost:8700"), ("::1", "[::1]:8700")]
)
def test_an_address_is_shown_as_browsers_take_it(host: str, shown: str) -> None:
    assert authority(host, 8700) == shown
    assert urlsplit(f"http://{authority(host, 8700)}").hostname == host


def test_the_loop_does_not_send_what_a_thread_is_about_to() -> None:
    """It would look again at once, for as long as the thread waits for its turn to run."""
    at_it, go_on = threading.Event(), threading.Event()

    def app(_environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "8")])
        return parts()

    def parts() -> Iterator[bytes]:
        yield b"half"
        at_it.set()
        assert go_on.wait(SECONDS)
        yield b"half"

    with running(app) as server, ask(server) as connection:
        assert at_it.wait(SECONDS)
        channel = next(iter(server.active_channels.values()))
        with channel.outbuf_lock:
            channel.total_outbufs_len += 4  # as while the thread waits for `send` to return
            assert not channel.writable()
            channel.total_outbufs_len -= 4
        go_on.set()
        assert whole(connection) == b"halfhalf"


@pytest.mark.parametrize("size", [1, 65_000, 5_000_000, 40_000_000])
def test_an_answer_of_any_size_reaches_a_slow_reader_whole(size: int) -> None:
    """What the socket does not take is the loop's: the thread is free again, or waits for the loop to go on."""

    def app(_environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", str(size))])
        return [b"x" * size]

    with running(app) as server, ask(server, room=4096) as connection:
        assert len(whole(connection)) == size


def test_a_slow_reader_of_many_small_parts_gets_all_of_them() -> None:
    parts = [bytes([65 + n % 26]) * 1000 for n in range(3000)]

    def app(_environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", str(sum(map(len, parts))))])
        return iter(parts)

    with running(app) as server, ask(server, room=4096) as connection:
        assert whole(connection) == b"".join(parts)


@pytest.mark.parametrize(
    "head",
    [
        b"GET http://[bad HTTP/1.1",
        b"GET http://[bad]/ HTTP/1.1",
        b"POST / HTTP/1.1\r\nContent-Length: " + 5000 * b"9",
    ],
    ids=lambda head: head[:24].decode(),
)
def test_a_head_that_python_cannot_parse_is_a_400_and_not_quoted_in_the_log(
    head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with running(never) as server:
        answer = refused(server, head)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Bad address or number" in answer
    told = [record.getMessage() for record in caplog.records if record.name != "waitress.queue"]  # how long it waited
    assert told == []


@pytest.mark.parametrize(
    ("status", "head"),
    [
        (400, b"GET / HTTP/1.1\r\nNo header"),
        (413, b"POST / HTTP/1.1\r\nContent-Length: 99999999999"),
        (501, b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip"),
    ],
    ids=["400", "413", "501"],
)
def test_what_never_becomes_a_request_is_refused_as_the_docs_say(status: int, head: bytes) -> None:
    with running(never) as server:
        assert refused(server, head).split()[1] == b"%d" % status
    [said] = [part for part in API.read_text().split("\n\n") if "before it is a request is `text/plain`" in part]
    assert f"({status})" in said


def eventually(what: Callable[[], bool]) -> bool:
    give_up = time.monotonic() + SECONDS
    while not what() and time.monotonic() < give_up:
        time.sleep(0.01)
    return what()


def posted(server: Any, body: bytes | Iterator[bytes], **headers: str) -> tuple[int, str]:
    """How Python's own client, which sends all of the body before it reads, is answered."""
    client = HTTPConnection(*server.socket.getsockname(), timeout=SECONDS)
    with closing(client):
        client.request("POST", "/", body, headers)
        answer = client.getresponse()
        return answer.status, answer.read().decode()


@pytest.mark.parametrize("size", [LIMIT + 1, 3 * LIMIT, 20 * LIMIT])
@pytest.mark.parametrize("chunked", [False, True])
def test_who_sends_too_much_reads_the_answer_all_the_same(size: int, chunked: bool) -> None:
    with running(never, max_request_body_size=LIMIT) as server:
        pieces = (bytes(min(65536, size - n)) for n in range(0, size, 65536))
        status, said = posted(server, pieces if chunked else bytes(size))
        assert (status, "exceeds max_body" in said) == (413, True)
        assert eventually(lambda: not server.active_channels)  # nothing of it is left


def test_who_never_stops_sending_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "DISCARDED_BYTES", LIMIT)
    with running(never, max_request_body_size=LIMIT) as server:
        with pytest.raises(ConnectionError):
            posted(server, bytes(20 * LIMIT))
        assert eventually(lambda: not server.active_channels)


def test_who_neither_closes_nor_sends_after_a_refusal_is_closed_as_any_quiet_connection() -> None:
    with running(never, max_request_body_size=LIMIT) as server, connected(server) as client:
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
        assert whole(client).startswith(b"Request Entity Too Large")
        assert len(server.active_channels) == 1
        server.maintenance(time.time() + server.adj.channel_timeout + 1)
        server.pull_trigger()
        assert eventually(lambda: not server.active_channels)


def test_who_never_reads_an_answer_is_closed_as_any_quiet_connection() -> None:
    def long(environ: Any, start: Any) -> list[bytes]:
        start("200 OK", [("Content-Length", str(8 * LIMIT))])
        return [bytes(8 * LIMIT)]

    with running(long) as server, connected(server, room=4096) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert eventually(lambda: any(each.total_outbufs_len for each in server.active_channels.values()))
        [channel] = server.active_channels.values()
        assert eventually(lambda: not channel.requests)
        channel.last_activity -= server.adj.channel_timeout + 1
        server.maintenance(time.time())
        server.pull_trigger()
        assert eventually(lambda: not server.active_channels)


def test_who_asks_before_sending_too_much_is_not_told_to_go_on() -> None:
    with running(never, max_request_body_size=LIMIT) as server:
        answer = refused(server, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 99999999")
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_a_refusal_behind_a_request_is_read_too() -> None:
    def app(_environ: Any, start: Any) -> Iterable[bytes]:
        start("200 OK", [("Content-Length", "2")])
        return [b"ok"]

    with running(app, max_request_body_size=LIMIT) as server, connected(server) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        first = b""
        while not first.endswith(b"ok"):
            first += client.recv(65536)
        client.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n" + bytes(9_999_999))
        assert client.recv(65536).startswith(b"HTTP/1.1 413 ")
