"""`python -m heedback ping` against real sockets: each thing that may be wrong has its words. The real service answers
in `tests/journey/test_ping.py`."""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from heedback.__main__ import main
from heedback.ping import Finding, ping

KEY = "hb_sk_k1_notasecret"
CERTIFICATES = Path(__file__).parent / "certificates"
GOOD = {"accepted": 0, "duplicates": 0, "rejected": []}
JSON = "application/json"
PROBLEM = "application/problem+json"
NOT_NOW = {
    "type": "about:blank",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database is busy or away.",
}
THEIRS = {"openapi": "3.1.0", "info": {"title": "Heedback", "version": "v2"}, "paths": {"/v2/events": {}}}

Answer = Callable[..., str]


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test goes by the developer's own."""
    for name in ("http_proxy", "https_proxy", "all_proxy", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def answer() -> Iterator[Answer]:
    """Start a web server that answers each POST alike; its URL. GET /openapi.json gives the `description`."""
    with contextlib.ExitStack() as running:

        def start(
            status: int = 200,
            body: Any = GOOD,
            kind: str = JSON,
            certificate: str | None = None,
            description: Any = None,
            **headers: str,
        ) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    self.rfile.read(int(self.headers["Content-Length"]))
                    self._answer(status, body, kind)

                def do_GET(self) -> None:
                    known = description is not None and self.path == "/openapi.json"
                    assert "Authorization" not in self.headers
                    self._answer(200 if known else 404, description if known else "not here", JSON)

                def _answer(self, status: int, body: Any, kind: str) -> None:
                    text = (body if isinstance(body, str) else json.dumps(body)).encode()
                    self.send_response(status)
                    for name, value in ({"Content-Type": kind, "Content-Length": str(len(text))} | headers).items():
                        self.send_header(name, value)
                    self.end_headers()
                    self.wfile.write(text)

                def log_message(self, *args: Any) -> None:
                    pass

            return running.enter_context(serving(Handler, certificate))

        yield start


@contextlib.contextmanager
def serving(handler: type[BaseHTTPRequestHandler], certificate: str | None) -> Iterator[str]:
    server = Quiet(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"{'https' if certificate else 'http'}://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Quiet(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


def wrong(findings: Iterable[Finding]) -> tuple[str, str]:
    """The one finding that is not fine."""
    [finding] = [each for each in findings if not each.fine]
    return finding.about, finding.says


def test_all_is_well(answer: Answer) -> None:
    """Each look is told, in the order in which they build on each other."""
    findings = list(ping(answer(), KEY))
    assert [each.about for each in findings] == ["version", "url", "key", "connection", "clock", "service"]
    assert all(each.fine for each in findings)
    assert not any("notasecret" in each.says for each in findings)


def test_no_url() -> None:
    """What an app without settings needs first."""
    assert wrong(ping(None, KEY)) == ("url", "HEEDBACK_URL is not set: the address of the service, such as https://…")


def test_no_key() -> None:
    """The other half of the setting."""
    assert wrong(ping("http://heedback.test", "")) == (
        "key",
        "HEEDBACK_KEY is not set: whoever runs the service makes one",
    )


@pytest.mark.parametrize(
    "url",
    [
        "feedback.example.org",
        "ftp://feedback.example.org",
        "http://",
        "http://127.0.0.1:99999",
        "http://[::1",
        "http://a:secret@b",
    ],
)
def test_no_such_url(url: str) -> None:
    """What cannot be an address is not tried."""
    about, says = wrong(ping(url, KEY))
    assert about == "url"
    assert says.startswith("HEEDBACK_URL: ")
    assert "secret" not in says


@pytest.mark.parametrize("key", ["secret", "hb_sk_k1", "hb_sk_k1_", "hb_pk_k1_x", "hb_sk_k1_notasecr…"])
def test_a_malformed_key(key: str) -> None:
    """Half a key, another vendor's, or one that a chat has shortened; it is not sent anywhere."""
    about, says = wrong(ping("http://127.0.0.1:1", key))
    assert (about, says) == (
        "key",
        "HEEDBACK_KEY: the key has the form hb_sk_<kid>_<secret>, as heedback key create prints it; "
        "is a part of it missing?",
    )


def test_a_name_without_an_address() -> None:
    """`.invalid` never has one (RFC 2606)."""
    assert wrong(ping("http://feedback.invalid", KEY)) == (
        "connection",
        "the name feedback.invalid has no address: mistyped, or no DNS here",
    )


def test_nobody_listens() -> None:
    """The port is ours, and closed again."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert wrong(ping(f"http://127.0.0.1:{port}", KEY)) == (
        "connection",
        f"nothing listens at 127.0.0.1:{port}: the connection is refused",
    )


def test_a_host_that_does_not_let_us_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A queue that is full lets a newcomer wait as a firewall does that drops what comes."""
    monkeypatch.setattr("heedback.ping.TIMEOUT", (0.3, 0.3))
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full, contextlib.ExitStack() as crowd:
        for _ in range(8):
            one = crowd.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        about, says = wrong(ping(f"http://127.0.0.1:{full.getsockname()[1]}", KEY))
    assert (about, says.partition(" ")[2]) == (
        "connection",
        "cannot be reached in time: it is down, or a firewall is between",
    )


def test_a_host_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes the connection and keeps silent."""
    monkeypatch.setattr("heedback.ping.TIMEOUT", (5.0, 0.2))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        about, says = wrong(ping(f"http://127.0.0.1:{silent.getsockname()[1]}", KEY))
    assert about == "connection"
    assert says.endswith("takes the request and does not answer in time")


def test_something_that_speaks_no_http() -> None:
    """Another port of the same machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        greeter = threading.Thread(target=_greet, args=(server,))
        greeter.start()
        about, says = wrong(ping(f"http://127.0.0.1:{server.getsockname()[1]}", KEY))
        greeter.join()
    assert about == "connection"
    assert says.endswith("speaks no HTTP")


def _greet(server: socket.socket) -> None:
    with server.accept()[0] as guest:
        guest.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
        while guest.recv(65536):
            pass


def test_a_proxy_that_lets_nothing_through(monkeypatch: pytest.MonkeyPatch) -> None:
    """The SDK goes by the environment's proxy, as requests does."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{port}")
    about, says = wrong(ping("http://feedback.example.org", KEY))
    assert about == "connection"
    assert says.startswith("the proxy that the environment names lets nothing through: ")


def test_tls_that_is_trusted(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a private authority, as the SDK itself would be told of it."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / "localhost.pem"))
    url = answer(certificate="localhost.pem").replace("127.0.0.1", "localhost")
    assert all(each.fine for each in ping(url, KEY))


@pytest.mark.parametrize(
    ("certificate", "trusted", "host", "words"),
    [
        pytest.param(
            "localhost.pem", False, "localhost", "; a private authority is named with REQUESTS_CA_BUNDLE", id="nobody's"
        ),
        pytest.param("localhost.pem", True, "127.0.0.1", "not valid for '127.0.0.1'", id="another's"),
        pytest.param("expired.pem", True, "localhost", "has expired (or this machine's clock is wrong", id="expired"),
    ],
)
def test_a_certificate_that_is_not_trusted(
    answer: Answer, monkeypatch: pytest.MonkeyPatch, certificate: str, trusted: bool, host: str, words: str
) -> None:
    """Why not, and what to do."""
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATES / certificate))
    about, says = wrong(ping(answer(certificate=certificate).replace("127.0.0.1", host), KEY))
    assert about == "tls"
    assert "is not trusted: " in says
    assert words in says


def test_https_where_http_is_spoken(answer: Answer) -> None:
    """One letter too many."""
    about, says = wrong(ping(answer().replace("http:", "https:"), KEY))
    assert about == "url"
    assert says.endswith("speaks HTTP without TLS: HEEDBACK_URL has to begin with http://, not https://")


def test_http_where_https_is_spoken(answer: Answer) -> None:
    """One letter too few."""
    about, says = wrong(ping(answer(certificate="localhost.pem").replace("https:", "http:"), KEY))
    assert about == "url"
    assert says.endswith("speaks TLS: HEEDBACK_URL has to begin with https://, not http://")


@pytest.fixture
def raw() -> Iterator[Callable[[Callable[[Any], None]], int]]:
    """Start a server of sockets, which does as told with each guest; its port."""
    ended = threading.Event()
    threads: list[threading.Thread] = []

    def start(meet: Callable[[Any], None]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        server.settimeout(0.05)

        def greet(guest: Any) -> None:
            with guest, contextlib.suppress(OSError):
                guest.settimeout(5)
                meet(guest)

        def accept() -> None:
            with server:
                while not ended.is_set():
                    with contextlib.suppress(TimeoutError):
                        threads.append(threading.Thread(target=greet, args=(server.accept()[0],)))
                        threads[-1].start()

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return int(server.getsockname()[1])

    yield start
    ended.set()
    for thread in threads:
        thread.join(10)


def _patient(guest: Any) -> None:
    """Waits for the end of the headers, which a TLS greeting has not."""
    came = b""
    while b"\r\n\r\n" not in came:
        more = guest.recv(65536)
        if not more:
            return
        came += more
    guest.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")


def _closing(guest: Any) -> None:
    guest.recv(1)


def _dripping(guest: Any) -> None:
    guest.recv(65536)
    guest.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n")
    while True:
        guest.sendall(b" ")
        time.sleep(0.05)


def _either(guest: Any) -> None:
    """As nginx does: a page for whoever speaks plain HTTP at the port for TLS."""
    if guest.recv(1, socket.MSG_PEEK) == b"\x16":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "localhost.pem")
        context.wrap_socket(guest, server_side=True).close()
    else:
        guest.recv(65536)
        guest.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


def _greeting(guest: Any) -> None:
    guest.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
    guest.recv(65536)


@pytest.mark.parametrize(
    ("meet", "scheme", "about", "says"),
    [
        (_patient, "https", "url", "speaks HTTP without TLS: HEEDBACK_URL has to begin with http://, not https://"),
        (_either, "http", "url", "speaks TLS: HEEDBACK_URL has to begin with https://, not http://"),
        (_closing, "https", "tls", "takes the connection, but speaks neither TLS nor HTTP"),
        (_greeting, "https", "tls", "takes the connection, but speaks neither TLS nor HTTP"),
        (_closing, "http", "connection", "closes the connection without an answer"),
        (_dripping, "http", "connection", "begins an answer and does not end it in time"),
    ],
)
def test_what_is_spoken_there(
    raw: Callable[[Callable[[Any], None]], int],
    monkeypatch: pytest.MonkeyPatch,
    meet: Callable[[Any], None],
    scheme: str,
    about: str,
    says: str,
) -> None:
    """One scheme for the other looks as different as servers are; and whoever drips does not hold us."""
    monkeypatch.setattr("heedback.ping.TIMEOUT", (0.5, 0.5))
    place = f"127.0.0.1:{raw(meet)}"
    begun = time.monotonic()
    assert wrong(ping(f"{scheme}://{place}", KEY)) == (about, f"{place} {says}")
    assert time.monotonic() - begun < 4


def test_it_is_told_what_is_waited_for(answer: Answer) -> None:
    """Before, with the longest it may take: nobody sits before an empty screen."""
    told: list[str] = []
    for finding in ping(answer(), KEY, waits=told.append):
        told += [finding.about]
    at = next(words for words in told if words.startswith("asking "))
    assert at.endswith(", which may take 10 seconds")
    assert told.index("key") < told.index(at) < told.index("connection")


def test_certificates_that_are_not_where_they_should_be(answer: Answer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting of requests that leads nowhere."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "nowhere.pem")
    about, says = wrong(ping(answer(certificate="localhost.pem"), KEY))
    assert about == "connection"
    assert "nowhere.pem" in says


@pytest.mark.parametrize(("seconds", "words"), [(7200, "ahead of"), (-7200, "behind")])
def test_a_clock_that_is_off(answer: Answer, seconds: float, words: str) -> None:
    """By the service's Date."""
    about, says = wrong(ping(answer(), KEY, clock=lambda: time.time() + seconds))
    assert about == "clock"
    assert says.startswith("this machine's clock is 7,")
    assert f"s {words} the service's" in says


def test_a_key_that_is_not_accepted(answer: Answer) -> None:
    """Unknown, wrong and revoked look the same to the service's callers; the clock is looked at all the same."""
    refused = answer(401, {"type": "about:blank", "title": "Unauthorized", "status": 401}, PROBLEM)
    findings = list(ping(refused, KEY))
    assert wrong(findings) == (
        "key",
        "the service does not accept key k1: mistyped, of another service, or revoked",
    )
    assert "clock" in [each.about for each in findings]


def test_a_sign_in_before_the_service(answer: Answer) -> None:
    """The key is not the matter."""
    assert wrong(ping(answer(403, "<h1>Sign in</h1>", "text/html"), KEY)) == (
        "service",
        "something in front of the service asks for a sign-in (403)",
    )


def test_a_service_that_takes_nothing_now(answer: Answer) -> None:
    """Its own words are told."""
    assert wrong(ping(answer(503, NOT_NOW, PROBLEM), KEY)) == (
        "service",
        "the service answers, but takes nothing now: 503 The database is busy or away.",
    )


def test_a_proxy_without_a_service_behind(answer: Answer) -> None:
    """A gateway's answer is not the service's."""
    about, says = wrong(ping(answer(502, "Bad Gateway", "text/plain"), KEY))
    assert about == "service"
    assert says == "a proxy answers, perhaps without a service behind it, but takes nothing now: 502 Bad Gateway"


def test_a_service_that_is_elsewhere(answer: Answer) -> None:
    """The SDK follows no redirects: the key would go along."""
    moved = answer(308, "", "text/plain", Location="https://feedback.example.org/v1/events")
    assert wrong(ping(moved, KEY)) == (
        "url",
        "the service is elsewhere (308): set HEEDBACK_URL to https://feedback.example.org",
    )


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, "<h1>Welcome to the hotel</h1>", "text/html"),
        (200, "[]", JSON),
        (404, "no", "text/plain"),
        (405, "no", JSON),
    ],
)
def test_something_else_answers(answer: Answer, status: int, body: str, kind: str) -> None:
    """A page that says 200 to everything is not believed."""
    url = answer(status, body, kind)
    assert wrong(ping(url, KEY)) == ("service", f"what answers at {url} is not a Heedback service ({status}, {kind})")


def test_an_address_with_too_much_path(answer: Answer) -> None:
    """Copied from the API's page."""
    about, says = wrong(ping(f"{answer(404, 'no')}/v1/events", KEY))
    assert about == "service"
    assert says.endswith("; leave /v1/events away from HEEDBACK_URL")


@pytest.mark.parametrize("status", [404, 410, 426, 400, 422])
def test_a_service_of_another_version(answer: Answer, status: int) -> None:
    """It is Heedback by its description, and does not take what this SDK sends."""
    about, says = wrong(ping(answer(status, {"title": "no", "status": status}, PROBLEM, description=THEIRS), KEY))
    assert about == "version"
    assert says.endswith(f"which speaks version 1 of the wire ({status} no): one of the two is too old")


def test_an_old_sqlite(monkeypatch: pytest.MonkeyPatch) -> None:
    """The spool could not be opened; said before anything is sent."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))
    about, says = wrong(ping("http://127.0.0.1:1", KEY))
    assert about == "version"
    assert says.endswith(": the spool needs SQLite 3.35 or newer")


def test_the_command(answer: Answer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A line each and an exit status, or JSON; the settings are the app's."""
    assert main(["ping"]) == 1
    assert "WRONG  url         HEEDBACK_URL is not set" in capsys.readouterr().out
    monkeypatch.setenv("HEEDBACK_URL", answer())
    monkeypatch.setenv("HEEDBACK_KEY", KEY)
    assert main(["ping"]) == 0
    said = capsys.readouterr().out
    assert "wait   connection  asking 127.0.0.1:" in said
    assert "ok     service     knows the key and takes events\n" in said
    assert main(["ping", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["fine"] is True
    assert told["findings"][-1] == {"about": "service", "fine": True, "says": "knows the key and takes events"}
