"""What an answer means: nobody but the service makes an event delivered or dead, however the answer is built."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from heedback.answers import detail, outcome
from heedback.transport import Delivered, Rejected, RetryAfter

PROBLEM = "application/problem+json"
PAGE = "<html><head><title>403\n  Forbidden</title></head><body><p>nginx</body></html>"
STRANGE = "no Heedback service answers at this address"


def answer(status: int, body: Any, kind: str = "application/json", **headers: str) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made._content = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
    made.headers.update({"Content-Type": kind} | headers)
    return made


def said(status: int, **more: Any) -> dict[str, Any]:
    """A problem as the service words it."""
    return {"type": "about:blank", "title": "Title", "status": status, "detail": "The body is not JSON: no."} | more


@pytest.mark.parametrize("status", [400, 413, 422])
def test_the_service_refuses_a_batch(status: int) -> None:
    """In its own problem+json: then one of the events is at fault."""
    assert outcome(answer(status, said(status), PROBLEM), 2) == Rejected(f"{status} The body is not JSON: no.")
    many = said(status, detail="The body does not fit.", errors={"events": ["Longer than maximum length 500."]})
    assert outcome(answer(status, many, PROBLEM), 2) == Rejected(f"{status} The body does not fit. [events]")


@pytest.mark.parametrize(
    ("status", "errors"), [(415, None), (400, {"sent_at": ["Not a year."]}), (400, {"dropped.x.value": ["Too large."]})]
)
def test_what_surrounds_the_events_is_not_their_fault(status: int, errors: Any) -> None:
    """A clock in another century, or a proxy that takes headers away: every event would die of it, one by one."""
    found = outcome(answer(status, said(status) | ({"errors": errors} if errors else {}), PROBLEM), 2)
    assert isinstance(found, RetryAfter)
    assert (found.seconds, found.failed) == (300.0, False)
    assert found.why.startswith(f"the service does not take our requests ({status} The body is not JSON: no.")
    assert all(field in found.why for field in errors or ())


@pytest.mark.parametrize("status", [400, 406, 415, 422])
@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (PAGE, "text/html"),
        ("", "text/plain"),
        (said(400), "application/json"),
        (said(999), PROBLEM),
        (said(400) | {"type": "https://tools.example/rfc9110", "traceId": "00-1"}, PROBLEM),
        (said(400) | {"instance": "/v1/events"}, PROBLEM),
        ({"detail": "not JSON"}, PROBLEM),
        ([], PROBLEM),
        ("[" * 100_000, PROBLEM),
        (b"\xff\xfe\x00", PROBLEM),
    ],
)
def test_a_stranger_refuses_a_batch(status: int, body: Any, kind: str) -> None:
    """A firewall, a gateway, another framework: events wait, and a batch that is blocked makes way in time."""
    if isinstance(body, dict) and body.get("status") == 400:
        body = body | {"status": status}
    assert outcome(answer(status, body, kind), 2) == RetryAfter(300.0, f"{STRANGE} ({status})", failed=True)


def test_a_stranger_finds_a_batch_too_large() -> None:
    """A proxy on the way with a smaller limit than ours: smaller batches may pass."""
    assert outcome(answer(413, PAGE, "text/html"), 2) == Rejected("413 403 Forbidden", by_service=False)
    assert outcome(answer(413, "", "text/plain"), 2) == Rejected("413 without a word", by_service=False)


@pytest.mark.parametrize(("status", "failed"), [(401, False), (403, True), (407, False)])
def test_a_sign_in_is_not_the_key(status: int, failed: bool) -> None:
    """The service's own 401 is about the key; a page's is about whoever stands in front."""
    found = outcome(answer(status, PAGE, "text/html"), 2)
    assert found == RetryAfter(300.0, f"something in front of the service refuses us ({status})", failed=failed)
    ours = outcome(answer(status, said(status), PROBLEM), 2)
    why = f"the service does not accept the key ({status})"
    assert ours == RetryAfter(300.0, why, revoked=status == 401)


@pytest.mark.parametrize(
    "body",
    [
        "<html>Please sign in to this network</html>",
        "",
        "null",
        [],
        {"ok": True},
        {"accepted": 2},
        {"accepted": 2, "duplicates": 0},
        {"accepted": 2, "duplicates": 0, "rejected": None},
        {"accepted": "2", "duplicates": 0, "rejected": []},
        {"accepted": True, "duplicates": True, "rejected": []},
        {"accepted": 2.0, "duplicates": 0, "rejected": []},
        {"accepted": 3, "duplicates": -1, "rejected": []},
        '{"accepted": Infinity, "duplicates": 0, "rejected": []}',
        '{"accepted": NaN, "duplicates": 0, "rejected": []}',
        '{"accepted": 1e999, "duplicates": 0, "rejected": []}',
        f'{{"accepted": {"9" * 5000}, "duplicates": 0, "rejected": []}}',
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": -1, "errors": {}}]},
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": "1", "errors": {}}]},
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": 1}]},
        {"accepted": 1, "duplicates": 0, "rejected": [1]},
        {"accepted": 1, "duplicates": 0, "rejected": {"index": 1}},
        '{"accepted": 1, "duplicates": 0, "rejected": [{"index": Infinity, "errors": {}}]}',
        "[" * 100_000,
        b"\xff\xfe\x00",
    ],
)
def test_a_page_that_says_200_is_not_believed(body: Any) -> None:
    """Whatever counts nothing in our words is somebody else's."""
    assert outcome(answer(200, body), 2) == RetryAfter(300.0, f"{STRANGE} (200, not its JSON)")


NO = {"feature": ["no"]}


@pytest.mark.parametrize(
    "body",
    [
        {"accepted": 0, "duplicates": 0, "rejected": []},
        {"accepted": 1, "duplicates": 0, "rejected": []},
        {"accepted": 2, "duplicates": 1, "rejected": []},
        {"accepted": 1, "duplicates": 0, "rejected": [{"index": 2, "errors": NO}]},
        {"accepted": 0, "duplicates": 0, "rejected": [{"index": 1, "errors": NO}, {"index": 1, "errors": NO}]},
    ],
    ids=["nothing", "one too few", "one too many", "no such place", "a place twice"],
)
def test_an_answer_that_does_not_add_up_is_not_believed(body: Any) -> None:
    """Each event of the batch is new, known or rejected, and nothing else is."""
    why = "the service's answer does not add up to what it was sent"
    assert outcome(answer(200, body), 2) == RetryAfter(300.0, why, failed=True)


def test_an_answer_that_adds_up_is() -> None:
    """With what the service may say more in a later version."""
    body = {"accepted": 1, "duplicates": 1, "rejected": [{"index": 2, "id": None, "errors": NO}], "more": 1}
    assert outcome(answer(200, body), 3) == Delivered(1, 1, {2: '{"feature": ["no"]}'})
    assert outcome(answer(200, {"accepted": 0, "duplicates": 0, "rejected": []}), 0) == Delivered(0)


@given(
    st.sampled_from([200, 204, 302, 400, 401, 403, 404, 413, 415, 422, 429, 500, 503]),
    st.recursive(
        st.none() | st.booleans() | st.integers(-3, 300) | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["accepted", "duplicates", "rejected", "index", "errors", "detail", "title"]), inner
            )
        ),
        max_leaves=8,
    ),
    st.sampled_from(["application/json", "text/html", PROBLEM, ""]),
)
def test_no_stranger_kills_an_event(status: int, body: Any, kind: str) -> None:
    """Whatever JSON it is: an event is rejected or delivered only where the counts add up."""
    found = outcome(answer(status, body, kind), 2)
    if isinstance(found, Delivered):
        assert found.accepted + found.duplicates + len(found.rejected) == 2
        assert found.rejected.keys() <= {0, 1}
    elif isinstance(found, Rejected):
        assert not found.by_service


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        ({"detail": "One.\nTwo."}, PROBLEM, "One. Two."),
        ({"title": "Bad Request"}, PROBLEM, "Bad Request"),
        ({"detail": None, "title": 5}, PROBLEM, "without a reason"),
        (PAGE, "text/html", "403 Forbidden"),
        ("<!DOCTYPE html><style>p {}</style><h1>Not  here</h1>\n<p>Go away", "text/html", "Not here Go away"),
        ("<script>alert(1)", "text/html", "without a word"),
        ("upstream\n\nconnect error", "text/plain", "upstream connect error"),
        ("x" * 1000, "text/plain", "x" * 199 + "…"),
    ],
)
def test_the_words_of_an_answer(body: Any, kind: str, words: str) -> None:
    """One line for the log, without the markup of a page."""
    assert detail(answer(400, body, kind)) == words


@pytest.mark.parametrize("header", ["²", "-5", "1e9", "9" * 400, "Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 99 Foo"])
def test_a_wish_that_cannot_be_read(header: str) -> None:
    """Nobody's header stops the sender: it is as if it were not there, or at most an hour."""
    found = outcome(answer(503, "", **{"Retry-After": header}), 2)
    assert isinstance(found, RetryAfter)
    assert found.seconds in (None, 3600.0)
