"""What somebody writes is theirs: it stays until it is said, whatever is pressed, closed, refused or told meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from widget_page import Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
REFUSED = "This could not be saved."
THUMB_UP = {"rating": {"value": 1, "scale": "thumbs"}}


def press(page: Page, name: str = "Bad answer") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def write(page: Page) -> None:
    """Half of what there is to say, and none of it sent."""
    press(page, "Not correct")
    page.get_by_label("Comment").fill("Half a sent")
    page.get_by_label("A better answer").fill("1,428")


def written(page: Page) -> list[str | None]:
    """What stands in the open details: the comment, the correction, and whether the reason is pressed."""
    fields = [page.get_by_label(name).input_value() for name in ("Comment", "A better answer")]
    return [*fields, page.get_by_role("button", name="Not correct").get_attribute("aria-pressed")]


ALL = ["Half a sent", "1,428", "true"]


def test_it_outlasts_whatever_closes_the_details(visit: Visit, endpoint: Endpoint) -> None:
    """The button that opened them, the other thumb, Undo, and taking the rating back."""
    page = visit(widget())
    press(page)
    write(page)
    for way in (["Details", "Details"], ["Good answer", "Bad answer"], ["Undo", "Bad answer"], ["Bad answer"] * 2):
        for name in way:
            press(page, name)
        if page.get_by_role("button", name="Send details").count() == 0:
            press(page, "Details")
        assert written(page) == ALL, way
    page.get_by_label("Comment").fill("")
    press(page, "Send details")
    eventually(page, lambda: "correction" in endpoint.events[-1])
    assert "comment" not in endpoint.events[-1], "what was wiped out is not said"
    press(page, "Details")
    assert written(page) == ["", "1,428", "true"], "nor does it come back"


def send_what_was_refused(page: Page, endpoint: Endpoint) -> None:
    """The page says that it was refused, with the details open and every word there; now it is taken."""
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    expect(page.get_by_role("button", name="Send details")).to_be_visible()
    assert written(page) == ALL
    endpoint.status = 202
    press(page, "Send details")
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_it_outlasts_a_refusal(visit: Visit, endpoint: Endpoint) -> None:
    """The details open again with every word, beside a line that says so, and can be sent once more."""
    page = visit(widget())
    press(page)
    write(page)
    eventually(page, lambda: endpoint.events)
    endpoint.status = 413
    press(page, "Send details")
    send_what_was_refused(page, endpoint)
    eventually(page, lambda: len(endpoint.events) == 2)
    assert [endpoint.events[1][name] for name in ("comment", "correction", "reasons")] == [*ALL[:2], ["incorrect"]]


def test_it_outlasts_a_refused_rating(visit: Visit, endpoint: Endpoint) -> None:
    """The answer came while somebody was writing already: the thumb goes out, and its next press finds the words."""
    page = visit(widget(signals="none"))
    endpoint.status = 403
    press(page)
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    endpoint.status = 202
    press(page)
    write(page)
    endpoint.status = 403
    press(page, "Report a problem")
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    expect(page.get_by_role("group", name="What could be better?")).to_be_visible()
    assert written(page) == ALL


def test_what_was_refused_while_nobody_looked(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Sent offline, refused on the next page: there are the words, to be copied or sent again. What was taken
    before them stays."""
    page = visit(widget(signals="none"))
    press(page)
    eventually(page, lambda: endpoint.events)
    context.set_offline(True)
    write(page)
    press(page, "Send details")
    eventually(page, lambda: heard(page, "queued"))
    page.close()
    endpoint.status = 413
    context.set_offline(False)
    page = visit(widget(signals="none"))
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    assert written(page)[:2] == ALL[:2]
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    endpoint.status = 202
    press(page, "Send details")
    eventually(page, lambda: len(endpoint.events) == 2)
    assert [endpoint.events[1][name] for name in ("comment", "correction")] == ALL[:2]


def test_it_outlasts_two_refusals(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Rating and words waited, neither is taken: the page says so, shows the words, and sends both once more."""
    page = visit(widget(signals="none"))
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    context.set_offline(True)
    press(page)
    write(page)
    press(page, "Send details")
    eventually(page, lambda: len(heard(page, "queued")) == 2)
    endpoint.status = 403
    context.set_offline(False)
    eventually(page, lambda: len(heard(page, "error")) == 2)
    send_what_was_refused(page, endpoint)
    eventually(page, lambda: endpoint.events)
    assert endpoint.events[0]["rating"] == {"value": 0, "scale": "thumbs"}
    assert [endpoint.events[0][name] for name in ("comment", "correction", "reasons")] == [*ALL[:2], ["incorrect"]]


def test_what_comes_from_elsewhere_does_not_write_over_it(visit: Visit, endpoint: Endpoint) -> None:
    """What another device said fills the fields that nobody has touched here, and no others."""
    elsewhere = {"rating": {"value": 0, "scale": "thumbs"}, "comment": "Other words", "correction": "1,428.00"}
    endpoint.states[ticket(2)] = {
        "known": True, "feedback": elsewhere, "event_id": "ffffffff-0000-7000-8000-000000000001",
    }  # fmt: skip
    page = visit(widget(1))
    press(page)
    page.get_by_label("Comment").fill("Mine")
    fresh = ticket(1, exp=2_100_000_000)
    endpoint.states[fresh] = endpoint.states[ticket(2)]
    page.locator("heedback-rating").evaluate("(node, fresh) => node.setAttribute('ticket', fresh)", fresh)
    expect(page.get_by_label("A better answer")).to_have_value("1,428.00")
    expect(page.get_by_label("Comment")).to_have_value("Mine")


def test_only_what_was_changed_here_is_sent(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Where nobody has begun, newer words of another tab are taken over, empty ones too; none are overwritten."""
    context.add_init_script("addEventListener('storage', (event) => window.deaf && event.stopImmediatePropagation())")
    one = visit(widget())
    press(one)
    one.get_by_label("Comment").fill("Old words ")
    press(one, "Not correct")
    press(one, "Send details")
    press(one, "Details")
    two = visit(widget())
    press(two, "Details")
    two.get_by_label("Comment").fill("Newer words")
    press(two, "Style or length")
    press(two, "Send details")
    expect(one.get_by_label("Comment")).to_have_value("Newer words")
    expect(one.get_by_role("button", name="Style or length")).to_have_attribute("aria-pressed", "true")
    one.evaluate("deaf = true")  # as a tab that slept: what another one says now is read at the press
    press(two, "Details")
    two.get_by_label("Comment").fill("")
    press(two, "Style or length")
    press(two, "Send details")
    one.get_by_label("A better answer").fill("1,428")
    press(one, "Send details")
    eventually(one, lambda: len(endpoint.events) == 5)
    event = endpoint.events[-1]
    assert event["correction"] == "1,428"
    assert event.keys().isdisjoint(("comment", "reasons"))
    press(one, "Details")
    assert written(one) == ["", "1,428", "true"]
    expect(one.get_by_role("button", name="Style or length")).to_have_attribute("aria-pressed", "false")


def test_a_better_answer_is_none_of_a_good_one(visit: Visit, endpoint: Endpoint) -> None:
    """A thumb up takes back the correction, which nobody could see any more; Undo brings it again, as does a draft."""
    page = visit(widget())
    press(page)
    page.get_by_label("Comment").fill("Hm.")
    page.get_by_label("A better answer").fill("42")
    press(page, "Send details")
    press(page, "Good answer")
    press(page, "Undo")
    eventually(page, lambda: len(endpoint.events) == 4)
    changed, back = endpoint.events[2:]
    assert changed["rating"] == THUMB_UP["rating"]
    assert changed["correction"] is None
    assert "comment" not in changed
    assert back["correction"] == "42"
    press(page, "Good answer")
    press(page)
    expect(page.get_by_label("A better answer")).to_have_value("42")


def test_a_correction_that_may_not_be_given_is_not_taken_back(visit: Visit, endpoint: Endpoint) -> None:
    """A ticket that does not allow one would have the whole event refused for it."""
    may = ticket(1, may=("read", "rate", "signal"))
    feedback = {"rating": {"value": 0, "scale": "thumbs"}, "correction": "42"}
    endpoint.states[may] = {"known": True, "feedback": feedback, "event_id": "ffffffff-0000-7000-8000-000000000001"}
    page = visit(widget(ticket=may))
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    press(page, "Good answer")
    eventually(page, lambda: endpoint.events)
    assert "correction" not in endpoint.events[0]
