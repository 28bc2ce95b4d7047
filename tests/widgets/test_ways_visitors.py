"""People who are not signed in: what they share, and that the lines of `docs/widget-hosts.md` keep them apart."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask, session
from sqlalchemy import select

import heedback
from heedback.limits import EDITS_PER_FEEDBACK
from heedback.testing import capturing
from heedback.tickets import Ticket
from heedback_service.store.tables import Feedback
from processes import until
from ways import Way, a_ticket, click

TEXT = (Path(__file__).parents[2] / "docs" / "widget-hosts.md").read_text("utf-8")
SECTION = TEXT.split("\n## People who are not signed in\n")[1].split("\n## ")[0]
LINES = re.findall(r"```python\n(.*?)```", SECTION, re.DOTALL)[0]


@pytest.fixture(params=["direct", "flask"])
def either(request: pytest.FixtureRequest, opened: Callable[[str], Way]) -> Way:
    return opened(request.param)


def use_up(way: Way, ticket: Ticket) -> None:
    said = way.say(way.house.sign(ticket), *(click(comment="One") for _ in range(EDITS_PER_FEEDBACK)))
    assert said.json()["accepted"] == EDITS_PER_FEEDBACK


def said_of(way: Way, output_id: str) -> dict[str, bool]:
    """What the service holds about an output: the comment of each piece of feedback, and whether it is a person's."""
    with way.house.db.read() as stored:
        rows = stored.scalars(select(Feedback).where(Feedback.subject == f"o:{UUID(output_id).hex}"))
        return {row.comment or "": row.person is not None for row in rows}


def test_nobody_in_particular_is_one(either: Way) -> None:
    ticket = dataclasses.replace(a_ticket(), user=None)
    text = either.house.sign(ticket)
    assert either.say(text, click(comment="One")).json()["accepted"] == 1
    until(lambda: "One" in said_of(either, ticket.output_id))
    assert either.say(text, click(comment="Two")).json()["accepted"] == 1
    until(lambda: said_of(either, ticket.output_id) == {"Two": False})
    either.say(text, *(click(comment="More") for _ in range(EDITS_PER_FEEDBACK - 2)))
    [rejection] = either.say(text, click(comment="Three")).json()["rejected"]
    assert list(rejection["errors"]) == ["edits"]
    assert either.post("state", {"ticket": text}).json() == {"known": False}


def tickets_by_the_docs(app: Flask, kept: heedback.Output) -> tuple[Ticket, Ticket]:
    """A visitor's, for an output of their own and for the one that was kept, on a first visit and on the next."""
    with app.test_client() as client:
        visits = [client.get("/").text.split() for _ in range(2)]
    (own, seen), (_, again) = ([heedback.open_ticket(text) for text in visit] for visit in visits)
    assert seen.user == again.user
    assert seen.output_id == kept.id
    return own, seen


def test_with_the_lines_of_the_docs_each_visitor_is_one(either: Way) -> None:
    with capturing():
        kept = heedback.output("invoice-summary")
        app = Flask(__name__)
        app.secret_key = "for the test alone"

        @app.get("/")
        def page() -> str:
            names: dict[str, Any] = {"session": session, "uuid4": uuid4, "heedback": heedback, "text": "Due."}
            names |= {"dataclasses": dataclasses, "kept": kept}
            exec(LINES, names)
            return f"{names['out'].ticket()} {names['seen'].ticket()}"

        (own_1, seen_1), (own_2, seen_2) = (tickets_by_the_docs(app, kept) for _ in range(2))
    assert own_1.output_id != own_2.output_id
    assert None not in (own_1.user, seen_1.user)
    assert (own_1.user == seen_1.user, seen_1.user == seen_2.user) == (True, False)
    use_up(either, seen_1)
    assert either.say(either.house.sign(seen_2), click(comment="Two")).json()["accepted"] == 1
    until(lambda: said_of(either, kept.id) == {"One": True, "Two": True})
