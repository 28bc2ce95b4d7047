"""What a person does with the widget, by mouse and by keyboard, and what the endpoint gets of it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from widget_page import Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def said(event: dict[str, Any]) -> dict[str, Any]:
    """What an event says, without what every event has."""
    return {name: value for name, value in event.items() if name not in ("id", "type", "occurred_at", "receipt")}


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def double_click(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).dblclick()


def hold(page: Page, key: str, times: int = 4) -> None:
    """The key goes down, repeats as the keyboard repeats it, and comes up."""
    for _ in range(times):
        page.keyboard.down(key)
    page.keyboard.up(key)


def pressed(page: Page) -> list[str | None]:
    """The names of the pressed buttons of ratings and flag."""
    found = page.locator("heedback-rating .row button[aria-pressed=true]").all()
    return [button.get_attribute("aria-label") for button in found]


def sent(page: Page, endpoint: Endpoint, count: int) -> list[dict[str, Any]]:
    """What the first `count` events of feedback say, once they are there."""
    eventually(page, lambda: len(endpoint.events) >= count)
    return [said(event) for event in endpoint.events]


def test_one_click_counts(visit: Visit, endpoint: Endpoint) -> None:
    """It is posted at once, as text without a cookie, and the button, the words and the focus say so."""
    page = visit(widget())
    page.context.add_cookies([{"name": "session", "value": "s", "url": endpoint.url}])
    press(page, "Bad answer")
    assert sent(page, endpoint, 1) == [{"rating": {"value": 0, "scale": "thumbs"}}]
    (post,) = [post for post in endpoint.posts if post["events"][0]["type"] == "feedback"]
    assert set(post) == {"ticket", "sent_at", "events"}
    assert post["ticket"] == ticket(1)
    (event,) = post["events"]
    assert ID.fullmatch(event["id"])
    assert re.fullmatch(r"[0-9a-f]{32}", event["receipt"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["occurred_at"])
    for headers in endpoint.headers:
        assert headers["content-type"].startswith("text/plain")
        assert "cookie" not in headers
    assert pressed(page) == ["Bad answer"]
    expect(page.get_by_role("status")).to_have_text("Saved.")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    expect(page.get_by_role("button", name="Bad answer")).to_be_focused()
    assert [detail["event"]["id"] for detail in heard(page, "change")] == [event["id"]]
    eventually(page, lambda: heard(page, "sent"))


def test_sent_is_said_when_the_service_has_it(visit: Visit, endpoint: Endpoint) -> None:
    """Through the host it stays "Saved"; "Sent" is what the service's own answer makes of it."""
    endpoint.status = 200
    page = visit(widget())
    press(page, "Good answer")
    expect(page.get_by_role("status")).to_have_text("Sent.")


def test_details_are_a_second_event(visit: Visit, endpoint: Endpoint) -> None:
    """Only what changed goes, under an id of its own; the details close, and the focus is on what opens them again."""
    page = visit(widget())
    press(page, "Bad answer")
    double_click(page, "Not correct")
    press(page, "Style or length")
    press(page, "Style or length")
    press(page, "Something is missing")
    page.get_by_label("Comment").fill("Leaves out the VAT. ")
    page.get_by_label("A better answer").fill("1,428.00 EUR")
    press(page, "Send details")
    assert sent(page, endpoint, 2)[1] == {
        "reasons": ["incorrect", "incomplete"],
        "reasons_version": 1,
        "comment": "Leaves out the VAT.",
        "correction": "1,428.00 EUR",
    }
    assert len({event["id"] for event in endpoint.events}) == 2
    assert len({event["receipt"] for event in endpoint.events}) == 1
    expect(page.get_by_role("button", name="Send details")).to_have_count(0)
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_focused()
    double_click(page, "Details")
    expect(page.get_by_role("button", name="Not correct")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_label("Comment")).to_have_value("Leaves out the VAT. ")
    press(page, "Send details")
    page.wait_for_timeout(100)
    assert len(endpoint.events) == 2, "nothing changed, so nothing is said"


def test_undo_takes_the_last_step_back(visit: Visit, endpoint: Endpoint) -> None:
    """Of the first click that is everything; of the details it is the details. The focus goes to what was pressed.

    A double click, by habit or with a hand that shakes, is one, and so is a key that is held: it does not press what
    has the focus next.
    """
    page = visit(widget())
    double_click(page, "Bad answer")
    assert pressed(page) == ["Bad answer"]
    page.get_by_role("button", name="Undo").focus()
    hold(page, "Enter")
    expect(page.get_by_role("status")).to_have_text("Withdrawn.")
    expect(page.get_by_role("button", name="Bad answer")).to_be_focused()
    expect(page.get_by_role("button", name="Undo")).to_be_hidden()
    assert pressed(page) == []
    press(page, "Bad answer")
    page.get_by_label("Comment").fill("No.")
    press(page, "Send details")
    press(page, "Undo")
    rated = {"rating": {"value": 0, "scale": "thumbs"}}
    assert sent(page, endpoint, 5) == [rated, {"retracted": True}, rated, {"comment": "No."}, {"comment": None}]
    assert pressed(page) == ["Bad answer"]


def test_the_other_thumb_changes_and_the_same_withdraws(visit: Visit, endpoint: Endpoint) -> None:
    """Reasons of the one are none of the other; with the rating goes what was written."""
    page = visit(widget())
    press(page, "Bad answer")
    press(page, "Not correct")
    page.get_by_label("Comment").fill("Hm.")
    press(page, "Send details")
    press(page, "Good answer")
    assert pressed(page) == ["Good answer"]
    expect(page.get_by_role("button", name="Send details")).to_have_count(0)
    press(page, "Good answer")
    assert pressed(page) == []
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_hidden()
    assert sent(page, endpoint, 4)[2:] == [
        {"rating": {"value": 1, "scale": "thumbs"}, "reasons": None},
        {"retracted": True},
    ]


def test_a_flag_is_not_a_rating(visit: Visit, endpoint: Endpoint) -> None:
    """It has a list of its own, stands beside a thumb, and goes without it. What is being written stays meanwhile."""
    page = visit(widget())
    press(page, "Bad answer")
    page.get_by_label("Comment").fill("Shows my address.")
    press(page, "Report a problem")
    assert pressed(page) == ["Bad answer", "Report a problem"]
    expect(page.get_by_label("Comment")).to_have_value("Shows my address.")
    press(page, "Shows private data")
    press(page, "Send details")
    press(page, "Report a problem")
    assert sent(page, endpoint, 4) == [
        {"rating": {"value": 0, "scale": "thumbs"}},
        {"flag": True},
        {"flag_reasons": ["private_data"], "comment": "Shows my address.", "reasons_version": 1},
        {"flag": None, "flag_reasons": None},
    ]


def test_stars(visit: Visit, endpoint: Endpoint) -> None:
    """Few of them open the details, many do not; the same again withdraws; all up to the one are lit."""
    page = visit(widget(mode="stars"))
    press(page, "4 of 5 stars")
    expect(page.get_by_role("button", name="Send details")).to_have_count(0)
    lit = page.locator(".star").evaluate_all("stars => stars.map(star => getComputedStyle(star).color)")
    assert lit[0] == lit[3] != lit[4]
    press(page, "2 of 5 stars")
    press(page, "Not correct")
    press(page, "1 of 5 stars")
    press(page, "Send details")
    press(page, "1 of 5 stars")
    assert sent(page, endpoint, 5) == [
        *({"rating": {"value": value, "scale": "stars"}} for value in (4, 2, 1)),
        {"reasons": ["incorrect"], "reasons_version": 1},
        {"retracted": True},
    ]


def test_by_keyboard_alone(visit: Visit, endpoint: Endpoint) -> None:
    """Tab, Space and Enter reach and work everything, in the order in which it stands there.

    Enter that is held presses once; Tab that is held goes on.
    """
    page = visit(widget(privacy_url="/privacy"))
    expect(page.get_by_role("button", name="Good answer")).to_be_visible()
    keys = page.keyboard
    for key in ("Tab", "Tab", "Space"):
        keys.press(key)
    expect(page.get_by_role("button", name="Bad answer")).to_be_focused()
    for _ in range(2):  # keys may be as quick as they like
        keys.press("Space")
    for name in ("Report a problem", "Undo", "Details", "Not correct"):
        keys.press("Tab")
        expect(page.get_by_role("button", name=name, exact=True)).to_be_focused()
    hold(page, "Enter")
    expect(page.get_by_role("button", name="Not correct")).to_have_attribute("aria-pressed", "true")
    hold(page, "Tab", 8)
    keys.type("Wrong sum")
    keys.press("Tab")
    keys.type("1,428.00")
    keys.press("Tab")
    expect(page.get_by_role("link", name="Privacy")).to_be_focused()
    keys.press("Tab")
    keys.press("Space")
    details = {"reasons": ["incorrect"], "reasons_version": 1, "comment": "Wrong sum", "correction": "1,428.00"}
    assert sent(page, endpoint, 4)[3] == details
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_focused()
    outline = page.get_by_role("button", name="Details", exact=True).evaluate(
        "node => getComputedStyle(node).outlineWidth"
    )
    assert outline == "2px"


def test_a_rated_output_shows_it_on_load(visit: Visit, endpoint: Endpoint) -> None:
    """The local copy stands while nobody knows better, for its person alone.

    Details that are sent and undone there leave the focus where they were, and not on the flag.
    """
    page = visit(widget())
    press(page, "Bad answer")
    page.get_by_label("A better answer").fill("42")
    press(page, "Send details")
    sent(page, endpoint, 2)
    visit(widget(), page=page)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    press(page, "Details")
    expect(page.get_by_label("A better answer")).to_have_value("42")
    page.get_by_label("Comment").fill("No.")
    press(page, "Send details")
    press(page, "Undo")
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_focused()
    assert sent(page, endpoint, 4)[2:] == [{"comment": "No."}, {"comment": None}]
    visit(widget(ticket=ticket(1, "u-another")), page=page)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")


@pytest.mark.parametrize("event_id", ["ffffffff-0000-7000-8000-000000000001", "019a8bd0-0000-7000-8000-000000000001"])
def test_the_newer_word_holds(visit: Visit, endpoint: Endpoint, event_id: str) -> None:
    """What another device said since is shown, whatever its clock was; the service has it as the newest."""
    page = visit(widget())
    press(page, "Bad answer")
    eventually(page, lambda: endpoint.events)
    rated = {"rating": {"value": 1, "scale": "thumbs"}, "comment": "Quite right."}
    endpoint.states[ticket(1)] = {"known": True, "feedback": rated, "signals": [], "event_id": event_id}
    visit(widget(), page=page)
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    assert pressed(page) == ["Good answer"]


def test_the_same_again_withdraws_what_the_service_told(visit: Visit, endpoint: Endpoint) -> None:
    """It was said on another device; the service has the keys of a rating in another order than the element."""
    rated = {"rating": {"value": 0, "scale": "thumbs"}}
    endpoint.states[ticket(1)] = {
        "known": True, "feedback": rated, "event_id": "019a8bd0-0000-7000-8000-000000000001",
    }  # fmt: skip
    page = visit(widget())
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    press(page, "Bad answer")
    assert pressed(page) == []
    assert sent(page, endpoint, 1) == [{"retracted": True}]


def test_what_a_ticket_does_not_allow_is_not_offered(visit: Visit, endpoint: Endpoint) -> None:
    """A ticket to flag has no thumbs; taking the flag back says so field by field, as no more is allowed."""
    page = visit(widget(ticket=ticket(1, may=("flag",))))
    press(page, "Report a problem")
    press(page, "Security risk")
    press(page, "Send details")
    press(page, "Report a problem")
    assert sent(page, endpoint, 3) == [
        {"flag": True},
        {"flag_reasons": ["security"]},
        {"flag": None, "flag_reasons": None},
    ]
    expect(page.get_by_role("button", name="Good answer")).to_have_count(0)
    assert endpoint.asked == []
    assert endpoint.signals == []


def test_reasons_and_words_of_the_host(visit: Visit, endpoint: Endpoint) -> None:
    """A feature has reasons of its own, under their version; `up` has some when it is given some."""
    reasons = '{"version": 3, "down": {"incorrect": "", "price": "Wrong price"}, "up": {"clear": ""}}'
    page = visit(widget(reasons=reasons, label="Invoice 2291"))
    press(page, "Bad answer: Invoice 2291")
    expect(page.get_by_role("group", name="What could be better?").get_by_role("button")).to_have_text(
        ["Not correct", "Wrong price"]
    )
    press(page, "Wrong price: Invoice 2291")
    press(page, "Send details: Invoice 2291")
    assert sent(page, endpoint, 2)[1] == {"reasons": ["price"], "reasons_version": 3}
    press(page, "Good answer: Invoice 2291")
    press(page, "Details: Invoice 2291")
    expect(page.get_by_role("group", name="What was good?").get_by_role("button")).to_have_text(["Clear"])


def test_ten_on_a_page_are_told_apart(visit: Visit, endpoint: Endpoint) -> None:
    """No two buttons have the same name, and each speaks of its own output."""
    page = visit("".join(widget(n, label=None if n % 2 else f"Answer {n}") for n in range(1, 11)))
    expect(page.get_by_role("button", name="Report a problem")).to_have_count(10)
    names = page.locator("heedback-rating .row > button").evaluate_all("all => all.map(each => each.ariaLabel)")
    assert len(set(names)) == len(names) == 30
    press(page, "Good answer: Answer 8")
    press(page, "Bad answer (4)")  # of those without a label
    sent(page, endpoint, 2)
    assert [post["ticket"] for post in endpoint.posts if post["events"][0]["type"] == "feedback"] == [
        ticket(8),
        ticket(7),
    ]
