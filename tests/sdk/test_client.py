"""The public calls: what they capture, what they inherit, and that nothing is ever raised into the host."""

from __future__ import annotations

import hashlib
import hmac
import subprocess
import sys
import threading
import uuid
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import heedback
from heedback import Client, limits, tickets
from heedback.testing import KEY, capturing, memory_client

MakeClient = Callable[..., Client]


def test_without_init_every_call_is_a_quiet_no_op(caplog: pytest.LogCaptureFixture) -> None:
    """No URL, no key: the host runs as if the SDK were not there, and gets the same types."""
    former = heedback._replace(None)
    try:
        out = heedback.output("f", user="alice", output="text")
        with heedback.track("f") as tracked:
            tracked.set(output="text")
        assert len(out.id) == len(tracked.id) == 36
        assert heedback.rate(out, "up") is None
        assert heedback.flag(out) is None
        assert heedback.correct(out, "text") is None
        assert heedback.retract(out) is None
        assert heedback.signal(out, "copied") is None
        assert heedback.add_text(out, output="text") is None
        assert heedback.ticket(out) == out.ticket() == tracked.ticket() == ""
        heedback.start()
        assert heedback.flush() is True
        heedback.close()
        assert heedback.stats()["enabled"] is False
    finally:
        heedback._replace(former)
    assert caplog.records == []
    assert not any(thread.name == "heedback-sender" for thread in threading.enumerate())


def test_disabled_captures_nothing_and_opens_nothing(make_client: MakeClient, spool: Path) -> None:
    """A switch for tests and for local development."""
    client = make_client(disabled=True)
    assert client.rate(client.output("f"), "up") is None
    assert not client.enabled
    assert not spool.exists()


def test_the_environment_is_enough(
    service: Any, spool: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """HEEDBACK_URL, _KEY, _SPOOL and _USER_KEY do what init does, at the first call."""
    monkeypatch.setenv("HEEDBACK_URL", service.url)
    monkeypatch.setenv("HEEDBACK_KEY", "hb_sk_k1_notasecret")
    monkeypatch.setenv("HEEDBACK_SPOOL", str(spool))
    monkeypatch.setenv("HEEDBACK_USER_KEY", "salt")
    former = heedback._replace(None)
    try:
        event_id = heedback.rate(heedback.output("f", user="alice"), "up")
        assert heedback.flush()
        assert heedback.stats()["spool_path"] == str(spool)
        heedback.close()
    finally:
        heedback._replace(former)
    assert event_id in service.stored
    assert caplog.records == []


def test_an_app_that_goes_to_another_folder_keeps_its_spool(
    make_client: MakeClient,
    service: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A relative path is meant from where the client was made."""
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    client = make_client(spool="events.db")
    client.output("before")
    assert client.flush()
    monkeypatch.chdir(tmp_path / "elsewhere")
    event_id = client.output("after").id
    assert client.flush()
    assert event_id in service.stored
    assert client.stats()["spool_path"] == str(tmp_path / "events.db")
    assert caplog.records == []


def test_where_the_spool_is_can_be_asked_at_any_time(make_client: MakeClient, spool: Path) -> None:
    """Before it is opened, while it is open, and after it was closed."""
    client = make_client()
    for act, state in ((lambda: None, "closed"), (client.start, "file"), (client.close, "closed")):
        act()
        assert (client.stats()["spool"], client.stats()["spool_path"]) == (state, str(spool))
    assert make_client(spool=":memory:").stats()["spool_path"] is None


def test_init_replaces_and_closes_the_former_client(service: Any, spool: Path) -> None:
    """One client a process: what the former had captured is not lost."""
    former = heedback._replace(None)
    try:
        heedback.init(service.url, "hb_sk_k1_notasecret", spool=spool, user_key="salt")
        first = heedback.output("one")
        heedback.init(service.url, "hb_sk_k1_notasecret", spool=spool, user_key="salt")
        second = heedback.output("two")
        assert heedback.flush()
        heedback.close()
    finally:
        heedback._replace(former)
    assert {first.id, second.id} <= service.stored.keys()


def test_user_and_feature_are_inherited() -> None:
    """Feedback on an Output needs neither again; a bare id needs the feature."""
    with capturing() as sent:
        out = heedback.output("f", user="alice")
        heedback.rate(out, "up")
        heedback.rate(out.id, "up", feature="f", user="bob")
        heedback.signal(out, "copied", 3)
        assert [event["user"] for event in sent.feedback] == [out.user, pseudonym("bob")]
        assert {event["feature"] for event in sent.events} == {"f"}
        assert sent.signals[0]["user"] == out.user
        assert sent.signals[0]["value"] == 3


def test_pseudonyms() -> None:
    """HMAC-SHA256 under the user key, 24 hex digits; numbers are as their text; a pseudonym stays what it is."""
    expected = "u-" + hmac.new(b"salt", b"42", hashlib.sha256).hexdigest()[:24]
    with capturing(user_key="salt") as sent:
        out = heedback.output("f", user=42)
        heedback.rate(out, "up", user="42")
        heedback.rate(out, "up", user=out.user)
        assert out.user == expected
        assert {event["user"] for event in sent.events} == {expected}


def test_a_uuid_is_as_its_text() -> None:
    """Many hosts name people by UUIDs."""
    person = uuid.uuid4()
    with capturing(user_key="salt") as sent:
        heedback.output("f", user=person, session_id=person)
        heedback.output("f", user=str(person), session_id=str(person))
        one, other = sent.outputs
        assert (one["user"], one["session_id"]) == (other["user"], other["session_id"]) == (other["user"], str(person))


@pytest.mark.parametrize("text", ["always", "rated"])
def test_an_outputs_id_may_be_a_uuid(text: Any) -> None:
    """As a framework makes it of an address; a host may also make an Output of one."""
    its_id = uuid.uuid4()
    with capturing(text=text) as sent:
        heedback.rate(its_id, "up", feature="f")
        heedback.rate(its_id, stars=3, feature="f")
        heedback.rate(heedback.Output(its_id, "f", "alice"), "down")  # type: ignore[arg-type]
        heedback.flag(its_id, feature="f")
        heedback.correct(its_id, "better", feature="f")
        heedback.retract(its_id, feature="f", user="alice")
        heedback.signal(its_id, "copied", feature="f")
        heedback.add_text(its_id, output="text", feature="f")
        assert [event["output_id"] for event in sent.events] == [str(its_id)] * 8
        assert len(sent.about(its_id)) == 8
        sent.assert_signal(its_id, "copied")
        assert sent.assert_feedback(str(its_id).upper(), correction="better").keys().isdisjoint({"user"})


def test_without_a_user_key_people_hang_on_the_api_key(caplog: pytest.LogCaptureFixture) -> None:
    """It works, and says once that pseudonyms will change with the key."""
    with capturing(user_key=None):
        one, two = heedback.output("f", user="alice"), heedback.output("f", user="bob")
    secret = hmac.digest(KEY.encode(), b"heedback/user/v1", "sha256")
    assert one.user == "u-" + hmac.new(secret, b"alice", hashlib.sha256).hexdigest()[:24]
    assert one.user != two.user
    assert ["HEEDBACK_USER_KEY is not set" in record.message for record in caplog.records] == [True]


def test_track_measures_and_captures_at_the_end() -> None:
    """Latency in milliseconds; what is set inside is there; the id is known before; a rating inside is fine."""
    ticks = iter((0, 1_000_000_000, 1_250_500_000))
    with capturing(stopwatch=lambda: next(ticks)) as sent:
        with heedback.track("f", user="alice", surface="web") as out:
            early = out.id
            assert sent.outputs == []
            out.set(output="An answer.", output_tokens=3)
            heedback.rate(out, "up")
        (event,) = sent.outputs
    assert event["id"] == early == out.id
    assert event["latency_ms"] == 250.5
    assert event["error_type"] is None
    assert (event["output"], event["output_tokens"], event["surface"]) == ("An answer.", 3, "web")


def test_who_it_is_for_may_become_known_on_the_way() -> None:
    """What is said about the output afterwards is theirs, and so is its ticket."""
    with capturing() as sent:
        with heedback.track("f") as out:
            assert out.user is None
            out.set(user="alice")
            heedback.rate(out, "up")
        sent.assert_output(user="alice")
        sent.assert_feedback(out, user="alice")
        assert heedback.open_ticket(out.ticket()).user == out.user == pseudonym("alice")
        out.set(user=None)
        assert out.user is None


def test_an_output_made_by_hand_has_its_ticket() -> None:
    """From the module's client, as `heedback.ticket` gives it."""
    with capturing():
        out = heedback.Output(str(uuid.uuid4()), "f", "alice")
        ticket = heedback.open_ticket(out.ticket(may=["rate"], seconds=60))
        assert (ticket.output_id, ticket.user, ticket.may) == (out.id, pseudonym("alice"), ("rate",))


@pytest.mark.parametrize(
    ("error", "name"),
    [(TimeoutError("slow"), "TimeoutError"), (KeyboardInterrupt(), "KeyboardInterrupt"),
     (subprocess.SubprocessError(), "subprocess.SubprocessError")],
)  # fmt: skip
def test_track_captures_when_the_body_raises(error: BaseException, name: str) -> None:
    """The output is there with the error's type, and the error goes on its way."""
    with capturing() as sent:
        with pytest.raises(type(error)), heedback.track("f") as out:
            raise error
        assert sent.outputs[0]["id"] == out.id
        assert sent.outputs[0]["error_type"] == name


def test_every_verb_has_its_inverse() -> None:
    """A rating, a flag and a correction can each be taken back alone, and everything at once."""
    with capturing() as sent:
        out = heedback.output("f")
        heedback.rate(out, None)
        heedback.flag(out, on=False)
        heedback.correct(out, None)
        heedback.retract(out)
        said = [{k: v for k, v in event.items() if k in ("rating", "flag", "flag_reasons", "correction", "retracted")}
                for event in sent.feedback]  # fmt: skip
    assert said == [{"rating": None}, {"flag": None, "flag_reasons": None}, {"correction": None}, {"retracted": True}]


def test_an_output_is_captured_at_once_with_the_clients_defaults() -> None:
    """Environment and app version come from init unless the output says its own; None says nothing."""
    with capturing(environment="production", app_version="4.2.0") as sent:
        heedback.output("f", locale=None)
        heedback.output("f", app_version="4.3.0")
        assert [event["app_version"] for event in sent.outputs] == ["4.2.0", "4.3.0"]
        assert {event["environment"] for event in sent.outputs} == {"production"}
        assert all("locale" not in event for event in sent.outputs)


def test_texts_are_redacted_before_they_are_on_disk(make_client: MakeClient, service: Any, spool: Path) -> None:
    """No byte of the file, nor of its log, ever held what redaction takes away; nor the host's id of a person."""
    service.answers = [(503, {"Retry-After": "3600"})]
    client = make_client()
    out = client.output(
        "f", user="alice-4711", input="Reply to jane@example.com", output="Card 4111 1111 1111 1111",
        metadata={"reply_to": "jane@example.com"},
    )  # fmt: skip
    client.rate(out, "down", comment="My number is +49 170 1234567", correction="jane@example.com")
    client.flush(0.2)
    bytes_ = b"".join(path.read_bytes() for path in spool.parent.iterdir())
    assert b"[email]" in bytes_
    assert b"[phone]" in bytes_
    assert b"[card]" in bytes_
    for secret in (b"jane@", b"4111", b"1234567", b"alice"):
        assert secret not in bytes_


def test_what_a_provider_says_is_redacted_too() -> None:
    """An error's name and the reasons to stop are short, and may still quote what the person wrote."""
    with capturing() as sent:
        heedback.output("f", error_type="no user jane@example.com", finish_reasons=["stop", "from 192.0.2.1"])
        heedback.output("f", error_type="a@b.cc " * 28)
        assert sent.outputs[0]["error_type"] == "no user [email]"
        assert sent.outputs[0]["finish_reasons"] == ["stop", "from [ip]"]
        assert sent.outputs[1]["error_type"] == "[email] " * 25


def test_redaction_can_be_switched_off_and_then_claims_nothing() -> None:
    """The service redacts what comes without a declaration."""
    with capturing(redact=False) as sent:
        heedback.output("f", output="jane@example.com")
        assert sent.outputs[0]["output"] == "jane@example.com"
        assert sent.transport.batches[0].redactor is None


def test_the_hosts_own_redaction_runs_after_the_rules() -> None:
    """A function adds to the rules; it cannot take them away."""
    with capturing(redact=lambda text: text.replace("Nordlys", "[customer]")) as sent:
        heedback.output("f", output="Nordlys, jane@example.com")
        assert sent.outputs[0]["output"] == "[customer], [email]"
        assert sent.transport.batches[0].redactor == 1


def test_a_redaction_that_fails_withholds_the_text(caplog: pytest.LogCaptureFixture) -> None:
    """Rather nothing than what should have been taken out; the rating itself is kept."""

    def broken(text: str) -> str:
        raise ValueError("a bug in the host's function")

    with capturing(redact=broken) as sent:
        heedback.rate(heedback.output("f"), "down", comment="secret")
        assert sent.feedback[0]["comment"] == "[withheld]"
        assert sent.feedback[0]["rating"] == {"value": 0, "scale": "thumbs"}
    assert len(caplog.records) == 1


def test_text_never_keeps_inputs_and_outputs_out() -> None:
    """What people write themselves is still captured."""
    with capturing(text="never") as sent:
        out = heedback.output("f", input="question", output="answer")
        assert heedback.add_text(out, output="answer") is None
        heedback.rate(out, "up", comment="fine")
        assert sent.outputs[0].keys().isdisjoint({"input", "output"})
        assert sent.feedback[0]["comment"] == "fine"
        assert len(sent.events) == 2


def test_text_rated_keeps_them_until_the_output_is_rated(make_client: MakeClient, service: Any) -> None:
    """Two processes' clients share the spool: one showed the output, the other hears what was said of it."""
    one, other = make_client(text="rated"), make_client(text="rated")
    rated, ignored = one.output("f", input="question", output="jane@example.com"), one.output("f", output="answer")
    assert one.flush()
    assert all(event.keys().isdisjoint({"input", "output"}) for event in service.stored.values())
    other.flag(rated.id, feature="f")
    one.retract(ignored)
    late = one.output("f")
    one.rate(late, "up")
    one.add_text(late, output="the end of a stream")
    assert one.flush()
    assert other.flush()
    texts = {e["output_id"]: e for e in service.stored.values() if e["type"] == "output_text"}
    assert texts.keys() == {rated.id, late.id}
    assert (texts[rated.id]["input"], texts[rated.id]["output"]) == ("question", "[email]")
    assert one.stats()["held"] == 1


@pytest.mark.parametrize("piece", ["x", "é", "漢", "🙂", '"', "\n", "\x01", "[email] "])
def test_long_texts_are_cut_to_what_the_wire_takes(piece: str) -> None:
    """Bytes for the AI's texts, characters for people's; each cut is marked, and the event fits a batch."""
    text = piece * 200_000
    with capturing() as sent:
        out = heedback.output("f", input=text, output=text, metadata={"k": text})
        heedback.rate(out, "down", comment=text, correction=text)
        shown, said = sent.events
        bodies = [body for batch in sent.transport.batches for body in batch.bodies]
    for field in ("input", "output"):
        assert len(shown[field].encode()) <= limits.TEXT_BYTES
        assert shown[field].endswith(limits.TRUNCATION_MARK)
    for cut, most in (
        (said["comment"], limits.COMMENT_CHARS),
        (said["correction"], limits.CORRECTION_CHARS),
        (shown["metadata"]["k"], limits.METADATA_VALUE_CHARS),
    ):
        assert most - len("[email") <= len(cut) <= most  # half a mark is not kept
        assert cut.endswith(limits.TRUNCATION_MARK)
    assert all(len(body.encode()) <= limits.MAX_EVENT_BYTES for body in bodies)


def test_a_cut_leaves_no_half_of_an_address() -> None:
    """Redaction comes before the cut: the edge of what is kept never shows the beginning of a secret."""
    with capturing() as sent:
        for shift in range(0, 40):
            heedback.rate(heedback.output("f"), "down", comment="x" * (4000 + shift) + " jane.doe@example.com" * 500)
        assert not any("jane" in event["comment"] for event in sent.feedback)


def test_a_cut_leaves_no_half_of_a_mark() -> None:
    """Half of [email] would say nothing, and might be taken for the person's own words."""
    with capturing() as sent:
        for shift in range(10):
            heedback.rate(heedback.output("f"), "down", comment="x" * shift + " jane.doe@example.com" * 5000)
            heedback.rate(heedback.output("f"), "down", comment="x" * shift + " a@example.com" * 300)
        kept = [event["comment"].removesuffix(limits.TRUNCATION_MARK) for event in sent.feedback]
    assert {comment.lstrip("x").replace(" [email]", "") for comment in kept} <= {"", " "}
    assert all(comment.count("[email]") > 200 for comment in kept)


def test_what_cannot_be_stored_is_replaced() -> None:
    """NUL and lone surrogates become U+FFFD, whole pairs become their character; the service would refuse them."""
    with capturing() as sent:
        heedback.rate(heedback.output("f"), "down", comment="a\0b\ud800c\ud83d\ude00d")
        assert sent.feedback[0]["comment"] == "a\ufffdb\ufffdc😀d"


WRONG_CALLS: dict[str, Callable[[Client], object]] = {
    "feature": lambda c: c.output("not a feature!"),
    "no feature": lambda c: c.rate("019aa000-0000-7000-8000-000000000001", "up"),
    "no subject": lambda c: c.rate(None, "up", feature="f"),
    "a span without its trace": lambda c: c.rate(None, "up", feature="f", span_id="00f067aa0ba902b7"),
    "no id": lambda c: c.rate("17", "up", feature="f"),
    "no rating": lambda c: c.rate(c.output("f")),
    "a thumb sideways": lambda c: c.rate(c.output("f"), "sideways"),  # type: ignore[arg-type]
    "six stars": lambda c: c.rate(c.output("f"), stars=6),
    "half a star": lambda c: c.rate(c.output("f"), stars=2.5),  # type: ignore[arg-type]
    "score above one": lambda c: c.rate(c.output("f"), score=80),
    "two ratings": lambda c: c.rate(c.output("f"), "up", stars=4),
    "a signal nobody knows": lambda c: c.signal(c.output("f"), "winked"),
    "a time without a zone": lambda c: c.rate(c.output("f"), "up", occurred_at=datetime(2026, 1, 1)),  # noqa: DTZ001
    "a ticket for more than there is": lambda c: c.ticket(c.output("f"), may=["delete"]),
    "no output at all": lambda c: c.rate(3.14, "up"),  # type: ignore[arg-type]
}
WRONG_DETAILS: dict[str, dict[str, Any]] = {
    "metadata": {"metadata": "not a mapping"},
    "reasons": {"reasons": ["made_up"]},
    "comment": {"comment": 17},
    "source": {"source": "a friend"},
    "surface": {"surface": "x" * 201},
    "asked": {"asked": "yes"},
    "user": {"user": True},
    "colour": {"colour": "red"},
    "reasons_version": {"reasons": ["incorrect"], "reasons_version": limits.MAX_REASONS_VERSION + 1},
}
NO_MEASUREMENTS: list[dict[str, Any]] = [
    *({"latency_ms": value} for value in (limits.MAX_LATENCY_MS + 1, -1, float("nan"), float("inf"), 10**400, "12")),
    *({"input_tokens": value} for value in (limits.MAX_TOKENS + 1, 2**53, -1, 1.5, True)),
    {"output_tokens": limits.MAX_TOKENS + 1},
    {"cost_usd": limits.MAX_COST_USD + 0.01},
]


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_use_never_raises(call: Callable[[Client], object], caplog: pytest.LogCaptureFixture) -> None:
    """In production: one warning, one counted drop, and the host goes on."""
    client = memory_client(strict=False)
    call(client)
    call(client)
    assert client.stats()["dropped"] in ({"invalid": 2}, {"internal": 2})
    assert len(caplog.records) == 1
    client.close()


@pytest.mark.parametrize("call", WRONG_CALLS.values(), ids=WRONG_CALLS)
def test_wrong_use_raises_when_strict(call: Callable[[Client], object]) -> None:
    """In tests and development the mistake shows where it is made."""
    client = memory_client()
    with pytest.raises((heedback.UsageError, AttributeError)):
        call(client)
    client.close()


@pytest.mark.parametrize("given", NO_MEASUREMENTS, ids=str)
def test_a_number_that_the_service_would_refuse_does_not_cost_the_output(given: dict[str, Any]) -> None:
    """It is left out and counted; the largest that is allowed goes through."""
    (field,) = given
    with capturing(strict=False) as sent:
        heedback.output("f", app_version="1", **given)
        assert (sent.outputs[0]["app_version"], field in sent.outputs[0]) == ("1", False)
        assert sent.client.stats()["left_out"] == {field: 1}


def test_the_largest_numbers_are_sent_as_they_are() -> None:
    """The SDK's limits are the service's: what it sends is taken."""
    largest = {"latency_ms": limits.MAX_LATENCY_MS, "cost_usd": limits.MAX_COST_USD}
    largest |= {"input_tokens": limits.MAX_TOKENS, "output_tokens": limits.MAX_TOKENS}
    with capturing() as sent:
        heedback.output("f", **largest)  # type: ignore[arg-type]
        assert sent.outputs[0] | largest == sent.outputs[0]


def test_a_signal_without_a_value_is_worth_more_than_none() -> None:
    """A value out of range is left out of its signal."""
    with capturing(strict=False) as sent:
        heedback.signal(heedback.output("f"), "copied", limits.MAX_VALUE * 10)
        assert [(event["name"], "value" in event) for event in sent.signals] == [("copied", False)]
        assert sent.client.stats()["left_out"] == {"value": 1}


@pytest.mark.parametrize(("field", "given"), WRONG_DETAILS.items(), ids=WRONG_DETAILS)
def test_a_wrong_detail_does_not_cost_the_rating(
    field: str, given: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out, said once and counted; strict raises."""
    with capturing(strict=False) as sent:
        heedback.rate(heedback.output("f"), "down", **given)
        (event,) = sent.feedback
        assert event["rating"] == {"value": 0, "scale": "thumbs"}
        assert event.get(field) != given.get(field)
        assert sent.client.stats()["left_out"] == {field: 1}
    assert len(caplog.records) == 1
    with capturing(), pytest.raises(heedback.UsageError):
        heedback.rate(heedback.output("f"), "down", **given)


def test_metadata_has_room_for_sixteen_keys() -> None:
    """The first sixteen stay; values become text; None says nothing."""
    with capturing(strict=False) as sent:
        heedback.output("f", metadata={f"k{number}": number for number in range(20)})
        heedback.output("f", metadata={"yes": True, "none": None, "x" * 65: 1})
        first, second = sent.outputs
    assert first["metadata"] == {f"k{number}": str(number) for number in range(16)}
    assert second["metadata"] == {"yes": "true"}


def test_a_features_own_reasons_go_under_their_own_version() -> None:
    """Reasons of another version than 1 are checked by the service, which knows the list."""
    with capturing() as sent:
        heedback.rate(heedback.output("f"), "down", reasons=["wrong_vat"], reasons_version=2)
        assert sent.feedback[0]["reasons"] == ["wrong_vat"]
        assert sent.feedback[0]["reasons_version"] == 2


def test_two_clicks_sort_as_they_were_made() -> None:
    """Within one millisecond the id decides which word is the later: ids grow."""
    with capturing() as sent:
        out = heedback.output("f")
        ids = [heedback.rate(out, "up" if number % 2 else "down") for number in range(200)]
        assert ids == sorted(ids, key=str)
        assert [event["id"] for event in sent.feedback] == ids


def test_the_ticket_speaks_for_the_outputs_user() -> None:
    """Signed with the key derived from the API key's secret, for as long as asked."""
    now = 1_800_000_000
    with capturing(clock=lambda: now * 1_000_000_000):
        out = heedback.output("f", user="alice")
        text = out.ticket(may=("read", "rate"), seconds=60)
        whole = heedback.ticket(out)
    ticket = tickets.check(text, tickets.ticket_key("notasecret"), now=now)
    assert ticket == tickets.Ticket("test", out.id, "f", out.user, ("read", "rate"), now + 60)
    ticket = tickets.check(whole, tickets.ticket_key("notasecret"), now=now)
    assert (ticket.may, ticket.exp) == (tickets.MAY, now + limits.TICKET_SECONDS)


@pytest.mark.parametrize(
    "given",
    [
        {"url": "feedback.example"},
        {"url": "ftp://feedback.example"},
        {"key": "hb_sk_short"},
        {"key": None},
        {"text": "sometimes"},
        {"synchronous": "off"},
        {"max_age_days": 0},
        {"redact": "yes"},
        {"max_events": 0},
    ],
    ids=str,
)
def test_settings_that_cannot_be_used(
    given: dict[str, Any], make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Raised when strict; otherwise said once, and nothing is captured."""
    with pytest.raises(heedback.ConfigurationError):
        make_client(**given)
    client = make_client(**given, strict=False)
    assert client.output("f").user is None
    assert not client.enabled
    assert ["nothing is captured" in record.message for record in caplog.records] == [True]


@pytest.mark.parametrize("text", ["always", "rated"])
def test_after_close_calls_are_counted_drops(
    text: str, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A late thread of the host does no harm; an app that forgot to begin again is told, once."""
    client = make_client(strict=False, text=text)
    out = client.output("f")
    client.close()
    assert caplog.records == []
    assert client.rate(out, "up") is None
    assert client.add_text(out, output="text") is None
    client.output("f", output="text")
    assert client.stats()["dropped"] == {"closed": 3}
    assert ["call heedback.init() again" in record.message for record in caplog.records] == [True]


def test_an_output_that_cannot_be_holds_no_text(make_client: MakeClient) -> None:
    """One call is one drop."""
    client = make_client(strict=False, text="rated")
    client.output("no feature!", output="text")
    assert client.stats()["dropped"] == {"invalid": 1}
    assert client.stats()["held"] == 0


def test_a_forwarded_rating_releases_the_text(make_client: MakeClient, service: Any) -> None:
    """However its output's id is written; what is no id is the service's to reject, and is kept and counted as any."""
    client = make_client(text="rated")
    out = client.output("f", output="text")
    said = {"type": "feedback", "occurred_at": "2026-01-01T00:00:00Z", "feature": "f"}
    ids = [str(uuid.uuid4()) for _ in range(2)]
    assert client.forward(said | {"id": ids[0], "output_id": [1]}) == ids[0]
    assert client.forward(said | {"id": ids[1], "output_id": out.id.upper()}) == ids[1]
    assert client.flush()
    assert client.stats()["held"] == 0
    assert client.stats()["dropped"] == {}
    assert [event["output"] for event in service.stored.values() if event["type"] == "output_text"] == ["text"]


def test_many_threads(make_client: MakeClient, service: Any) -> None:
    """Calls from many threads at once: every event arrives once."""
    client = make_client()

    def work() -> None:
        for _ in range(100):
            client.rate(client.output("f"), "up")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(20.0)
    assert len(service.stored) == 1600
    assert client.stats()["captured"] == client.stats()["delivered"] == 1600
    assert service.duplicates == 0


def test_importing_opens_nothing_and_brings_nothing_heavy() -> None:
    """requests and itsdangerous wait until they are needed; no thread, no file, no exit hook at import."""
    code = (
        "import sys, threading, heedback; heedback.Client('http://x.example', 'hb_sk_k_s');"
        "assert not {'requests', 'itsdangerous', 'urllib3'} & set(sys.modules), sorted(sys.modules);"
        "assert threading.active_count() == 1;"
        "assert not sys.modules['heedback.pipeline']._watching"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_public_names_are_sorted_and_there() -> None:
    """`__all__` is the one door."""
    names = heedback.__all__
    assert names == sorted(names, key=lambda name: (not name.isupper(), not name[0].isupper(), name))
    assert all(hasattr(heedback, name) for name in names)


def pseudonym(user: str) -> str:
    """The pseudonym that a client of `testing` gives."""
    return "u-" + hmac.new(b"test", user.encode(), hashlib.sha256).hexdigest()[:24]
