"""What the SDK does for the widget: reads its tickets, passes its events on, asks what was said."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace
from typing import Any

import pytest

import heedback
from heedback import Client, Output, TicketError, UsageError
from heedback.testing import capturing

Make = Callable[..., Client]

THUMB = {
    "type": "feedback",
    "id": "019aa000-0000-7000-8000-0000000000ff",
    "occurred_at": "2026-11-16T09:12:00.000Z",
    "feature": "invoice-summary",
    "output_id": "019aa000-0000-7000-8000-000000000001",
    "user": "u-0123456789abcdef01234567",
    "source": "end_user",
    "rating": {"value": 0, "scale": "thumbs"},
}


def test_a_ticket_comes_back_as_it_was_made(make_client: Make) -> None:
    client = make_client()
    out = client.output("invoice-summary", user="alice")
    ticket = client.open_ticket(client.ticket(out, may=["read"]))
    assert (ticket.output_id, ticket.feature, ticket.user, ticket.may) == (out.id, out.feature, out.user, ("read",))


def test_a_ticket_never_holds_the_host_s_own_id_of_a_person(make_client: Make) -> None:
    client = make_client()
    by_hand = Output("019aa000-0000-7000-8000-000000000001", "invoice-summary", "alice")
    ticket = client.open_ticket(client.ticket(by_hand))
    assert ticket.user == client.output("invoice-summary", user="alice").user
    assert ticket.user != "alice"


def test_another_key_s_ticket_is_foreign_and_an_old_one_expired(make_client: Make) -> None:
    client, other = make_client(), make_client(key="hb_sk_k2_othersecret")
    yesterday = make_client(clock=lambda: time.time_ns() - 24 * 3600 * 10**9)
    out = client.output("invoice-summary")
    for text, reason in (
        (other.ticket(out), "foreign"),
        (yesterday.ticket(out, seconds=3600), "expired"),
        (other.ticket(out).replace("k2.", "k1.", 1), "forged"),
        ("nonsense", "malformed"),
        (None, "malformed"),
    ):
        with pytest.raises(TicketError) as caught:
            client.open_ticket(text)  # type: ignore[arg-type]
        assert caught.value.reason == reason


def test_a_disabled_client_knows_no_ticket_keeps_no_event_and_asks_nobody() -> None:
    client = Client(disabled=True)
    with pytest.raises(TicketError, match="foreign"):
        client.open_ticket("k1.x.y")
    assert client.forward(THUMB) is None
    assert client.state("k1.x.y") is None


def test_an_event_is_passed_on_under_its_own_id_and_redacted() -> None:
    with capturing() as sent:
        event = THUMB | {"comment": "write to ana@example.org", "correction": "call +47 912 34 567"}
        assert heedback.forward(event) == THUMB["id"]
        [arrived] = sent.feedback
    assert arrived == THUMB | {"comment": "write to [email]", "correction": "call [phone]"}


def test_feedback_that_is_passed_on_fetches_the_texts_of_its_output(make_client: Make, service: Any) -> None:
    client = make_client(text="rated")
    out = client.output("invoice-summary", output="The total is 12.")
    client.forward(THUMB | {"output_id": out.id})
    assert client.flush()
    assert [event["output"] for event in service.stored.values() if event["type"] == "output_text"] == [
        "The total is 12."
    ]


@pytest.mark.parametrize("missing", ["type", "id", "occurred_at", "feature"])
def test_what_lacks_what_every_event_has_is_not_kept(make_client: Make, missing: str) -> None:
    event = {name: value for name, value in THUMB.items() if name != missing}
    with pytest.raises(UsageError, match=missing):
        make_client().forward(event)
    calm = make_client(strict=False)
    assert calm.forward(event) is None
    assert calm.stats()["dropped"] == {"invalid": 1}


@pytest.mark.parametrize("strange", [None, "feedback", 7, []])
def test_what_is_no_event_is_wrong_use(make_client: Make, strange: Any) -> None:
    with pytest.raises(UsageError, match="as it is on the wire"):
        make_client().forward(strange)


@pytest.fixture
def answering() -> Iterator[Any]:
    """A server that answers as it is told, and counts how often it was asked."""
    asked: list[dict[str, Any]] = []
    answers: list[tuple[int, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append({"path": self.path, "body": body, "key": self.headers.get("Authorization")})
            status, said = answers[min(len(asked), len(answers)) - 1]
            self.send_response(status)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        def log_message(self, *_: Any) -> None:
            """Silent."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", asked, answers
        server.shutdown()
        thread.join()


def test_the_state_is_asked_for_with_the_ticket_and_without_the_key(make_client: Make, answering: Any) -> None:
    url, asked, answers = answering
    answers.append((200, b'{"known": true, "feedback": {}}'))
    client = make_client(url=url)
    assert client.state("k1.x.y") == {"known": True, "feedback": {}}
    assert asked == [{"path": "/v1/widget/state", "body": {"ticket": "k1.x.y"}, "key": None}]


@pytest.mark.parametrize("answer", [(401, b"{}"), (404, b""), (302, b""), (200, b'{"hotel": "sign in"}'), (200, b"[]")])
def test_a_refusal_is_no_state_and_the_next_one_is_asked(
    make_client: Make, answering: Any, answer: tuple[int, bytes]
) -> None:
    url, asked, answers = answering
    answers += [answer, (200, b'{"known": false}')]
    client = make_client(url=url)
    assert client.state("k1.x.y") is None
    assert client.state("k1.x.y") == {"known": False}
    assert len(asked) == 2


@pytest.mark.parametrize("answer", [(500, b""), (503, b"{}"), (200, b"<html>")])
def test_after_no_answer_nobody_waits_for_the_same(
    make_client: Make, answering: Any, answer: tuple[int, bytes]
) -> None:
    url, asked, answers = answering
    answers.append(answer)
    client = make_client(url=url)
    assert client.state("k1.x.y") is None
    assert client.state("k1.x.y") is None
    assert len(asked) == 1


REVOKED = (401, b'{"reason": "revoked"}')


def refusal(client: Client, ticket: str) -> str | None:
    try:
        client.open_ticket(ticket)
    except TicketError as error:
        return error.reason
    return None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (REVOKED, "revoked"),
        ((401, b'{"reason": "expired"}'), None),
        ((401, b"sign in"), None),
        ((401, b"[]"), None),
        ((403, b'{"reason": "revoked"}'), None),
    ],
)
def test_what_the_service_says_of_the_key_holds_for_every_ticket(
    make_client: Make, answering: Any, answer: tuple[int, bytes], reason: str | None
) -> None:
    url, _, answers = answering
    answers.append(answer)
    client = make_client(url=url)
    one, other = (client.ticket(Output(THUMB["output_id"], "summary", person)) for person in ("alice", "bob"))
    assert refusal(client, other) is None
    assert client.state(one) is None
    assert refusal(client, other) == reason


def test_a_key_that_is_refused_once_is_asked_about_again(
    make_client: Make, answering: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, _, answers = answering
    answers.append(REVOKED)
    client = make_client(url=url)
    ticket = client.ticket(Output(THUMB["output_id"], "summary", "alice"))
    client.state(ticket)
    assert refusal(client, ticket) == "revoked"
    later = time.monotonic() + 301
    monkeypatch.setattr("heedback.tally.time", SimpleNamespace(monotonic=lambda: later))
    assert refusal(client, ticket) is None


def test_a_delivery_that_is_refused_for_the_key_tells_too_and_one_that_arrives_heals(
    make_client: Make, service: Any
) -> None:
    ticket = make_client().ticket(Output(THUMB["output_id"], "summary", "alice"))
    service.answers += [(403, {}), (401, {"Content-Type": "application/problem+json"})]
    for reason in (None, "revoked"):
        client = make_client()  # it would wait for five minutes
        client.forward(THUMB)
        assert not client.flush(0.5)
        assert refusal(client, ticket) == reason
    client._tally.healed()
    assert refusal(client, ticket) is None
