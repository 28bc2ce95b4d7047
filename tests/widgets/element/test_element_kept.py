"""What is kept on the device: shared by tabs, in the order of the clicks whatever the clock says, and not for ever."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, Page, Route, expect

from widget_page import STATIC, Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
NOTHING_WAITS = "!Object.keys(localStorage).some((key) => key.startsWith('heedback:q:'))"
BELOW = '<div class="answer"><p>' + "Line<br>" * 120 + "</p></div>"


def press(page: Page, name: str = "Bad answer") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def pressed(page: Page) -> list[str | None]:
    found = page.locator("heedback-rating .row button[aria-pressed=true]").all()
    return [button.get_attribute("aria-label") for button in found]


def kept(page: Page, start: str = "heedback:s:0") -> dict[str, Any]:
    found: dict[str, str] = page.evaluate(
        "start => Object.fromEntries(Object.entries(localStorage).filter(([key]) => key.startsWith(start)))", start
    )
    return {key: json.loads(text) for key, text in found.items()}


def wait_for_kept(page: Page, start: str, count: int) -> None:
    eventually(page, lambda: len(kept(page, start)) == count)


def test_a_second_tab_sees_what_the_first_one_said(visit: Visit, endpoint: Endpoint) -> None:
    """Its buttons follow at once, and what is pressed there comes on top: nothing older is written back."""
    one, two = visit(widget()), visit(widget())
    press(one)
    expect(two.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    press(two, "Report a problem")
    expect(one.get_by_role("button", name="Report a problem")).to_have_attribute("aria-pressed", "true")
    press(two, "Bad answer")
    eventually(two, lambda: len(endpoint.events) == 3)
    assert endpoint.events[2]["rating"] is None, (
        "the thumb that the first tab pressed is what the second one takes back"
    )
    assert len({event["receipt"] for event in endpoint.events}) == 1
    visit(widget(signals="none"), page=one)
    expect(one.get_by_role("button", name="Report a problem")).to_have_attribute("aria-pressed", "true")
    assert pressed(one) == ["Report a problem"]


def test_a_tab_that_comes_into_view_late_writes_nothing_back(visit: Visit, endpoint: Endpoint) -> None:
    """It was opened before, and scrolled to after, what the other one said."""
    late = visit(BELOW + widget(), path="/late")
    expect(late.get_by_role("button", name="Bad answer")).to_have_count(1)
    page = visit(widget())
    press(page)
    eventually(page, lambda: endpoint.events)
    late.bring_to_front()
    late.locator("heedback-rating").scroll_into_view_if_needed()
    eventually(late, lambda: len(endpoint.asked) == 2)
    late.wait_for_timeout(50)
    (memo,) = kept(page).values()
    assert memo["said"] == {"rating": {"value": 0, "scale": "thumbs"}}
    assert pressed(late) == ["Bad answer"]


def test_two_elements_of_one_output_say_one_thing(visit: Visit, endpoint: Endpoint) -> None:
    """An answer may be shown twice on a page: both show what was said, and either may take it back."""
    page = visit(widget() + widget())
    expect(page.locator(".down")).to_have_count(2)
    page.locator(".down").first.click()
    expect(page.locator(".down").nth(1)).to_have_attribute("aria-pressed", "true")
    page.locator(".down").nth(1).click()
    eventually(page, lambda: len(endpoint.events) == 2)
    assert endpoint.events[1]["retracted"] is True
    expect(page.locator(".down").first).to_have_attribute("aria-pressed", "false")


def test_a_clock_that_is_ahead_does_not_hide_other_devices(
    visit: Visit, context: BrowserContext, endpoint: Endpoint
) -> None:
    """The click's id says next year. Another device's word has an id of today, and is newer: the service says so."""
    context.clock.install(time=2_000_000_000)
    page = visit(widget())
    press(page)
    eventually(page, lambda: endpoint.events)
    rated = {"rating": {"value": 1, "scale": "thumbs"}}
    endpoint.states[ticket(1)] = {
        "known": True, "feedback": rated, "event_id": "019a8bd0-0000-7000-8000-000000000001",
    }  # fmt: skip
    visit(widget(), page=page)
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")


def test_a_clock_that_is_behind_does_not_hide_the_click(
    visit: Visit, context: BrowserContext, endpoint: Endpoint
) -> None:
    """The service's word was there before the click, under an id of a later time; the click is in the app's spool."""
    context.clock.install(time=1_500_000_000)
    rated = {"rating": {"value": 1, "scale": "thumbs"}}
    endpoint.states[ticket(1)] = {
        "known": True, "feedback": rated, "event_id": "019a8bd0-0000-7000-8000-000000000001",
    }  # fmt: skip
    page = visit(widget())
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    press(page)
    eventually(page, lambda: endpoint.events)
    for _ in range(2):
        endpoint.asked.clear()
        visit(widget(), page=page)
        eventually(page, lambda: endpoint.asked)
        page.wait_for_timeout(50)
        assert pressed(page) == ["Bad answer"]


def test_the_service_may_have_changed_the_time_in_an_id(
    visit: Visit, context: BrowserContext, endpoint: Endpoint
) -> None:
    """It zeroes a time that lies far ahead: its answer about the first of two clicks is still known as older."""
    context.clock.install(time=4_000_000_000)
    page = visit(widget(signals="none"))
    press(page)
    press(page, "Good answer")
    eventually(page, lambda: len(endpoint.events) == 2)
    first = endpoint.events[0]
    endpoint.states[ticket(1)] = {
        "known": True, "feedback": {"rating": first["rating"]}, "event_id": "00000000-0000" + first["id"][13:],
    }  # fmt: skip
    visit(widget(signals="none"), page=page)
    eventually(page, lambda: len(endpoint.asked) == 2)
    page.wait_for_timeout(50)
    assert pressed(page) == ["Good answer"]


def test_what_waits_is_not_written_over(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """The service tells of another device's word while ours has not left: ours stays in view until it has."""
    context.clock.install()
    page = visit(widget(signals="none"))
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    endpoint.status = 503
    press(page)
    eventually(page, lambda: heard(page, "queued"))
    rated = {"rating": {"value": 1, "scale": "thumbs"}}
    endpoint.states[ticket(1)] = {
        "known": True, "feedback": rated, "event_id": "ffffffff-0000-7000-8000-000000000001",
    }  # fmt: skip
    visit(widget(signals="none"), page=page)
    eventually(page, lambda: len(endpoint.asked) == 2)
    page.wait_for_timeout(50)
    assert pressed(page) == ["Bad answer"]


def test_the_clicks_of_one_output_go_in_their_order(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """What waits of several outputs is sent in any order of the outputs, so that none blocks the rest."""
    page = visit(widget(1, signals="none") + widget(2, signals="none"))
    expect(page.locator(".flag")).to_have_count(2)
    context.set_offline(True)
    for _ in range(4):
        for n in (0, 1):
            page.locator(".flag").nth(n).click()
    eventually(page, lambda: len(heard(page, "queued")) == 8)
    posted = len(endpoint.posts)
    context.set_offline(False)
    eventually(page, lambda: len(endpoint.posts) == posted + 8)
    for n in (1, 2):
        ids = [post["events"][0]["id"] for post in endpoint.posts if post["ticket"] == ticket(n)]
        assert ids == sorted(ids)


def test_a_refusal_in_the_middle_gives_the_service_the_next_word(
    visit: Visit, context: BrowserContext, endpoint: Endpoint
) -> None:
    """A click was refused, a later one taken: what the page shows is not what is stored, so the state is believed."""
    page = visit(widget(signals="none"))
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    eventually(page, lambda: endpoint.asked)
    context.set_offline(True)
    press(page)
    press(page, "Report a problem")
    eventually(page, lambda: len(heard(page, "queued")) == 2)
    endpoint.before = lambda: setattr(endpoint, "status", 202 if endpoint.posts else 403)
    context.set_offline(False)
    eventually(page, lambda: heard(page, "error") and heard(page, "sent"))
    (taken,) = endpoint.taken.values()
    endpoint.states[ticket(1)] = {"known": True, "feedback": {"flag": True}, "event_id": taken["id"]}
    endpoint.asked.clear()
    visit(widget(signals="none"), page=page)
    eventually(page, lambda: endpoint.asked)
    page.wait_for_timeout(50)
    assert pressed(page) == ["Report a problem"]


def test_nothing_stays_for_ever(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """A week later what was said is gone from the device; so is when somebody was asked."""
    page = visit(widget(1))
    page.evaluate("document.querySelector('heedback-rating').ask()")
    press(page)
    eventually(page, lambda: endpoint.events)
    assert len(kept(page)) == len(kept(page, "heedback:s:~")) == 1
    for days, left in ((6, 1), (8, 0)):
        context.clock.install(time=page.evaluate("Date.now()") / 1000 + days * 86_400)
        visit(widget(2), page=page)
        expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
        wait_for_kept(page, "heedback:s:019aa000-0000-7000-8000-000000000001", left)
        wait_for_kept(page, "heedback:s:~", left)


def test_at_most_a_hundred_outputs(visit: Visit, endpoint: Endpoint) -> None:
    """Beside the one on the page. The oldest outputs go first."""
    page = visit("", script="none.js")
    page.evaluate(
        """() => { for (let n = 100; n < 220; n++) localStorage[`heedback:s:019a9000-0000-7000-8000-000000000${n} u`]
        = JSON.stringify({ said: {}, before: {}, at: Date.now() }); localStorage.own = 'mine'; }"""
    )
    visit(widget(), page=page)
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    eventually(page, lambda: len(kept(page)) <= 101)
    assert page.evaluate("localStorage.own") == "mine"
    assert not any(key.endswith("100 u") for key in kept(page))
    assert any(key.endswith("219 u") for key in kept(page))


def test_what_is_on_the_page_or_rated_outlasts_what_was_only_seen(visit: Visit, endpoint: Endpoint) -> None:
    """A rated output of an older id, one that was rated elsewhere, and a hundred newer ones that nobody rated."""
    page = visit(widget(signals="none"))
    press(page)
    eventually(page, lambda: endpoint.events and len(kept(page)) == 1)
    page.evaluate(
        """() => { const put = (n, said) => localStorage[`heedback:s:019ab000-0000-7000-8000-000000000${n} u`]
        = JSON.stringify({ said, before: {}, known: [''], at: Date.now() + n - 1000 });
        put(100, { rating: { value: 1, scale: 'thumbs' } }); for (let n = 101; n < 220; n++) put(n, {});
        dispatchEvent(new Event('online')); }"""
    )
    wait_for_kept(page, "heedback:s:0", 101)
    left = "".join(kept(page))
    assert ("1 u-7f3a" in left, "100 u" in left, "101 u" in left, "219 u" in left) == (True, True, False, True)


def test_what_was_trimmed_by_another_tab_still_stands(visit: Visit, endpoint: Endpoint) -> None:
    """The copy is gone from the device: the page goes on from what it shows, and the same button withdraws."""
    page, other = visit(widget(signals="none")), visit("", script="none.js", path="/other")
    press(page)
    eventually(page, lambda: endpoint.events and page.evaluate(NOTHING_WAITS))
    other.evaluate(
        "for (const key of Object.keys(localStorage)) if (key.startsWith('heedback:s:')) delete localStorage[key]"
    )
    page.wait_for_timeout(50)
    assert pressed(page) == ["Bad answer"]
    press(page)
    eventually(page, lambda: len(endpoint.events) == 2)
    assert endpoint.events[1]["retracted"] is True


def test_what_the_host_keeps_is_never_read(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """An app may have megabytes in `localStorage`: of these only the names are looked at."""
    context.add_init_script(
        """window.read = []; const get = Storage.prototype.getItem; localStorage.setItem('own', 'x'.repeat(9));
        Object.defineProperty(window, 'localStorage', { value: new Proxy(localStorage, {
          get: (store, key) => { window.read.push(key); const value = store[key]; return typeof value === 'function'
            ? value.bind(store) : value; } }) });"""
    )
    page = visit(widget())
    press(page)
    eventually(page, lambda: endpoint.events and endpoint.signals)
    read = page.evaluate("read.map(String)")
    assert any(key.startswith("heedback:q:") for key in read)
    assert "own" not in read


def test_forgetting_at_the_end_of_a_session(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """What the documentation gives a host for its way out leaves nothing of ours.

    Nor do answers to a click, and about what was said elsewhere, that were under way.
    """
    rated = {"rating": {"value": 1, "scale": "thumbs"}}
    endpoint.states[ticket(2)] = {
        "known": True, "feedback": rated, "event_id": "019a8bd0-0000-7000-8000-000000000001",
    }  # fmt: skip
    held: list[Route] = []
    context.route("**/heedback/*", lambda route: held.append(route))
    page = visit(widget(1) + widget(2))
    press(page)
    page.evaluate("document.querySelector('heedback-rating').ask()")
    eventually(page, lambda: {Path(each.request.url).name for each in held} == {"events", "state"} and len(held) > 2)
    assert len(kept(page)) == 2
    page.evaluate(forgetting())
    assert kept(page, "heedback:") == {}
    for each in held:
        each.continue_()
    context.unroute_all()
    eventually(page, lambda: heard(page, "sent"))
    expect(page.get_by_role("button", name="Good answer (2)")).to_have_attribute("aria-pressed", "true")
    assert kept(page, "heedback:") == {}
    visit("", script="none.js", page=page)
    assert kept(page, "heedback:") == {}
    visit(widget(signals="none"), page=page)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")


def forgetting() -> str:
    """The lines of `docs/widget.md` that clear the device."""
    text = (STATIC.parents[2] / "docs" / "widget.md").read_text("utf-8")
    return next(block for block in text.split("```")[1::2] if "startsWith('heedback:')" in block).removeprefix("js\n")
