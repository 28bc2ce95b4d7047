"""Odd moments: refusals after other words, storage that is blocked or full, elements that come, go and move."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from widget_page import FILL, Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
UNSAFE = "Not sent yet: please keep this page open."
REFUSED = "This could not be saved."
NOTHING_WAITS = "!Object.keys(localStorage).some((key) => key.startsWith('heedback:q:'))"
ELEMENT = "document.querySelector('heedback-rating')"


def press(page: Page, name: str = "Bad answer") -> None:
    page.get_by_role("button", name=name, exact=True).click()


def pressed(page: Page) -> list[str | None]:
    found = page.locator("heedback-rating .row button[aria-pressed=true]").all()
    return [button.get_attribute("aria-label") for button in found]


def test_nothing_is_left_to_detail_after_undo(visit: Visit, endpoint: Endpoint) -> None:
    """Neither details of a rating that is gone, nor those of a flag that is gone beside a rating."""
    page = visit(widget())
    press(page)
    press(page, "Undo")
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_hidden()
    press(page)
    press(page, "Report a problem")
    press(page, "Undo")
    press(page, "Details")
    expect(page.get_by_role("group", name="What could be better?")).to_be_visible()


def test_a_refused_step_leads_back_to_the_one_before(visit: Visit, endpoint: Endpoint) -> None:
    """An Undo that is refused leaves what stood, also on the next page; a refused click has no details to send."""
    page = visit(widget(signals="none"))
    press(page, "Good answer")
    expect(page.get_by_role("status")).to_have_text("Saved.")
    eventually(page, lambda: endpoint.events)
    endpoint.status = 403
    press(page, "Undo")
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    assert pressed(page) == ["Good answer"]
    visit(widget(signals="none"), page=page)
    expect(page.get_by_role("button", name="Good answer")).to_have_attribute("aria-pressed", "true")
    visit(widget(2, signals="none"), page=page)
    press(page)
    expect(page.get_by_role("status")).to_have_text(REFUSED)
    expect(page.locator(".send")).to_have_count(0)
    expect(page.get_by_role("button", name="Details", exact=True)).to_be_hidden()


def test_storage_that_is_blocked(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """Where the browser keeps nothing it grants no locks either: what waits is sent all the same."""
    context.clock.install()
    context.add_init_script(
        """Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('', 'SecurityError'); } });
        navigator.locks.request = () => Promise.reject(new DOMException('', 'SecurityError'));"""
    )
    page = visit(widget(signals="none"))
    endpoint.status = 503
    press(page)
    expect(page.get_by_role("status")).to_have_text(UNSAFE)
    endpoint.status = 202
    context.clock.run_for(12_000)
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_a_view_without_storage(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """A web view may have no `localStorage` at all."""
    context.add_init_script("Object.defineProperty(window, 'localStorage', { value: null });")
    page = visit(widget())
    press(page)
    expect(page.get_by_role("status")).to_have_text("Saved.")


def test_a_full_disk_is_no_promise(visit: Visit, endpoint: Endpoint) -> None:
    """What is in memory alone is not said to be on the device, and what the disk still holds of it is not believed."""
    page = visit(widget(signals="none"))
    press(page)
    eventually(page, lambda: endpoint.events)
    eventually(page, lambda: page.evaluate(NOTHING_WAITS))  # the answer, too, is there: nothing makes room later
    page.evaluate(FILL)
    endpoint.status = 503
    press(page, "Report a problem")
    expect(page.get_by_role("status")).to_have_text(UNSAFE)
    page.evaluate(f"async () => {{ const node = {ELEMENT}; node.remove(); await 0; await 0;"
                  " document.querySelector('main').append(node); }")  # fmt: skip
    expect(page.get_by_role("button", name="Report a problem")).to_have_attribute("aria-pressed", "true")


def test_an_element_that_only_moves_keeps_what_is_written(visit: Visit, endpoint: Endpoint) -> None:
    """A list that is sorted anew moves its elements."""
    page = visit(widget())
    press(page)
    page.get_by_label("Comment").fill("Half a sent")
    page.evaluate(f"document.querySelector('main').prepend({ELEMENT})")
    page.wait_for_timeout(50)
    expect(page.get_by_label("Comment")).to_have_value("Half a sent")
    expect(page.get_by_role("button", name="Undo")).to_be_visible()


def test_one_that_comes_back_has_what_was_written(visit: Visit, endpoint: Endpoint) -> None:
    """Taken out and put back later, or made anew for the same answer: neither words nor reasons are lost."""
    page = visit(widget())
    press(page)
    press(page, "Not correct")
    page.get_by_label("Comment").fill("Half a sent")
    for back in ("node", "node.cloneNode()"):
        page.evaluate(
            f"""async () => {{ const node = {ELEMENT}, place = node.parentNode; node.remove();
            await new Promise(requestAnimationFrame); place.append({back}); }}"""
        )
        press(page, "Details")
        expect(page.get_by_label("Comment")).to_have_value("Half a sent")
        expect(page.get_by_role("button", name="Not correct")).to_have_attribute("aria-pressed", "true")
    press(page, "Send details")
    eventually(page, lambda: len(endpoint.events) == 2)
    assert [endpoint.events[1][name] for name in ("comment", "reasons")] == ["Half a sent", ["incorrect"]]


def test_a_page_that_slept_shows_what_was_said_meanwhile(visit: Visit, endpoint: Endpoint) -> None:
    """The way back may lead to a page as it was left (back/forward cache), which has heard nothing.

    A press on what looks unpressed there would take back what another page said.
    """
    page = visit(widget(signals="none"))
    press(page)
    eventually(page, lambda: endpoint.events and page.evaluate(NOTHING_WAITS))
    page.evaluate(
        """() => { const key = Object.keys(localStorage).find((key) => key.startsWith('heedback:s:'));
        const memo = JSON.parse(localStorage[key]); memo.said = { rating: { value: 1, scale: 'thumbs' } };
        localStorage[key] = JSON.stringify(memo); }"""
    )
    assert pressed(page) == ["Bad answer"]
    page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
    assert pressed(page) == ["Good answer"]


def test_an_element_hears_after_the_one_it_replaces_has_gone(visit: Visit, endpoint: Endpoint) -> None:
    """A page that shows the new one first, and takes the old one away later."""
    page = visit(widget())
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    page.evaluate(f"{{ const old = {ELEMENT}; old.before(old.cloneNode()); }}")
    expect(page.get_by_role("button", name="Bad answer")).to_have_count(2)
    page.locator("heedback-rating").nth(1).evaluate("node => node.remove()")
    page.wait_for_timeout(50)
    endpoint.status = 403
    page.locator("heedback-rating .down").click()
    expect(page.get_by_role("status")).to_have_text(REFUSED)


def test_what_fails_late_does_not_undo_what_came_after(visit: Visit, context: BrowserContext) -> None:
    """A language that cannot be fetched, of an element that has been given another one since."""
    held: list[Any] = []
    context.route("**/locales/fr.js", lambda route: held.append(route))
    page = visit(widget(locale="fr"))
    eventually(page, lambda: held)
    page.evaluate(f"fresh => {{ {ELEMENT}.setAttribute('locale', 'en'); {ELEMENT}.setAttribute('ticket', fresh); }}",
                  ticket(2))  # fmt: skip
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    held[0].abort()
    page.wait_for_timeout(100)
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    assert heard(page, "error") == []


def test_another_answer_does_not_end_the_quiet(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """`Retry-After` of a post holds, though the state of another widget was answered without one since."""
    context.clock.install()
    below = '<div class="answer"><p>' + "Line<br>" * 120 + "</p></div>"
    page = visit(widget(1, signals="none") + below + widget(2, signals="none"))
    eventually(page, lambda: len(endpoint.asked) == 1)
    endpoint.status, endpoint.retry_after = 429, "60"
    page.locator(".down").first.click()
    eventually(page, lambda: heard(page, "queued"))
    endpoint.status, endpoint.retry_after = 202, None
    page.locator("heedback-rating").nth(1).scroll_into_view_if_needed()
    eventually(page, lambda: len(endpoint.asked) == 2)
    page.wait_for_timeout(50)
    page.evaluate("dispatchEvent(new Event('online'))")
    context.clock.run_for(40_000)
    page.wait_for_timeout(100)
    assert len(endpoint.posts) == 1
    context.clock.run_for(25_000)
    eventually(page, lambda: len(endpoint.posts) == 2)


def test_a_signal_does_not_cut_the_pause_short(visit: Visit, context: BrowserContext, endpoint: Endpoint) -> None:
    """While the other side is down, what scrolls into view asks no sooner than the rest."""
    context.clock.install()
    page = visit(widget(signals="none"))
    endpoint.status = 503
    press(page)
    press(page, "Report a problem")
    press(page, "Report a problem")
    eventually(page, lambda: len(heard(page, "queued")) == 3)  # so that the pause is six seconds or more
    assert page.evaluate(f"{ELEMENT}.signal('accepted')") is True
    context.clock.run_for(3_000)
    page.wait_for_timeout(100)
    assert len(endpoint.posts) == 3


@pytest.mark.parametrize("limit", ["often", "0"])
def test_a_limit_that_is_no_number_asks_nobody(visit: Visit, limit: str) -> None:
    page = visit(widget(ask_limit=limit))
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()
    assert page.evaluate(f"{ELEMENT}.ask()") is False


def test_long_words_stay_in_their_place(visit: Visit, make_context: Callable[..., BrowserContext]) -> None:
    """A reason of one long word breaks where it must, on the narrowest phone, and nothing sticks out of the details.

    Nor where the host breaks no lines, as in a table.
    """
    word = "Donaudampfschifffahrtselektrizit\u00e4tenhauptbetriebswerkbauunterbeamtengesellschaft"
    within = make_context(viewport={"width": 320, "height": 700}, has_touch=True, is_mobile=True)
    page = visit(widget(reasons=json.dumps({"down": {"a": word, "b": f"{word} und {word}"}})), within=within, lang="de")
    page.evaluate("document.body.style.whiteSpace = 'nowrap'; document.querySelector('p').remove()")
    press(page, "Schlechte Antwort")
    expect(page.locator(".send")).to_be_visible()
    out = "all => all.filter(each => each.getBoundingClientRect().right > innerWidth - 16).map(each => each.className)"
    assert page.evaluate("innerWidth") == 320
    assert page.locator("heedback-rating .widget *").evaluate_all(out) == []


def test_fields_are_as_wide_as_their_place(visit: Visit, context: BrowserContext) -> None:
    page = visit(widget())
    press(page)
    widths = page.locator(".field, .field textarea").evaluate_all("all => all.map(each => each.offsetWidth)")
    assert len(widths) == 4
    assert len(set(widths)) == 1, json.dumps(widths)
    # Words in another script than the page's are written in their own direction, an empty field is in the page's.
    expect(page.locator(".comment")).to_have_css("unicode-bidi", "plaintext")
