"""Mail over a real socket, to a real server."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from heedback_service.channels.email import Mail, Refused, Sent, TryLater, build, one_line, send
from mailbox_server import MailServer, free_port

MAIL = Mail(
    message_id="<week-47@acme.example>",
    date=datetime(2026, 11, 23, 6, 0, tzinfo=UTC),
    sender="Heedback <heedback@acme.example>",
    recipient="alice@example.com",
    subject="Feedback 16–22 Nov: 31 new",
    text="31 new items – ¿qué?\n",
    html="<p>31 new items</p>",
)


def test_a_mail_arrives_with_both_parts_and_its_headers(server: MailServer) -> None:
    assert send(build(MAIL), server.url) == Sent()
    (got,) = server.received
    assert (got["Subject"], got["Message-ID"]) == (MAIL.subject, MAIL.message_id)
    assert got["Date"].datetime == MAIL.date
    assert got["Auto-Submitted"] == "auto-generated"
    text, html = got.get_body(("plain",)), got.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().replace("\r\n", "\n") == MAIL.text
    assert html.get_content().strip() == MAIL.html


def test_words_with_line_breaks_start_no_header_of_their_own(server: MailServer) -> None:
    hostile = "Hi\r\nBcc: everybody@example.com\u2028X: y\x00"
    assert send(build(dataclasses.replace(MAIL, subject=hostile)), server.url) == Sent()
    assert server.received[0]["Bcc"] is None
    assert server.received[0]["Subject"] == "Hi Bcc: everybody@example.com X: y"
    assert one_line("a\tb\x85c") == "a b c"


@pytest.mark.parametrize("field", ["sender", "recipient"])
@pytest.mark.parametrize("address", ["", "nobody", "a@b\r\nX: y@z", "a@b, c@d@e", "a@[b", "A <a@b>, <"])
def test_what_is_no_address_builds_no_mail(field: str, address: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        build(dataclasses.replace(MAIL, **{field: address}))


@pytest.mark.parametrize(
    ("answer", "kind"), [("550 no such person", Refused), ("450 mailbox busy", TryLater)], ids=["for good", "for now"]
)
def test_a_refused_recipient_is_refused_for_good_or_for_now(server: MailServer, answer: str, kind: type) -> None:
    server.answers[MAIL.recipient] = answer
    outcome = send(build(MAIL), server.url)
    assert isinstance(outcome, kind)
    assert answer in str(outcome)
    assert not server.received


@pytest.mark.parametrize(("answer", "kind"), [("554 looks like spam", Refused), ("451 disk full", TryLater)])
def test_a_refused_message_is_refused_for_good_or_for_now(server: MailServer, answer: str, kind: type) -> None:
    server.data_answer = answer
    outcome = send(build(MAIL), server.url)
    assert isinstance(outcome, kind)
    assert answer in str(outcome)


def test_a_server_that_is_down_gets_it_when_it_is_up() -> None:
    port = free_port()
    url = f"smtp://127.0.0.1:{port}"
    assert isinstance(send(build(MAIL), url), TryLater)
    with MailServer(port=port) as server:
        assert send(build(MAIL), url) == Sent()
        assert len(server.received) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_signs_in_with_the_name_and_password_of_the_url() -> None:
    with MailServer(login=("al ice", "p@ss/word")) as server:
        at = f"127.0.0.1:{server.port}"
        assert send(build(MAIL), f"smtp://al%20ice:p%40ss%2Fword@{at}") == Sent()
        wrong = send(build(MAIL), f"smtp://al%20ice:secret@{at}")
    assert isinstance(wrong, TryLater)  # the recipient is not to blame; whoever runs the service can mend it
    assert "secret" not in wrong.reason
    assert len(server.received) == 1


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_what_smtp_cannot_carry_is_tried_again_and_not_quoted() -> None:
    with MailServer(login=("alice", "secret")) as server:
        told = send(build(MAIL), f"smtp://alice:geh%C3%A9im@127.0.0.1:{server.port}")
    assert told == TryLater("UnicodeEncodeError")
    assert send(build(MAIL), "smtp://a..b") == TryLater("UnicodeError")


def test_a_server_that_cannot_sign_us_in_is_tried_again(server: MailServer) -> None:
    outcome = send(build(MAIL), f"smtp://alice:secret@127.0.0.1:{server.port}")
    assert outcome == TryLater(
        "SMTPNotSupportedError: SMTP AUTH extension not supported by server.", "SMTPNotSupportedError"
    )
    assert not server.received


def test_a_recipient_that_the_server_cannot_write_is_refused_for_good() -> None:
    with MailServer(ascii_only=True) as server:
        outcome = send(build(dataclasses.replace(MAIL, recipient="alice@bücher.example")), server.url)
    assert isinstance(outcome, Refused)
    assert not server.received


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
def test_never_falls_back_to_plain_text_when_tls_was_asked_for(server: MailServer, scheme: str) -> None:
    outcome = send(build(MAIL), f"{scheme}://127.0.0.1:{server.port}")
    assert isinstance(outcome, TryLater)  # whoever runs the server or the service can mend it
    assert not server.received
