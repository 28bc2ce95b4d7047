"""A click is never lost: offline, at closing time, in two tabs, with an old ticket. What cannot be taken is dropped."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from widget_page import FILL, Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
OFFLINE = "Saved on this device; will be sent."


def press(page: Page, name: str = "Bad answer") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def queue(page: Page) -> list[dict[str, Any]]:
    """The events that wait on this device, what was said before signals."""
    found = page.evaluate(
        "Object.keys(localStorage).filter(k => k.startsWith('heedback:q:')).map(k => localStorage[k])"
    )
    return [json.loads(text)["event"] for text in sorted(found)]


def feedback(page: Page) -> list[dict[str, Any]]:
    return [event for event in queue(page) if event["type"] == "feedback"]


def test_offline_and_online_again(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """It is said honestly, kept on the device, and sent when the network is back."""
    page = visit(widget())
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    context.set_offline(True)
    press(page)
    expect(page.get_by_role("status")).to_have_text(OFFLINE)
    (waiting,) = feedback(page)
    assert heard(page, "queued")[0]["event"] == waiting
    context.set_offline(False)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert [event["id"] for event in endpoint.events] == [waiting["id"]]
    assert feedback(page) == []


def test_the_page_closes_right_after_the_click(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """The post outlives the page, even where it has not left yet: all connections of the browser are taken."""
    page = visit(widget())
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    page.evaluate("() => { for (let n = 0; n < 6; n++) fetch(`/hang?${n}`, { credentials: 'omit' }); }")
    eventually(page, lambda: endpoint.hanging == 6)
    press(page)
    assert endpoint.posts == []
    page.close()
    eventually(context.new_page(), lambda: endpoint.events)


def test_what_waits_is_posted_when_the_page_goes(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """A signal waits a moment for company; a page that is left does not take it along."""
    page = visit(widget())
    eventually(page, lambda: queue(page))
    assert endpoint.posts == []
    page.close()
    eventually(context.new_page(), lambda: endpoint.signals == ["shown"])


def test_what_one_page_left_the_next_one_sends(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """The browser was closed offline; on the next visit the click goes, before anybody touches anything."""
    page = visit(widget())
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    context.set_offline(True)
    press(page)
    expect(page.get_by_role("status")).to_have_text(OFFLINE)
    page.close()
    context.set_offline(False)
    page = visit(widget(2), path="/another")
    eventually(page, lambda: endpoint.events)
    # What the closing page posted may come through after all: the same event, under the same id.
    assert {post["ticket"] for post in endpoint.posts if post["events"][0]["type"] == "feedback"} == {ticket(1)}
    assert len(endpoint.events) == 1


def test_two_tabs_have_one_sender(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Both wake up when the network is back; each event is posted once."""
    pages = [visit(widget(n), path=f"/{n}") for n in (1, 2)]
    for page in pages:
        expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    context.set_offline(True)
    for page in pages:
        page.bring_to_front()
        press(page)
        press(page, "Report a problem")
        expect(page.get_by_role("status")).to_have_text(OFFLINE)
    assert len(feedback(pages[0])) == 4
    endpoint.before = lambda: time.sleep(0.05)  # as long as one posts, the other one would find the rest
    context.set_offline(False)
    eventually(pages[0], lambda: queue(pages[0]) == [] and len(endpoint.events) == 4)
    posted = Counter(event["id"] for post in endpoint.posts for event in post["events"])
    assert set(posted.values()) == {1}


@pytest.mark.parametrize("status", [429, 503])
def test_what_may_pass_is_tried_again(visit: Visit, context: BrowserContext, endpoint: Endpoint, status: int) -> None:
    """After a pause the same event is posted again, under its id."""
    context.clock.install()
    page = visit(widget())
    endpoint.status = status
    press(page)
    expect(page.get_by_role("status")).to_have_text(OFFLINE)
    endpoint.status = 202
    context.clock.run_for(12_000)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    tried = [post["events"][0] for post in endpoint.posts if post["events"][0]["type"] == "feedback"]
    assert len(tried) > 1
    assert len({event["id"] for event in tried}) == 1


def test_it_asks_again_when_it_may(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """`Retry-After` holds, longer than the usual pause, and when the network comes back as well."""
    context.clock.install()
    page = visit(widget(signals="none"))
    endpoint.status, endpoint.retry_after = 503, "60"
    press(page)
    expect(page.get_by_role("status")).to_have_text(OFFLINE)
    endpoint.status, endpoint.retry_after = 202, None
    context.clock.run_for(30_000)
    page.evaluate("dispatchEvent(new Event('online'))")
    context.clock.run_for(20_000)
    page.wait_for_timeout(100)
    assert len(endpoint.posts) == 1
    context.clock.run_for(15_000)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert len({post["events"][0]["id"] for post in endpoint.posts}) == 1


def test_a_damaged_entry_keeps_nobody_back(visit: Visit, endpoint: Endpoint) -> None:
    """What is no event of ours is dropped, and told; all else is sent, and what this person said begins anew."""
    page = visit("", script="none.js")
    good = click_of("019a8bd0-0000-7000-8000-000000000001")
    person = good["key"]
    entries = {
        f"heedback:q:1{good['event']['id']}": json.dumps(good),
        "heedback:q:0019a8bd0": '{"event": {"id": "019a8',
        "heedback:q:1": "null",
        "heedback:q:1019a8bd1": "7",
        "heedback:q:1019a8bd2": json.dumps(good),
        "heedback:q:1019a8bd3": '{"event": null}',
        f"heedback:s:{person}": '{"said": {"rat',
    }
    page.evaluate("entries => Object.assign(localStorage, entries)", entries)
    visit(widget(2), page=page)
    eventually(page, lambda: endpoint.events)
    assert endpoint.events == [good["event"]]
    told = {detail["problem"]: detail["status"] for detail in heard(page, "error")}
    damaged = {key for key in entries if ":q:" in key and good["event"]["id"] not in key}
    assert told == dict.fromkeys(damaged, "damaged")
    assert page.evaluate("keys => keys.filter(key => key in localStorage)", list(damaged)) == []
    visit(widget(1), page=page)
    press(page)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    eventually(page, lambda: len(endpoint.events) == 2)


def click_of(its_id: str) -> dict[str, Any]:
    """An entry of the queue as the element writes it."""
    rated = {"rating": {"value": 0, "scale": "thumbs"}}
    event = {"id": its_id, "type": "feedback", "occurred_at": datetime.now(UTC).isoformat(), **rated}
    key = "019aa000-0000-7000-8000-000000000001 u-7f3a"
    return {"url": "/heedback", "ticket": ticket(1), "key": key, "event": event, "at": time.time() * 1000}


@pytest.mark.parametrize("status", [400, 403, 413])
def test_what_never_passes_is_dropped_aloud(visit: Visit, endpoint: Endpoint, status: int) -> None:
    """The person sees that it was not saved, and the host hears why."""
    page = visit(widget())
    endpoint.status, endpoint.answer = status, {"reason": "origin", "detail": "Pages of this origin may not."}
    press(page)
    expect(page.get_by_role("status")).to_have_text("This could not be saved.")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    assert feedback(page) == []
    told = [detail for detail in heard(page, "error") if detail["event"]["type"] == "feedback"]
    assert told[0]["answer"] == endpoint.answer


@pytest.mark.parametrize("status", [200, 202])
def test_an_event_that_is_refused_among_good_ones(visit: Visit, endpoint: Endpoint, status: int) -> None:
    """A 2xx that lists it as rejected has not taken it."""
    page = visit(widget())
    refused = {"index": 0, "id": None, "errors": {"edits": ["At most 50 edits of one piece of feedback."]}}
    endpoint.status, endpoint.answer = status, {"accepted": 0, "duplicates": 0, "rejected": [refused]}
    press(page)
    expect(page.get_by_role("status")).to_have_text("This could not be saved.")
    assert feedback(page) == []


def test_a_sign_in_page_in_between_is_no_answer(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """A 200 that does not count what it took is not believed."""
    context.clock.install()
    page = visit(widget())
    endpoint.status, endpoint.raw = 200, b"<html>Welcome to the hotel</html>"
    press(page)
    expect(page.get_by_role("status")).to_have_text(OFFLINE)
    endpoint.raw = None
    context.clock.run_for(12_000)
    expect(page.get_by_role("status")).to_have_text("Sent.")


def test_an_expired_ticket_keeps_the_queue(visit: Visit, endpoint: Endpoint) -> None:
    """The host hears of it and sets a fresh ticket, with which everything goes; what is being written stays."""
    page = visit(widget())
    endpoint.status, endpoint.answer = 401, {"reason": "expired", "detail": "The ticket has expired."}
    press(page)
    eventually(page, lambda: heard(page, "expired"))
    expect(page.get_by_role("status")).to_have_text("Not sent yet: please reload this page.")
    page.get_by_label("Comment").fill("Half a sent")
    tried = len(endpoint.posts)
    page.wait_for_timeout(300)
    assert len(endpoint.posts) == tried, "nobody asks again with the same ticket"
    endpoint.status, endpoint.answer = 202, None
    fresh = ticket(1, exp=2_100_000_000)
    page.locator("heedback-rating").evaluate("(node, fresh) => node.setAttribute('ticket', fresh)", fresh)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert feedback(page) == []
    assert endpoint.posts[-1]["ticket"] == fresh
    expect(page.get_by_label("Comment")).to_have_value("Half a sent")


def test_a_page_that_gets_no_fresh_ticket(visit: Visit, endpoint: Endpoint) -> None:
    """What waits goes when the page is loaded again, as it is told to be: that one has a fresh ticket."""
    page = visit(widget(signals="none"))
    endpoint.status, endpoint.answer = 401, {"reason": "expired", "detail": "The ticket has expired."}
    for name in ("Bad answer", "Report a problem"):
        press(page, name)
    eventually(page, lambda: len(endpoint.posts) >= 2)
    page.wait_for_timeout(100)
    assert len(heard(page, "expired")) == 1, "the host hears of a ticket once"
    page.close()
    endpoint.status, endpoint.answer = 202, None
    page = visit(widget(signals="none", ticket=ticket(1, exp=2_100_000_000)))
    eventually(page, lambda: len(endpoint.events) == 2)


def test_a_host_whose_fresh_tickets_are_refused_too(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Ten elements, each is given a ticket when it asks, and none of them holds: it asks less and less often."""
    context.clock.install()
    page = visit("".join(widget(n) for n in range(1, 11)))
    expect(page.locator(".down")).to_have_count(10)
    endpoint.status, endpoint.answer = 401, {"reason": "forged", "detail": "Nobody signed this ticket."}
    fresh = [[ticket(n, exp=2_000_000_000 + k) for k in range(1, 40)] for n in range(1, 11)]
    page.evaluate(
        """fresh => document.querySelectorAll('heedback-rating').forEach((node, n) => node.addEventListener(
        'heedback-expired', () => node.setAttribute('ticket', fresh[n].shift())))""",
        fresh,
    )
    for down in page.locator(".down").all():
        down.click()

    def tickets() -> set[str]:
        return {post["ticket"] for post in endpoint.posts}

    eventually(page, lambda: len(tickets()) >= 20)  # each got one at once
    page.wait_for_timeout(200)
    assert len(tickets()) < 30
    for _ in range(20):
        context.clock.run_for(3_000)
        page.wait_for_timeout(20)
    assert 20 < len(tickets()) <= 80, "in a minute, three to five more for each, not hundreds"
    endpoint.status, endpoint.answer = 202, None

    def all_there() -> bool:
        context.clock.run_for(12_000)
        return len(endpoint.events) == 10

    eventually(page, all_there)


@pytest.mark.parametrize("endpoint_at", ["/heedback/", "HERE/heedback/"])
def test_an_endpoint_with_a_slash_at_its_end(visit: Visit, endpoint: Endpoint, endpoint_at: str) -> None:
    """Is the same endpoint."""
    page = visit(widget(endpoint=endpoint_at.replace("HERE", endpoint.url)))
    press(page)
    eventually(page, lambda: len(set(endpoint.paths)) == 2)
    assert set(endpoint.paths) == {"/heedback/events", "/heedback/state"}


def test_a_long_correction(visit: Visit, endpoint: Endpoint) -> None:
    """More than keepalive carries goes by an ordinary post."""
    page = visit(widget())
    press(page)
    text = "\u20ac" * 32768  # 96 KiB as UTF-8
    page.get_by_label("A better answer").fill(text)
    press(page, "Send details")
    eventually(page, lambda: len(endpoint.events) == 2)
    assert endpoint.events[1]["correction"] == text


def test_the_queue_has_an_end(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """At most 50 events, none older than a week; signals go before what was said, and the host hears of each."""
    endpoint.status = 503
    page = visit("", script="none.js")
    page.evaluate(
        """(ticket) => { for (let n = 0; n < 60; n++) {
            const signal = n % 6 === 0, id = `01a00000-0000-7000-8000-0000000000${10 + n}`;
            const at = Date.now() - (n === 59 ? 8 * 864e5 : 6e4);
            const event = { id, type: signal ? 'signal' : 'feedback', occurred_at: new Date(at).toISOString() };
            const key = '019aa000-0000-7000-8000-000000000001 u-7f3a';
            const item = { url: '/heedback', ticket, key, event, at };
            localStorage[`heedback:q:${signal ? 0 : 1}${id}`] = JSON.stringify(item);
        } }""",
        ticket(1),
    )
    visit(widget(), page=page)
    eventually(page, lambda: len(queue(page)) <= 50)
    left = queue(page)
    assert not any(event["id"].endswith("69") for event in left)
    assert sum(event["type"] == "feedback" for event in left) == 49
    told = Counter(detail["status"] for detail in heard(page, "error"))
    assert told["old"] == 1
    assert told["full"] >= 9


def test_nothing_stays_on_a_shared_computer(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """`queue="memory"` writes nothing down, says what that means, and sends all the same."""
    page = visit(widget(queue="memory"))
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    context.set_offline(True)
    press(page)
    expect(page.get_by_role("status")).to_have_text("Not sent yet: please keep this page open.")
    assert page.evaluate("localStorage.length") == 0
    context.set_offline(False)
    expect(page.get_by_role("status")).to_have_text("Saved.")
    assert len(endpoint.events) == 1
    assert page.evaluate("localStorage.length") == 0


def test_memory_alone_is_no_promise_before_an_answer(visit: Visit, endpoint: Endpoint) -> None:
    """With `queue="memory"` nothing is saved until somebody has it."""
    page = visit(widget(queue="memory", signals="none"))
    press_and_read = "node => { node.click(); return node.getRootNode().querySelector('.message').textContent.trim(); }"
    assert page.locator(".down").evaluate(press_and_read) == "Not sent yet: please keep this page open."
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_a_full_disk_loses_nothing(visit: Visit, endpoint: Endpoint) -> None:
    """What does not fit waits in memory."""
    page = visit(widget())
    page.evaluate(FILL)
    press(page)
    eventually(page, lambda: endpoint.events)
    expect(page.get_by_role("status")).to_have_text("Saved.")
