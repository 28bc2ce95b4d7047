"""The HTTP transport: what goes over the wire, and what each answer means. `responses` stands in for the far side."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import responses

from heedback.limits import MAX_BODY_BYTES, MAX_DROPPED
from heedback.transport import Batch, Delivered, HttpTransport, Outcome, Rejected, RetryAfter

URL = "https://feedback.example"
BATCH = Batch("2026-11-16T09:12:00.000Z", ('{"id":"a"}', '{"id":"b"}'), 1, {"invalid": 2})
STORED = {"accepted": 1, "duplicates": 0, "rejected": [{"index": 1, "id": "b", "errors": {"feature": ["no"]}}]}


@pytest.fixture
def far_side() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def transport() -> Iterator[HttpTransport]:
    made = HttpTransport(f"{URL}/", "hb_sk_k1_notasecret")
    yield made
    made.close()


def answer(far_side: responses.RequestsMock, transport: HttpTransport, **given: Any) -> Outcome:
    far_side.post(f"{URL}/v1/events", **given)
    return transport.send(BATCH)


def test_the_request(far_side: responses.RequestsMock, transport: HttpTransport) -> None:
    """Gzipped JSON with the key as bearer token, and the envelope of the contract."""
    answer(far_side, transport, json=STORED)
    request = far_side.calls[0].request
    assert request.headers["Authorization"] == "Bearer hb_sk_k1_notasecret"
    assert request.headers["Content-Encoding"] == "gzip"
    assert request.headers["Content-Type"] == "application/json"
    assert isinstance(request.body, bytes)
    assert json.loads(gzip.decompress(request.body)) == {
        "sent_at": "2026-11-16T09:12:00.000Z",
        "sdk": "heedback/0.1.0",
        "redactor": 1,
        "dropped": {"invalid": 2},
        "events": [{"id": "a"}, {"id": "b"}],
    }


def test_a_password_file_does_not_replace_the_key(
    far_side: responses.RequestsMock, transport: HttpTransport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests takes a host's entry in ~/.netrc over a header; never over our key."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine feedback.example login somebody password else\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    answer(far_side, transport, json=STORED)
    assert far_side.calls[0].request.headers["Authorization"] == "Bearer hb_sk_k1_notasecret"


def test_an_absent_redactor_and_nothing_dropped_are_not_told() -> None:
    """Without redaction the service has to do it, so the envelope claims none."""
    assert json.loads(Batch("now", ("{}",)).encode()).keys() == {"sent_at", "sdk", "events"}


def test_more_lost_events_than_a_request_may_tell_of_are_cut() -> None:
    """The service would refuse the whole batch; that the day is incomplete is what matters."""
    told = json.loads(Batch("now", ("{}",), dropped={"spool_full": 2**60, "invalid": 2}).encode())
    assert told["dropped"] == {"spool_full": MAX_DROPPED, "invalid": 2}


def test_stored(far_side: responses.RequestsMock, transport: HttpTransport) -> None:
    """What was rejected is told by its place in the batch."""
    outcome = answer(far_side, transport, json=STORED)
    assert outcome == Delivered(1, 0, {1: '{"feature": ["no"]}'})


@pytest.mark.parametrize("status", [400, 413, 422])
def test_refused(far_side: responses.RequestsMock, transport: HttpTransport, status: int) -> None:
    """The batch as a whole cannot be taken: the problem's own sentence is kept."""
    said = {"type": "about:blank", "title": "No", "status": status, "detail": "not JSON"}
    outcome = answer(far_side, transport, json=said, status=status, content_type="application/problem+json")
    assert outcome == Rejected(f"{status} not JSON")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_not_now(far_side: responses.RequestsMock, transport: HttpTransport, status: int) -> None:
    """Busy or broken: own back-off, unless the answer says how long. What is broken may be broken by the batch."""
    outcome = RetryAfter(None, f"answered {status}", failed=status >= 500)
    assert answer(far_side, transport, status=status) == outcome


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("0", 0.0), ("999999", 3600.0), ("soon", None)])
def test_retry_after_in_seconds(
    far_side: responses.RequestsMock, transport: HttpTransport, header: str, seconds: float | None
) -> None:
    """At most an hour; what cannot be read is as if it were not there."""
    outcome = answer(far_side, transport, status=503, headers={"Retry-After": header})
    assert outcome == RetryAfter(seconds, "answered 503")


def test_retry_after_as_a_date(far_side: responses.RequestsMock, transport: HttpTransport) -> None:
    """The other form of the header."""
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    outcome = answer(far_side, transport, status=429, headers={"Retry-After": date})
    assert isinstance(outcome, RetryAfter)
    assert outcome.seconds is not None
    assert 55 < outcome.seconds <= 60


@pytest.mark.parametrize("status", [401, 403])
def test_a_wrong_key_pauses_long(far_side: responses.RequestsMock, transport: HttpTransport, status: int) -> None:
    """It does not heal by hammering; events are kept for the day the key is right."""
    said = {"type": "about:blank", "title": "No", "status": status, "detail": "Send a valid key."}
    outcome = answer(far_side, transport, json=said, status=status, content_type="application/problem+json")
    why = f"the service does not accept the key ({status})"
    assert outcome == RetryAfter(300.0, why, revoked=status == 401)


def test_a_proxy_that_asks_for_a_password_says_nothing_of_the_key(
    far_side: responses.RequestsMock, transport: HttpTransport
) -> None:
    outcome = answer(far_side, transport, status=401, body="Sign in", content_type="text/html")
    assert isinstance(outcome, RetryAfter)
    assert not outcome.revoked


@pytest.mark.parametrize(
    "given",
    [
        {"status": 404},
        {"status": 405},
        {"status": 302, "headers": {"Location": "https://elsewhere.example/"}},
        {"status": 200, "body": "<html>Please sign in to this network</html>"},
        {"status": 200, "json": {"ok": True}},
        {"status": 200, "json": []},
    ],
    ids=["404", "405", "redirect", "a sign-in page", "other JSON", "a list"],
)
def test_another_address_pauses_long(
    far_side: responses.RequestsMock, transport: HttpTransport, given: dict[str, Any]
) -> None:
    """Whatever answers there is not the service: nothing counts as delivered, no redirect is followed with the key."""
    outcome = answer(far_side, transport, **given)
    assert isinstance(outcome, RetryAfter)
    assert outcome.seconds == 300.0
    assert len(far_side.calls) == 1


def test_nobody_there(far_side: responses.RequestsMock, transport: HttpTransport) -> None:
    """A connection that fails is a wait, and the kind of failure is named."""
    outcome = answer(far_side, transport, body=requests.ConnectTimeout("slow"))
    assert outcome == RetryAfter(None, "the service is unreachable (ConnectTimeout); python -m heedback ping tells why")


def test_the_largest_batch_stays_under_the_cap() -> None:
    """A batch closed by bytes, with the largest event as its last, is a request the service takes."""
    from heedback.limits import BATCH_BYTES, MAX_EVENT_BYTES

    batch = Batch("2026-11-16T09:12:00.000Z", ("x" * (BATCH_BYTES - 1), "x" * MAX_EVENT_BYTES), 1, {"spool_full": 9})
    assert len(batch.encode()) < MAX_BODY_BYTES
