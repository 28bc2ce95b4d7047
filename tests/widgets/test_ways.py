"""Through an app of each framework and straight to the service: the same is taken, and the same refused."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from sqlalchemy import select

from heedback.limits import EDITS_PER_FEEDBACK, WIDGET_BYTES, WIDGET_EVENTS
from heedback.tickets import sign, ticket_key
from heedback_service.core.ids import new_id
from heedback_service.store.tables import Feedback, ItemFeedback
from processes import until
from ways import WAYS, Way, a_ticket, click, moment

UP = {"value": 1, "scale": "thumbs"}
DOWN = {"value": 0, "scale": "thumbs"}
NOTHING_MORE = {"duplicates": 0, "rejected": []}


def test_a_click_gets_to_the_service_under_its_own_id(way: Way) -> None:
    ticket, thumb = a_ticket(), click(rating=DOWN, reasons=["incorrect"], comment="write to ana@example.org")
    answer = way.say(way.house.sign(ticket), thumb)
    assert (answer.status_code, answer.json()) == (way.saved, {"accepted": 1} | NOTHING_MORE)
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    stored = way.house.arrives(thumb["id"])
    assert stored.body["rating"] == DOWN
    assert stored.body["comment"] == "write to [email]"
    assert (stored.body["user"], stored.body["source"]) == (ticket.user, "end_user")
    assert stored.body["output_id"] == ticket.output_id.replace("-", "")


def test_a_signal_a_flag_and_a_correction_are_taken(way: Way) -> None:
    events = [
        click(type="signal", name="shown"),
        click(type="signal", name="edited", value=0.3),
        click(type="feedback", flag=True, flag_reasons=["private_data"], receipt="a" * 22),
        click(correction="Total 1,428.00 EUR", surface="web", locale="de", asked=True),
        click(rating={"value": 4, "scale": "stars"}),
    ]
    ticket = a_ticket()
    assert way.say(way.house.sign(ticket), *events).json() == {"accepted": 5} | NOTHING_MORE
    way.house.arrives(events[-1]["id"])
    state = way.post("state", {"ticket": way.house.sign(ticket)}).json()
    assert state["signals"] == ["edited", "shown"]
    assert state["feedback"]["flag_reasons"] == ["private_data"]


def test_the_same_event_again_is_one_event(way: Way) -> None:
    ticket, thumb = way.house.ticket(), click(rating=UP)
    assert way.say(ticket, thumb).json()["accepted"] == 1
    again = way.say(ticket, thumb)
    assert (again.status_code, again.json()) == (way.saved, {"accepted": 0, "duplicates": 1, "rejected": []})
    assert way.house.arrives(thumb["id"]).body["rating"] == UP


def test_a_browser_whose_clock_is_off_is_put_right(way: Way) -> None:
    early = click(rating=UP) | {"occurred_at": "2031-01-01t00:00:00z"}
    assert way.say(way.house.ticket(), early, sent_at="2031-01-01T00:10:00Z").json()["accepted"] == 1
    stored = way.house.arrives(early["id"])
    assert 500 < (stored.received_at - stored.occurred_at).total_seconds() < 660


def tampered(way: Way) -> str:
    head, body, signature = way.house.ticket().rsplit(".", 2)
    return f"{head}.{'A' if body[10] != 'A' else 'B'}{body[1:]}.{signature}"


def by_another_secret(way: Way) -> str:
    return sign(replace(a_ticket(), kid=way.house.key.split("_")[2]), ticket_key("a guess"))


def under_another_kid(way: Way) -> str:
    ours, theirs = way.house.key.split("_")[2], way.house.revoked.split("_")[2]
    return way.house.ticket(way.house.revoked).replace(theirs, ours, 1)


TICKETS: dict[str, tuple[Callable[[Way], str], str, str]] = {
    "expired": (lambda way: way.house.ticket(exp=int(time.time()) - 1), "expired", "The ticket has expired."),
    "tampered": (tampered, "forged", "The ticket was not signed by its key."),
    "forged": (by_another_secret, "forged", "The ticket was not signed by its key."),
    "of another key of the same app": (under_another_kid, "forged", "The ticket was not signed by its key."),
    "of another app": (
        lambda way: way.house.ticket("hb_sk_000000000000_secret"),
        "foreign",
        "The ticket is of another app, or of a key that is not used any more.",
    ),
    "no ticket": (lambda way: "nonsense", "unreadable", "That is no ticket."),
    "empty": (lambda way: "", "unreadable", "That is no ticket."),
    "not even text": (lambda way: "\ud800.\x00", "unreadable", "That is no ticket."),
    "the API key": (lambda way: way.house.key, "unreadable", "That is no ticket."),
}


@pytest.mark.parametrize("case", TICKETS)
def test_a_ticket_that_does_not_hold_is_refused_and_says_why(way: Way, case: str) -> None:
    make, reason, detail = TICKETS[case]
    ticket, thumb = make(way), click(rating=UP)
    for answer in (way.say(ticket, thumb), way.post("state", {"ticket": ticket})):
        assert_refused(answer, 401, reason, detail)
    assert way.house.event(thumb["id"]) is None


def test_a_ticket_of_a_revoked_key_is_refused(way: Way) -> None:
    answer = way.say(way.house.ticket(way.house.revoked), click(rating=UP))
    if way.name == "direct":
        assert_refused(answer, 401, "revoked", "The ticket's key was revoked.")
    else:  # an app knows the key that it has, and no other; what it says of its own, test_ways_hosts.py has
        foreign = "The ticket is of another app, or of a key that is not used any more."
        assert_refused(answer, 401, "foreign", foreign)


def assert_refused(answer: requests.Response, status: int, reason: str, detail: str | None = None) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["status"], problem["reason"], problem["type"]) == (status, reason, "about:blank")
    assert detail in (None, problem["detail"])


@pytest.mark.parametrize(
    ("may", "said", "errors"),
    [
        (["read"], {"rating": UP}, {"rating": ["The ticket does not allow to rate."]}),
        (["flag"], {"reasons": ["style"]}, {"reasons": ["The ticket does not allow to rate."]}),
        (["flag"], {"retracted": True}, {"retracted": ["The ticket does not allow to rate."]}),
        (["rate"], {"flag": True}, {"flag": ["The ticket does not allow to flag."]}),
        (["rate"], {"flag_reasons": ["legal"]}, {"flag_reasons": ["The ticket does not allow to flag."]}),
        (["rate"], {"correction": "12"}, {"correction": ["The ticket does not allow to correct."]}),
        (["correct"], {"comment": "No"}, {"comment": ["The ticket does not allow to comment."]}),
        (["rate"], {"type": "signal", "name": "shown"}, {"name": ["The ticket does not allow signals."]}),
        (
            ["correct"],
            {"rating": None, "flag": None, "correction": "12"},
            {"flag": ["The ticket does not allow to flag."], "rating": ["The ticket does not allow to rate."]},
        ),
    ],
    ids=str,
)
def test_what_the_ticket_does_not_allow_is_refused_by_name(
    way: Way, may: list[str], said: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    event = click(**said)
    answer = way.say(way.house.ticket(may=tuple(may)), event)
    assert (answer.status_code, answer.json()["accepted"]) == (way.saved, 0)
    assert answer.json()["rejected"] == [{"index": 0, "id": event["id"], "errors": errors}]


def test_without_leave_to_read_nothing_is_told(way: Way) -> None:
    answer = way.post("state", {"ticket": way.house.ticket(may=("rate",))})
    assert_refused(answer, 403, "may", "The ticket does not allow to read.")


STRANGE: dict[str, tuple[dict[str, Any], dict[str, list[str]]]] = {
    "another output": ({"output_id": str(new_id())}, {"output_id": ["The ticket is for another output."]}),
    "no output": ({"output_id": None}, {"output_id": ["The ticket is for another output."]}),
    "another person": ({"user": "u-eve"}, {"user": ["The ticket is for another person."]}),
    "nobody": ({"user": None}, {"user": ["The ticket is for another person."]}),
    "another feature": ({"feature": "payroll"}, {"feature": ["The ticket is for another feature."]}),
    "a reviewer": ({"source": "reviewer"}, {"source": ["A browser speaks for an end user."]}),
    "by trace": ({"trace_id": "a" * 32}, {"trace_id": ["Unknown field."]}),
    "context": ({"context": {"request_model": "x"}}, {"context": ["Unknown field."]}),
    "metadata": ({"metadata": {"a": "b"}}, {"metadata": ["Unknown field."]}),
    "an output": ({"type": "output"}, {"type": ["Must be one of: feedback, signal."]}),
    "no kind": ({"type": ["feedback"]}, {"type": ["Must be one of: feedback, signal."]}),
    "no id": ({"id": "7"}, {"id": ["Not a valid UUID."]}),
    "no moment": ({"occurred_at": "yesterday"}, {"occurred_at": ["Not a valid datetime."]}),
    "a moment without zone": ({"occurred_at": "2026-11-16T09:12:00"}, {"occurred_at": ["Not a valid datetime."]}),
    "six stars": (
        {"rating": {"value": 6, "scale": "stars"}},
        {"rating.value": ["stars is a whole number from 1 to 5."]},
    ),
    "a thumb sideways": (
        {"rating": {"value": 0.5, "scale": "thumbs"}},
        {"rating.value": ["thumbs is 1 (up) or 0 (down)."]},
    ),
    "true stars": ({"rating": {"value": True, "scale": "stars"}}, {"rating.value": ["Not a valid number."]}),
    "hearts": (
        {"rating": {"value": 1, "scale": "hearts"}},
        {"rating.scale": ["Must be one of: thumbs, stars, score."]},
    ),
    "a word": ({"rating": "down"}, {"rating": ["Give value and scale."]}),
    "half a flag": ({"flag": False}, {"flag": ["Must be true."]}),
    "reasons in prose": ({"reasons": ["Not correct!"]}, {"reasons.0": ["Not a key of a reason."]}),
    "many reasons": ({"reasons": ["a"] * 21}, {"reasons": ["Longer than maximum length 20."]}),
    "NUL": ({"comment": "a\x00b"}, {"comment": ["NUL and lone surrogates are not text."]}),
    "half a character": ({"comment": "\ud83d"}, {"comment": ["NUL and lone surrogates are not text."]}),
    "a long comment": ({"comment": "x" * 4097}, {"comment": ["Longer than maximum length 4096."]}),
    "a long correction": ({"correction": "x" * 32769}, {"correction": ["Longer than maximum length 32768."]}),
    "not taken back": ({"retracted": False}, {"retracted": ["Must be true."]}),
    "a short receipt": ({"receipt": "abc"}, {"receipt": ["Not 128 random bits in base64url or hex."]}),
}


def test_one_bad_event_is_refused_by_name_and_its_neighbours_are_kept(way: Way, subtests: pytest.Subtests) -> None:
    kept = {}
    for case, (said, errors) in STRANGE.items():
        with subtests.test(case):
            before, bad, after = click(rating=UP), click(rating=DOWN) | said, click(comment="fine")
            answer = way.say(way.house.ticket(), before, bad, after)
            assert (answer.status_code, answer.json()["accepted"]) == (way.saved, 2)
            assert answer.json()["rejected"] == [{"index": 1, "id": bad["id"], "errors": errors}]
            kept[case] = before["id"], after["id"]
    for case, ids in kept.items():  # an app's travel together
        with subtests.test(case):
            assert all(way.house.arrives(its_id) for its_id in ids)


def test_an_answer_does_not_grow_with_what_is_wrong(way: Way) -> None:
    many = click(rating=UP) | {f"field_{n}": n for n in range(10_000)}
    answer = way.say(way.house.ticket(), many, click(rating=UP))
    assert answer.json()["accepted"] == 1
    assert len(answer.json()["rejected"][0]["errors"]) == 20


@pytest.mark.parametrize("event", [None, 7, "x", [], {}, {"id": 7}], ids=str)
def test_what_is_no_event_harms_nobody(way: Way, event: Any) -> None:
    good = click(rating=UP)
    answer = way.say(way.house.ticket(), event, good).json()
    assert (answer["accepted"], [each["index"] for each in answer["rejected"]]) == (1, [0])


def test_nothing_said_is_nothing_taken(way: Way) -> None:
    [rejection] = way.say(way.house.ticket(), click(surface="web")).json()["rejected"]
    assert rejection["errors"] == {"event": ["There is nothing said in it."]}


def test_what_the_ticket_binds_may_be_repeated(way: Way) -> None:
    ticket = a_ticket()
    bound = {"output_id": ticket.output_id.upper(), "user": ticket.user, "feature": ticket.feature}
    thumb = click(rating=UP, source="end_user", **bound)
    assert way.say(way.house.sign(ticket), thumb).json() == {"accepted": 1} | NOTHING_MORE
    way.house.arrives(thumb["id"])


def test_the_fifty_first_edit_is_one_too_many(way: Way) -> None:
    ticket = way.house.ticket()
    edits = [click(rating=UP if n % 2 else DOWN) for n in range(EDITS_PER_FEEDBACK)]
    assert way.say(ticket, *edits).json()["accepted"] == EDITS_PER_FEEDBACK
    one_more = click(rating=UP)
    answer = way.say(ticket, edits[0], one_more, click(type="signal", name="copied")).json()
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    assert answer["rejected"] == [
        {
            "index": 1,
            "id": one_more["id"],
            "errors": {"edits": ["At most 50 edits of one piece of feedback."]},
        }
    ]


def test_the_state_tells_what_was_said(way: Way) -> None:
    ticket, thumb = a_ticket(), click(rating=DOWN, reasons=["style"])
    text = way.house.sign(ticket)
    before = way.post("state", {"ticket": text})
    assert before.json() == {
        "known": True, "feedback": {}, "signals": [], "at": None, "event_id": None, "edits_left": 50,
    }  # fmt: skip
    assert (before.status_code, before.headers["Cache-Control"]) == (200, "no-store")
    way.say(text, thumb)
    way.house.arrives(thumb["id"])
    state = way.post("state", {"ticket": text}).json()
    assert (state["feedback"], state["edits_left"]) == ({"rating": DOWN, "reasons": ["style"]}, 49)
    assert state["event_id"] == thumb["id"]
    other = way.house.sign(replace(ticket, user="u-eve"))
    assert way.post("state", {"ticket": other}).json()["feedback"] == {}


OTHERS = ("https://evil.example", "null", "http://127.0.0.1:1", "https://127.0.0.1")


@pytest.mark.parametrize("origin", OTHERS)
@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_a_page_of_another_origin_is_turned_away(way: Way, origin: str, site: str | None) -> None:
    body = {"ticket": way.house.ticket(), "sent_at": moment(), "events": [click(rating=UP)]}
    for path in ("events", "state"):
        answer = way.post(path, body, Origin=origin, Sec_Fetch_Site=site)
        assert_refused(answer, 403, "origin", "Pages of this origin may not send feedback here.")


def test_who_is_no_browser_has_nothing_but_the_ticket(way: Way) -> None:
    body = {"ticket": way.house.ticket(), "sent_at": moment(), "events": [click(rating=UP)]}
    assert way.post("events", body, Origin=None, Sec_Fetch_Site=None).status_code == way.saved


BODIES: dict[str, tuple[Callable[[str], bytes], int, str]] = {
    "nothing": (lambda ticket: b"", 400, "malformed"),
    "not JSON": (lambda ticket: b"{", 400, "malformed"),
    "not UTF-8": (lambda ticket: b'{"ticket": "\xff\xfe"}', 400, "malformed"),
    "a list": (lambda ticket: b"[]", 400, "malformed"),
    "ten thousand lists": (lambda ticket: b"[" * 100_000, 400, "malformed"),
    "a deep event": (
        lambda ticket: (
            b'{"ticket": "%s", "sent_at": "%s", "events": [{"rating": %s}]}'
            % (ticket.encode(), moment().encode(), b"[" * 10_000 + b"]" * 10_000)
        ),
        400,
        "malformed",
    ),
    "a number without end": (lambda ticket: b'{"ticket": ' + b"9" * 5000 + b"}", 400, "malformed"),
    "NUL": (lambda ticket: b"\0" * 100, 400, "malformed"),
    "gzip": (lambda ticket: b"\x1f\x8b\x08\x00", 400, "malformed"),
    "no ticket": (lambda ticket: b'{"events": []}', 400, "malformed"),
    "a ticket of numbers": (lambda ticket: b'{"ticket": 7}', 400, "malformed"),
    "a byte too many": (lambda ticket: b" " * (WIDGET_BYTES + 1), 413, "too_large"),
    "a megabyte": (lambda ticket: b'{"ticket": "' + b"a" * 1024 * 1024 + b'"}', 413, "too_large"),
}


@pytest.mark.parametrize("case", BODIES)
def test_a_hostile_body_is_refused_and_the_next_request_is_answered(way: Way, case: str) -> None:
    make, status, reason = BODIES[case]
    ticket = way.house.ticket()
    for path in ("events", "state"):
        if (case, path) == ("a deep event", "state"):
            continue
        assert_refused(way.post(path, make(ticket)), status, reason)
    assert way.say(ticket, click(rating=UP)).json()["accepted"] == 1


@pytest.mark.parametrize(
    ("envelope", "errors"),
    [
        ({"sent_at": None}, {"sent_at": ["Not a valid datetime."]}),
        ({"sent_at": "2026-02-30T00:00:00Z"}, {"sent_at": ["Not a valid datetime."]}),
        ({"sent_at": "1999-12-31T23:59:59Z"}, {"sent_at": ["Not a valid datetime."]}),
        ({"events": None}, {"events": ["Not a valid list."]}),
        ({"events": {}}, {"events": ["Not a valid list."]}),
        ({"events": [None] * (WIDGET_EVENTS + 1)}, {"events": ["At most 50 events."]}),
    ],
    ids=lambda value: str(value)[:40],
)
def test_an_envelope_that_does_not_fit_says_where(
    way: Way, envelope: dict[str, Any], errors: dict[str, list[str]]
) -> None:
    answer = way.say(way.house.ticket(), **envelope)
    assert_refused(answer, 400, "malformed", "The body does not fit.")
    assert answer.json()["errors"] == errors


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data", "text/html", ""])
def test_only_text_is_read(way: Way, kind: str) -> None:
    answer = way.post("events", {"ticket": way.house.ticket()}, Content_Type=kind)
    assert_refused(answer, 415, "type", "Send text/plain.")


def test_json_may_call_itself_json(way: Way) -> None:
    body = {"ticket": way.house.ticket(), "sent_at": moment(), "events": [click(rating=UP)]}
    assert way.post("events", body, Content_Type="application/json").status_code == way.saved


def test_the_largest_words_fit(way: Way) -> None:
    words = click(comment="\u0001" * 4096, correction="\u0001" * 32768, rating=DOWN)
    assert way.say(way.house.ticket(), words).json() == {"accepted": 1} | NOTHING_MORE


@pytest.fixture(scope="module")
def reported(opened: Callable[[str], Way]) -> dict[str, str]:
    """The id of a report by each way, all made at once: triage takes them in turn, after what came before."""
    thumbs = {name: click(rating=DOWN, reasons=["incorrect"], comment="The total leaves out the VAT") for name in WAYS}
    for name, thumb in thumbs.items():
        way = opened(name)
        assert way.say(way.house.ticket(), thumb).json()["accepted"] == 1
    return {name: thumb["id"] for name, thumb in thumbs.items()}


def test_what_comes_in_shows_up_in_the_queue(way: Way, reported: dict[str, str]) -> None:
    row = way.house.arrives(reported[way.name])

    def is_placed() -> bool:
        with way.house.db.read() as session:
            placed = select(ItemFeedback.item_id).join(Feedback, Feedback.id == ItemFeedback.feedback_id)
            return session.scalar(placed.where(Feedback.id == row.feedback_id)) is not None

    until(is_placed)
