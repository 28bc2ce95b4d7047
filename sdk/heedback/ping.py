"""Is the way to the service open? One request with the key that stores nothing, and what is wrong in plain words."""

from __future__ import annotations

import http.client
import platform
import socket
import sqlite3
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import requests
import urllib3

from heedback import knock, punctual
from heedback.address import service_url
from heedback.answers import detail, outcome, problem
from heedback.errors import ConfigurationError
from heedback.ids import Stamps
from heedback.limits import WIRE_VERSION
from heedback.options import key_parts
from heedback.transport import SDK, Batch, Delivered, HttpTransport

CLOCK_SECONDS: Final = 60.0  # further apart than this is not the way of the request
_OLDEST_SQLITE: Final = (3, 35)
TIMEOUT: Final = (3.0, 6.0)  # seconds to connect, seconds to answer: somebody sits and waits
_LOOK_TIMEOUT: Final = (1.0, 2.0)  # the same for a second look
_NO_TLS: Final = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")

Subject = Literal["version", "url", "key", "connection", "tls", "clock", "service"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look showed: `says` is for people."""

    about: Subject
    fine: bool
    says: str


def ping(
    url: str | None,
    key: str | None,
    clock: Callable[[], float] = time.time,
    waits: Callable[[str], None] = lambda words: None,
) -> Iterator[Finding]:
    """Look at the set-up, then ask the service; the findings as they come, those that are not fine among them.

    The request is an empty batch, sent as the SDK sends all others: same address, key, proxies and certificates. It
    takes ten seconds at most, or little more; `waits` is told before, in a sentence.
    """
    setup = [_version(), _url(url), _key(key)]
    yield from setup
    if url is None or key is None or not all(each.fine for each in setup):
        return
    address = service_url(url)
    waits(f"asking {_place(address)}, which may take {sum(TIMEOUT) + knock.KNOCK_SECONDS:.0f} seconds")
    yield from _asked(HttpTransport(address, key.strip(), TIMEOUT), address, key_parts(key)[0], clock)


def _version() -> Finding:
    fine = sqlite3.sqlite_version_info >= _OLDEST_SQLITE
    ours = f"{SDK}, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return Finding("version", fine, ours if fine else f"{ours}: the spool needs SQLite 3.35 or newer")


def _url(url: str | None) -> Finding:
    if not url:
        return Finding("url", False, "HEEDBACK_URL is not set: the address of the service, such as https://…")
    try:
        return Finding("url", True, service_url(url))
    except ConfigurationError as error:
        return Finding("url", False, f"HEEDBACK_URL: {error}")


def _key(key: str | None) -> Finding:
    if not key:
        return Finding("key", False, "HEEDBACK_KEY is not set: whoever runs the service makes one")
    try:
        return Finding("key", True, f"hb_sk_{key_parts(key)[0]}_… is a key by its form")
    except ConfigurationError as error:
        return Finding("key", False, f"HEEDBACK_KEY: {error}; is a part of it missing?")


def _asked(transport: HttpTransport, url: str, kid: str, clock: Callable[[], float]) -> Iterator[Finding]:
    begun = clock()
    try:
        response = transport.post(Batch(Stamps().of(int(begun * 1e9)), ()))
    except OSError as error:  # all of requests' errors are, and what it says of a missing file with certificates
        yield _unreached(url, error, clock())
        return
    finally:
        transport.close()
    ended = clock()
    yield Finding("connection", True, f"{_place(url)} answered in {(ended - begun) * 1000:.0f} ms")
    yield from _time(response.headers.get("Date"), begun, ended)
    yield _answer(response, url, kid)


def _unreached(url: str, error: OSError, now: float) -> Finding:
    """Why there was no answer, from the innermost error that tells."""
    causes, place = list(_causes(error)), _place(url)

    def came(*kinds: type[BaseException]) -> Any:
        return next((each for each in causes if isinstance(each, kinds)), None)

    if came(requests.exceptions.InvalidURL):
        return Finding("url", False, f"HEEDBACK_URL: {error}")
    if came(requests.exceptions.ProxyError):
        return Finding("connection", False, f"the proxy that the environment names lets nothing through: {causes[-1]}")
    tls = came(ssl.SSLError) or came(requests.exceptions.SSLError)
    if tls and not (isinstance(tls, ssl.SSLEOFError) or getattr(tls, "reason", None) in _NO_TLS):
        return Finding("tls", False, _tls(tls, place, now))
    if came(socket.gaierror):
        return Finding(
            "connection", False, f"the name {urlsplit(url).hostname} has no address: mistyped, or no DNS here"
        )
    if came(ConnectionRefusedError):
        return Finding("connection", False, f"nothing listens at {place}: the connection is refused")
    if came(requests.exceptions.ConnectTimeout):
        return Finding("connection", False, f"{place} cannot be reached in time: it is down, or a firewall is between")
    if finding := _other_scheme(url):
        return finding
    if tls:
        return Finding("tls", False, _tls(tls, place, now))
    if came(requests.exceptions.ReadTimeout):
        return Finding("connection", False, f"{place} takes the request and does not answer in time")
    if came(TimeoutError, urllib3.exceptions.ReadTimeoutError):
        return Finding("connection", False, f"{place} begins an answer and does not end it in time")
    if came(ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
        return Finding("connection", False, f"{place} closes the connection without an answer")
    if came(http.client.HTTPException):
        return Finding("connection", False, f"what answers at {place} speaks no HTTP")
    return Finding("connection", False, f"{place} cannot be reached: {causes[-1]}")


def _other_scheme(url: str) -> Finding | None:
    """The commonest mistake in an address: https for http, or the reverse."""
    place = _place(url)
    if not knock.is_direct(url) or knock.speaks_tls(url) == url.startswith("https:"):
        return None
    if url.startswith("http:"):
        return Finding("url", False, f"{place} speaks TLS: HEEDBACK_URL has to begin with https://, not http://")
    if knock.speaks_http(url):
        return Finding(
            "url", False, f"{place} speaks HTTP without TLS: HEEDBACK_URL has to begin with http://, not https://"
        )
    return Finding("tls", False, f"{place} takes the connection, but speaks neither TLS nor HTTP")


def _tls(error: Exception, place: str, now: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        says = error.verify_message
        today = time.strftime("%Y-%m-%d", time.gmtime(now))
        hint = (
            f" (or this machine's clock is wrong: it says {today})"
            if "expired" in says or "not yet" in says
            else "; a private authority is named with REQUESTS_CA_BUNDLE"
            if "self" in says or "issuer" in says
            else ""
        )
        return f"the certificate of {place} is not trusted: {says}{hint}"
    return f"no TLS connection to {place}: {getattr(error, 'reason', None) or error}"


def _time(date: str | None, begun: float, ended: float) -> Iterator[Finding]:
    """The service's clock against ours. Whoever sends no Date, or none that is one, is not judged."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return
    apart = (begun + ended) / 2 - theirs
    if abs(apart) <= CLOCK_SECONDS + (ended - begun):
        yield Finding("clock", True, "agrees with the service's")
    else:
        which = "ahead of" if apart > 0 else "behind"
        yield Finding(
            "clock",
            False,
            f"this machine's clock is {abs(apart):,.0f} s {which} the service's: events are put right when they "
            "arrive, but tickets end at the wrong time",
        )


def _answer(response: requests.Response, url: str, kid: str) -> Finding:
    status, ours = response.status_code, problem(response) is not None
    if isinstance(outcome(response, 0), Delivered):
        return Finding("service", True, "knows the key and takes events")
    if 300 <= status < 400:
        target = response.headers.get("Location", "nowhere").removesuffix("/v1/events")
        return Finding("url", False, f"the service is elsewhere ({status}): set HEEDBACK_URL to {target}")
    if status == 401 and ours:
        return Finding("key", False, f"the service does not accept key {kid}: mistyped, of another service, or revoked")
    if status in (401, 403, 407):
        return Finding("service", False, f"something in front of the service asks for a sign-in ({status})")
    if status == 429 or status >= 500:
        who = "the service answers" if ours else "a proxy answers, perhaps without a service behind it"
        return Finding("service", False, f"{who}, but takes nothing now: {status} {detail(response)}")
    return _stranger(response, url)


def _stranger(response: requests.Response, url: str) -> Finding:
    """Something that answers as no service of our version would."""
    if response.status_code == 400 and url.startswith("http:") and (finding := _other_scheme(url)):
        return finding  # web servers have a page for plain HTTP at their TLS port
    if _is_heedback(url):
        return Finding(
            "version",
            False,
            f"Heedback answers, but not as {SDK} understands it, which speaks version {WIRE_VERSION} of the wire "
            f"({response.status_code} {detail(response)}): one of the two is too old",
        )
    hint = "; leave /v1/events away from HEEDBACK_URL" if url.endswith("/v1/events") else ""
    kind = response.headers.get("Content-Type", "no type")
    return Finding(
        "service", False, f"what answers at {url} is not a Heedback service ({response.status_code}, {kind}){hint}"
    )


def _is_heedback(url: str) -> bool:
    """Whether the API's description that every version serves is Heedback's. Asked without the key."""
    try:
        with punctual.session() as session:
            document = session.get(f"{url}/openapi.json", timeout=_LOOK_TIMEOUT, allow_redirects=False).json()
        return bool(document["info"]["title"] == "Heedback")
    except (OSError, ValueError, LookupError, TypeError):
        return False


def _place(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2]  # never a password


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and what it came from, as requests and urllib3 wrap it, each once and the innermost last."""
    seen: dict[int, BaseException] = {}
    waiting: list[Any] = [error]
    while waiting:
        each = waiting.pop(0)
        if isinstance(each, BaseException) and id(each) not in seen:
            seen[id(each)] = each
            waiting += [getattr(each, "reason", None), *each.args, each.__cause__, each.__context__]
    yield from seen.values()
