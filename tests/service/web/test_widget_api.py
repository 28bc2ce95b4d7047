"""What browsers post straight to the service: who may say what, with which ticket, from which pages."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.test import TestResponse

from browsing import Clock
from heedback.limits import EDITS_PER_FEEDBACK
from heedback.tickets import MAY, Ticket, sign, ticket_key
from heedback_service.flow import keys, rollup
from heedback_service.flow.browsers import Turns
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, FeedbackEvent, Project, Signal
from support import NOW, an_output, make_id

PAGE = "https://www.acme.example"
DOWN = {"value": 0, "scale": "thumbs"}
UP = {"value": 1, "scale": "thumbs"}

Ask = Callable[..., TestResponse]


@pytest.fixture(autouse=True)
def _counts_are_true(db: Database, project: Project) -> Iterator[None]:
    yield
    with db.read() as session:
        assert rollup.differences(session, project.id) == []


@pytest.fixture
def sample(key: str) -> Ticket:
    """Ana's ticket for the first output."""
    return Ticket(key.split("_")[2], str(make_id(1)), "summary", "u-ana", MAY, int(NOW.timestamp()) + 3600)


@pytest.fixture
def signed(key: str) -> Callable[[Ticket], str]:
    return lambda ticket: sign(ticket, ticket_key(key.split("_")[3]))


@pytest.fixture
def say(app: Flask, signed: Callable[[Ticket], str]) -> Ask:
    """Post events with a ticket, or with a text in its place."""

    def say(ticket: Ticket | str, *events: Any, origin: str | None = None, **envelope: Any) -> TestResponse:
        text = ticket if isinstance(ticket, str) else signed(ticket)
        body = {"ticket": text, "sent_at": NOW.isoformat(), "events": list(events)} | envelope
        headers = {"Content-Type": "text/plain"} | ({} if origin is None else {"Origin": origin})
        return app.test_client().post("/v1/widget/events", data=json.dumps(body), headers=headers)

    return say


@pytest.fixture
def ask(app: Flask, signed: Callable[[Ticket], str]) -> Ask:
    """What was said, by the state route."""

    def ask(ticket: Ticket, origin: str | None = None) -> TestResponse:
        headers = {"Content-Type": "text/plain"} | ({} if origin is None else {"Origin": origin})
        return app.test_client().post("/v1/widget/state", data=json.dumps({"ticket": signed(ticket)}), headers=headers)

    return ask


def click(n: int, minutes: float = 0, **said: Any) -> dict[str, Any]:
    return {"id": str(make_id(n)), "occurred_at": (NOW - timedelta(minutes=minutes)).isoformat(), **said}


def the_feedback(db: Database) -> Feedback:
    with db.read() as session:
        return session.scalars(select(Feedback)).one()


def test_a_click_counts_for_the_ticket_s_person_and_output(say: Ask, sample: Ticket, feed: Any, db: Database) -> None:
    feed(an_output(1, user="u-ana"))
    answer = say(sample, click(2, rating=DOWN))
    assert (answer.status_code, answer.json) == (200, {"accepted": 1, "duplicates": 0, "rejected": []})
    row = the_feedback(db)
    assert (row.person, row.output_id, row.source, row.polarity) == ("u-ana", make_id(1), "end_user", -1)
    assert say(sample, click(2, rating=DOWN)).json == {"accepted": 0, "duplicates": 1, "rejected": []}


def test_feedback_that_comes_before_its_output_finds_it(say: Ask, sample: Ticket, feed: Any, db: Database) -> None:
    assert say(sample, click(2, rating=UP)).json["accepted"] == 1
    feed(an_output(1, user="u-ana"))
    assert the_feedback(db).output_id == make_id(1)


def test_what_a_person_writes_is_redacted(say: Ask, sample: Ticket, db: Database) -> None:
    say(sample, click(2, comment="write to ana@example.org"))
    assert the_feedback(db).comment == "write to [email]"


def test_a_clock_that_is_off_is_put_right(say: Ask, sample: Ticket, db: Database) -> None:
    ahead = NOW + timedelta(days=3)
    say(sample, click(2, minutes=-3 * 24 * 60 + 5, rating=UP), sent_at=ahead.isoformat())
    assert the_feedback(db).last_at == NOW - timedelta(minutes=5)


def test_signals_are_heard_with_the_person(say: Ask, sample: Ticket, db: Database) -> None:
    assert say(sample, click(2, type="signal", name="shown")).json["accepted"] == 1
    with db.read() as session:
        signal = session.scalars(select(Signal)).one()
    assert (signal.name, signal.person, signal.output_id) == ("shown", "u-ana", make_id(1))


def test_one_bad_event_leaves_the_others(say: Ask, sample: Ticket) -> None:
    bad = click(3, rating={"value": 7, "scale": "stars"})
    answer = say(sample, click(2, rating=DOWN), bad, "nonsense", click(4, comment="No VAT")).json
    assert answer["accepted"] == 2
    assert [(each["index"], each["id"], each["errors"]) for each in answer["rejected"]] == [
        (1, str(make_id(3)), {"rating.value": ["stars is a whole number from 1 to 5."]}),
        (2, None, {"event": ["Not an object."]}),
    ]


def test_what_only_the_wire_refuses_is_named_by_its_place(say: Ask, sample: Ticket) -> None:
    """A host may sign what it likes: the name of a feature that is none is found out here."""
    ticket = replace(sample, feature="no feature!")
    answer = say(ticket, "nonsense", click(2, rating=UP)).json
    assert [(each["index"], list(each["errors"])) for each in answer["rejected"]] == [(0, ["event"]), (1, ["feature"])]


@pytest.mark.parametrize("named", ["7", f"urn:uuid:{make_id(1)}", f"{{{make_id(1)}}}"])
def test_a_ticket_about_no_output_is_none(say: Ask, sample: Ticket, named: str) -> None:
    """Nor is one whose id the wire would refuse with all that is said: its state must not look as if all were well."""
    answer = say(replace(sample, output_id=named), click(2, rating=UP))
    assert (answer.status_code, answer.json["reason"]) == (401, "unreadable")


def test_the_fiftieth_edit_is_the_last(say: Ask, sample: Ticket, ask: Ask) -> None:
    for start in (100, 125):
        say(sample, *(click(start + n, minutes=1, rating=UP if n % 2 else DOWN) for n in range(25)))
    assert ask(sample).json["edits_left"] == 0
    answer = say(sample, click(100, rating=DOWN), click(150, rating=UP), click(151, type="signal", name="copied")).json
    assert (answer["accepted"], answer["duplicates"]) == (1, 1)
    [rejection] = answer["rejected"]
    assert rejection["errors"] == {"edits": ["At most 50 edits of one piece of feedback."]}
    assert rejection["index"] == 1
    other = replace(sample, user="u-bob")
    assert say(other, click(152, rating=UP)).json["accepted"] == 1


def test_signals_have_a_bound_of_their_own(say: Ask, sample: Ticket) -> None:
    signals = [click(200 + n, type="signal", name="copied") for n in range(EDITS_PER_FEEDBACK)]
    assert say(sample, *signals).json["accepted"] == EDITS_PER_FEEDBACK
    answer = say(sample, click(300, type="signal", name="copied"), click(301, rating=UP)).json
    assert (answer["accepted"], answer["rejected"][0]["index"]) == (1, 0)


def test_edits_that_come_all_at_once_are_counted_too(say: Ask, sample: Ticket, db: Database) -> None:
    accepted: list[int] = []

    def post(start: int) -> None:
        accepted.append(say(sample, *(click(start + n, rating=UP) for n in range(20))).json["accepted"])

    threads = [threading.Thread(target=post, args=(1000 * n,)) for n in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(accepted) == EDITS_PER_FEEDBACK
    with db.read() as session:
        assert len(session.scalars(select(FeedbackEvent.id)).all()) == EDITS_PER_FEEDBACK


def test_the_state_is_what_this_person_said_last(say: Ask, sample: Ticket, ask: Ask) -> None:
    said = {"flag": True, "flag_reasons": ["harmful"], "comment": "No VAT", "correction": "12"}
    say(sample, click(2, minutes=3, rating=DOWN, reasons=["incorrect"], reasons_version=1))
    say(sample, click(3, minutes=2, **said), click(4, minutes=9, type="signal", name="shown"))
    say(replace(sample, user="u-bob"), click(5, rating=UP), click(6, type="signal", name="copied"))
    say(replace(sample, output_id=str(make_id(9))), click(7, rating=UP))
    assert ask(sample).json == {
        "known": True,
        "feedback": {"rating": DOWN, "reasons": ["incorrect"], "reasons_version": 1, **said},
        "signals": ["shown"],
        "at": (NOW - timedelta(minutes=2)).isoformat(),
        "event_id": str(make_id(3)),
        "edits_left": 48,
    }


def test_what_was_taken_back_is_not_in_the_state(say: Ask, sample: Ticket, ask: Ask) -> None:
    say(sample, click(2, minutes=3, rating=DOWN, comment="No VAT"), click(3, retracted=True))
    state = ask(sample).json
    assert (state["feedback"], state["event_id"], state["edits_left"]) == ({}, str(make_id(3)), 48)


def test_before_anything_is_said_the_state_is_empty(sample: Ticket, ask: Ask) -> None:
    empty = {"known": True, "feedback": {}, "signals": [], "at": None, "event_id": None, "edits_left": 50}
    assert ask(sample).json == empty


def test_nobody_reads_what_somebody_without_a_name_said(say: Ask, sample: Ticket, ask: Ask) -> None:
    anonymous = replace(sample, user=None)
    assert say(anonymous, click(2, comment="mine")).json["accepted"] == 1
    assert ask(anonymous).json == {"known": False}


def test_whoever_is_called_as_nobody_s_key_reads_their_own_words_alone(say: Ask, sample: Ticket, ask: Ask) -> None:
    say(replace(sample, user=None), click(2, comment="whoever"))
    theirs = replace(sample, user=f"anon:o:{make_id(1).hex}")
    assert ask(theirs).json["feedback"] == {}
    say(theirs, click(3, comment="mine"))
    assert ask(theirs).json["feedback"] == {"comment": "mine"}


@pytest.mark.parametrize("hours", [0, 20, 40])
def test_what_was_said_while_the_ids_lay_in_the_future_is_known_when_they_do_not(
    say: Ask, sample: Ticket, ask: Ask, clock: Clock, hours: int
) -> None:
    ahead = NOW + timedelta(hours=30)
    ticket = replace(sample, output_id=str(make_id(1, at=ahead)), exp=sample.exp + 48 * 3600)
    said = [click(2, minutes=1, comment="mine"), {**click(3, comment="later"), "id": str(make_id(3, at=ahead))}]
    assert say(ticket, *said).json["accepted"] == 2
    clock.now = NOW + timedelta(hours=hours)
    assert say(ticket, said[1], sent_at=clock.now.isoformat()).json["duplicates"] == 1
    state = ask(ticket).json
    assert (state["feedback"], state["edits_left"]) == ({"comment": "later"}, EDITS_PER_FEEDBACK - 2)


def test_who_may_say_no_more_may_repeat_what_lay_in_the_future(say: Ask, sample: Ticket, clock: Clock) -> None:
    ahead = NOW + timedelta(hours=30)
    ticket = replace(sample, exp=sample.exp + 48 * 3600)
    said = [{**click(n, rating=UP), "id": str(make_id(n, at=ahead))} for n in range(2, 2 + EDITS_PER_FEEDBACK)]
    assert say(ticket, *said[:25]).json["accepted"] + say(ticket, *said[25:]).json["accepted"] == EDITS_PER_FEEDBACK
    clock.now = NOW + timedelta(hours=40)
    answer = say(ticket, said[0], click(99, rating=DOWN), sent_at=clock.now.isoformat()).json
    assert (answer["duplicates"], [each["index"] for each in answer["rejected"]]) == (1, [1])


def test_a_ticket_of_another_project_opens_that_project_alone(say: Ask, sample: Ticket, db: Database, ask: Ask) -> None:
    with db.write() as session:
        other = Project(slug="b", name="B", timezone="UTC", created_at=NOW)
        session.add(other)
        session.flush()
        text = keys.make_key(session, other, NOW).text
    kid, secret = text.split("_")[2:]
    say(sample, click(2, rating=UP))
    theirs = sign(replace(sample, kid=kid), ticket_key(secret))
    assert say(theirs, click(3, rating=DOWN)).json["accepted"] == 1
    assert ask(sample).json["feedback"] == {"rating": UP}
    with db.read() as session:
        assert sorted(session.scalars(select(Feedback.project_id))) == [sample_project(db), other.id]


def sample_project(db: Database) -> int:
    with db.read() as session:
        return session.scalars(select(Project.id).where(Project.slug == "acme")).one()


def test_a_revoked_key_s_tickets_open_nothing(
    say: Ask, ask: Ask, sample: Ticket, db: Database, project: Project
) -> None:
    assert say(sample, click(2, rating=UP)).status_code == 200
    with db.write() as session:
        assert keys.revoke_key(session, project, sample.kid, NOW)
    for answer in (say(sample, click(3, rating=DOWN)), say(sample), ask(sample)):
        assert answer.status_code == 401
        assert (answer.json["reason"], answer.json["detail"]) == ("revoked", "The ticket's key was revoked.")


def test_a_ticket_ends_by_the_service_s_clock(say: Ask, sample: Ticket, clock: Clock) -> None:
    clock.forward(hours=1)
    answer = say(sample, click(2, rating=UP))
    assert (answer.status_code, answer.json["reason"]) == (401, "expired")


@pytest.mark.parametrize(
    ("origin", "status"),
    [(PAGE, 200), (None, 200), ("https://evil.example", 403), ("null", 403), (f"{PAGE}.evil.example", 403), ("", 403)],
)
def test_pages_of_the_project_s_origins_may_post_and_ask(
    say: Ask, sample: Ticket, ask: Ask, db: Database, project: Project, origin: str | None, status: int
) -> None:
    with db.write() as session:
        session.get_one(Project, project.id).origins = ["https://other.example", PAGE]
    for answer in (say(sample, click(2, rating=UP), origin=origin), ask(sample, origin)):
        assert answer.status_code == status
        allowed = answer.headers["Access-Control-Allow-Origin"]
        assert allowed == (origin if status == 200 and origin else "*")
        assert "Origin" in answer.headers["Vary"]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Set-Cookie" not in answer.headers
        assert status == 200 or answer.json["reason"] == "origin"


def test_without_origins_no_page_of_another_origin_may(say: Ask, sample: Ticket) -> None:
    assert say(sample, click(2, rating=UP), origin=PAGE).status_code == 403


def test_who_waits_too_long_for_a_turn_is_told_to_come_again(say: Ask, sample: Ticket, app: Flask) -> None:
    turns: Turns = app.extensions["heedback"].turns
    turns.patience = 0.01
    with ExitStack() as held:
        for lock in turns.locks:
            held.enter_context(lock)
        answer = say(sample, click(2, rating=UP))
    assert (answer.status_code, answer.json["reason"], answer.headers["Retry-After"]) == (503, "busy", "5")
    assert say(sample, click(2, rating=UP)).json["accepted"] == 1
