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
CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 30.0  # for the whole of it


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

    `failed` says that something answered and broke down (5xx, no wish), or refused as a firewall does: the batch itself
    may be what it cannot bear.
    `revoked` says that the key opens nothing: nobody should be told that what they say is saved.
    """

    seconds: float | None = None
    why: str = "unreachable"
    failed: bool = False
    revoked: bool = False


@dataclass(frozen=True, slots=True)
class Rejected:
    """The batch as a whole is refused and will be again as it stands: it is halved, until one event stands alone.

    `by_service`: the service itself says so, and the event is dead. Else something on the way takes no request of that
    size, and the event waits.
    """

    reasons: str
    by_service: bool = True


Outcome = Delivered | RetryAfter | Rejected


class Transport(Protocol):
    """The seam between the SDK and the far side. `heedback.testing.MemoryTransport` is one for tests of host apps."""

    def send(self, batch: Batch) -> Outcome: ...


# Held while requests is imported, and before a fork: a child copied in mid-import would keep half a module for ever.
importing: Final = threading.Lock()


class HttpTransport:
    """`POST {url}/v1/events` over one kept-alive connection; TLS is verified, proxies are as requests finds them."""

    def __init__(self, url: str, key: str, timeout: tuple[float, float] = (CONNECT_SECONDS, ANSWER_SECONDS)) -> None:
        self._url = f"{url.rstrip('/')}/v1/events"
        self._key = key
        self._timeout = timeout
        self._session: requests.Session | None = None
        self._pid = 0

    def send(self, batch: Batch) -> Outcome:
        with importing:
            import requests

            from heedback import answers

        try:
            return answers.outcome(self.post(batch), len(batch.bodies))
        except requests.RequestException as error:
            return RetryAfter(
                why=f"the service is unreachable ({type(error).__name__}); python -m heedback ping tells why"
            )

    def post(self, batch: Batch) -> requests.Response:
        """Whatever answers.

        Raises:
            requests.RequestException: nothing did.
        """
        return self._own_session().post(
            self._url,
            data=gzip.compress(batch.encode(), 5, mtime=0),
            auth=self._authorize,
            timeout=self._timeout,
            allow_redirects=False,  # a redirect would carry the key elsewhere, and turn POST into GET
        )

    def close(self) -> None:
        if self._session is not None and self._pid == os.getpid():
            self._session.close()
        self._session = None

    def _own_session(self) -> requests.Session:
        """A session of this process: a child must not speak on a socket it shares with its parent."""
        with importing:
            from heedback import punctual

        if self._session is None or self._pid != os.getpid():
            self._session, self._pid = punctual.session(), os.getpid()
            self._session.headers.update(
                {"Content-Type": "application/json", "Content-Encoding": "gzip", "User-Agent": SDK}
            )
        return self._session

    def _authorize(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        # As an auth callable, not as a header: a header would give way to a password found in ~/.netrc.
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request
