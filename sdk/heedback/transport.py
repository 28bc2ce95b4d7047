"""How a batch reaches the service: one method, `send(batch) -> Outcome`. `requests` is imported when first needed."""

from __future__ import annotations

import gzip
import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from heedback.limits import MAX_DROPPED

if TYPE_CHECKING:
    import requests

SDK: Final = "heedback/0.1.0"
_TIMEOUT: Final = (5.0, 30.0)  # seconds to connect, seconds between two bytes of the answer
_WRONG_SETUP_PAUSE: Final = 300.0  # seconds: a wrong key or address does not heal by hammering
_LONGEST_RETRY_AFTER: Final = 3600.0
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_BUSY: Final = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class Batch:
    """Events as JSON texts, in the order they were captured, with what the envelope says about them."""

    sent_at: str
    bodies: tuple[str, ...]
    redactor: int | None = None
    dropped: Mapping[str, int] = field(default_factory=dict)

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self.bodies]

    def encode(self) -> bytes:
        """The envelope as JSON. The bodies are joined as they are: they were encoded once, when they were captured."""
        head: dict[str, Any] = {"sent_at": self.sent_at, "sdk": SDK}
        if self.redactor is not None:
            head["redactor"] = self.redactor
        if self.dropped:
            head["dropped"] = {reason: min(n, MAX_DROPPED) for reason, n in self.dropped.items()}
        return f'{json.dumps(head)[:-1]}, "events": [{",".join(self.bodies)}]}}'.encode()


@dataclass(frozen=True, slots=True)
class Delivered:
    """The service has committed the batch; `rejected` maps an event's place in the batch to the service's reasons."""

    accepted: int
    duplicates: int = 0
    rejected: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RetryAfter:
    """Not now. Seconds to wait as the service wishes, or None: back off by own judgement.

    `failed` says that something answered and broke down (5xx, no wish): the batch itself may be what it cannot bear.
    `revoked` says that the key opens nothing: nobody should be told that what they say is saved.
    """

    seconds: float | None = None
    why: str = "unreachable"
    failed: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The batch as a whole is refused and will be again as it stands."""

    reasons: str


Outcome = Delivered | RetryAfter | Rejected


class Transport(Protocol):
    """The seam between the SDK and the far side. `heedback.testing.MemoryTransport` is one for tests of host apps."""

    def send(self, batch: Batch) -> Outcome: ...


# Held while requests is imported, and before a fork: a child copied in mid-import would keep half a module for ever.
importing: Final = threading.Lock()


class HttpTransport:
    """`POST {url}/v1/events` over one kept-alive connection; TLS is verified, proxies are as requests finds them."""

    def __init__(self, url: str, key: str) -> None:
        self._url = f"{url.rstrip('/')}/v1/events"
        self._key = key
        self._session: requests.Session | None = None
        self._pid = 0

    def send(self, batch: Batch) -> Outcome:
        with importing:
            import requests

        try:
            return outcome(self.post(batch))
        except requests.RequestException as error:
            return RetryAfter(why=f"unreachable ({type(error).__name__})")

    def post(self, batch: Batch) -> requests.Response:
        """Whatever answers.

        Raises:
            requests.RequestException: nothing did.
        """
        return self._own_session().post(
            self._url,
            data=gzip.compress(batch.encode(), 5, mtime=0),
            auth=self._authorize,
            timeout=_TIMEOUT,
            allow_redirects=False,  # a redirect would carry the key elsewhere, and turn POST into GET
        )

    def close(self) -> None:
        if self._session is not None and self._pid == os.getpid():
            self._session.close()
        self._session = None

    def _own_session(self) -> requests.Session:
        """A session of this process: a child must not speak on a socket it shares with its parent."""
        import requests

        if self._session is None or self._pid != os.getpid():
            self._session, self._pid = requests.Session(), os.getpid()
            self._session.headers.update(
                {"Content-Type": "application/json", "Content-Encoding": "gzip", "User-Agent": SDK}
            )
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As an auth callable, not as a header: a header would give way to a password found in ~/.netrc.
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


def outcome(response: requests.Response) -> Outcome:
    """What an answer means for the batch."""
    status = response.status_code
    if status == 200:
        return _delivered(response)
    if status in _REFUSALS:
        return Rejected(f"{status} {detail(response)}")
    if status in _BUSY or status >= 500:
        wish = response.headers.get("Retry-After")
        return RetryAfter(_retry_after(wish), f"answered {status}", failed=status >= 500 and wish is None)
    if status in (401, 403):
        why = f"the service does not accept the key ({status})"
        by_service = "problem+json" in response.headers.get("Content-Type", "")  # proxies ask for passwords, too
        return RetryAfter(_WRONG_SETUP_PAUSE, why, revoked=status == 401 and by_service)
    return RetryAfter(_WRONG_SETUP_PAUSE, f"no Heedback service answers at this address ({status})")


def _delivered(response: requests.Response) -> Outcome:
    """Only an answer that counts the events is believed: a sign-in page of some network also says 200."""
    try:
        answer = response.json()
        return Delivered(
            accepted=int(answer["accepted"]),
            duplicates=int(answer["duplicates"]),
            rejected={int(each["index"]): json.dumps(each["errors"]) for each in answer["rejected"]},
        )
    except (ValueError, KeyError, TypeError):
        return RetryAfter(_WRONG_SETUP_PAUSE, "no Heedback service answers at this address (200, not its JSON)")


def detail(response: requests.Response) -> str:
    """The sentence of a problem+json answer, else the beginning of whatever came."""
    try:
        problem = response.json()
        return str(problem.get("detail") or problem.get("title"))[:500]
    except (ValueError, AttributeError):
        return response.text[:200]


def _retry_after(header: str | None) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdigit():
        return min(float(header), _LONGEST_RETRY_AFTER)
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        wait = parsedate_to_datetime(header) - datetime.now(UTC)
    except (ValueError, TypeError):
        return None
    return min(max(wait.total_seconds(), 0.0), _LONGEST_RETRY_AFTER)
