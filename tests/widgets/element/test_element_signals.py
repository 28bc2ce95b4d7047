"""Implicit evidence, prompts, bad attributes, and pages without scripts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from widget_page import Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
FORM = (
    '<form method="post" action="/heedback/form"><input type="hidden" name="ticket" value="t">'
    '<button name="rating" value="down">Bad answer</button></form>'
)


def ready(page: Page) -> None:
    expect(page.get_by_role("button", name="Good answer").first).to_be_visible()


def moved_on(page: Page, clock: Any, true: Callable[[], Any]) -> None:
    """It comes true, in hurried time."""

    def look() -> Any:
        clock.run_for(500)
        return true()

    eventually(page, look)


@pytest.fixture(autouse=True)
def clock(context: BrowserContext) -> Any:
    """The pages': it runs, and can be moved on, so that nobody has to wait for a signal that waits for company."""
    context.clock.install()
    return context.clock


def test_shown_once_when_it_comes_into_view(visit: Visit, endpoint: Endpoint, clock: Any) -> None:
    """Not below the fold, and not again on the next visit."""
    below = '<div class="answer"><p>' + "Line<br>" * 120 + "</p></div>"
    page = visit(widget(1) + below + widget(2))
    moved_on(page, clock, lambda: endpoint.signals == ["shown"])
    page.wait_for_timeout(50)
    assert [post["ticket"] for post in endpoint.posts] == [ticket(1)]
    page.locator("heedback-rating").nth(1).scroll_into_view_if_needed()
    moved_on(page, clock, lambda: endpoint.signals == ["shown", "shown"])
    assert endpoint.posts[-1]["ticket"] == ticket(2)
    asked = len(endpoint.asked)
    visit(widget(1), page=page)
    eventually(page, lambda: len(endpoint.asked) > asked)
    clock.run_for(2_000)
    page.wait_for_timeout(50)
    assert endpoint.signals == ["shown", "shown"]


def test_shown_can_be_turned_off(visit: Visit, endpoint: Endpoint, clock: Any) -> None:
    """`signals="none"` is silent; what is called for is sent all the same."""
    page = visit(widget(signals="none"))
    ready(page)
    assert page.evaluate("document.querySelector('heedback-rating').signal('regenerated', 2)") is True
    moved_on(page, clock, lambda: endpoint.signals)
    assert endpoint.signals == ["regenerated"]
    (event,) = endpoint.taken.values()
    assert event["value"] == 2


def test_what_is_done_with_the_answer(visit: Visit, endpoint: Endpoint, clock: Any) -> None:
    """It is heard where the host opts in, once each, and not in the widget itself.

    A search beside the answer, or a box, edits nothing. What is selected may begin above the answer; what ends where it
    begins, as a heading that is clicked three times, holds nothing of it.
    """
    again = '<button data-heedback="regenerated">Again</button><heedback'
    body = widget(1, signals="copied edited regenerated").replace("<heedback", again) + widget(2)
    find = '<input type="search" aria-label="Find"><input type="checkbox" aria-label="Done"><heedback'
    first = widget(3, signals="copied edited").replace("<heedback", find)
    module = '<script type="module" src="/static/signals.js"></script>'
    page = visit(first + body.replace("<p>", '<p contenteditable="plaintext-only">') + module)
    ready(page)
    page.get_by_label("Find").fill("EUR")
    page.get_by_label("Done").check()
    page.locator("h1").click(click_count=3)
    page.keyboard.press("ControlOrMeta+C")
    moved_on(page, clock, lambda: len(endpoint.signals) >= 3)
    clock.run_for(2_000)
    page.wait_for_timeout(50)
    assert endpoint.signals == ["shown"] * 3
    page.get_by_role("button", name="Bad answer", exact=True).click()
    page.get_by_label("Comment").type("ab")
    page.get_by_label("Comment").select_text()
    page.keyboard.press("ControlOrMeta+C")
    for paragraph in page.locator("[contenteditable]").all():
        paragraph.click()
        paragraph.press("ControlOrMeta+A")
        paragraph.press("ControlOrMeta+C")
        paragraph.press("End")
        paragraph.type("xyz")
    page.get_by_role("button", name="Again").dblclick()
    page.locator("h1").click()
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.press("ControlOrMeta+C")
    heard_of = ["copied", "copied", "edited", "regenerated", "shown", "shown", "shown"]
    moved_on(page, clock, lambda: sorted(endpoint.signals) == heard_of)
    clock.run_for(2_000)
    page.wait_for_timeout(50)
    assert len(endpoint.signals) == 7
    copied = [post["ticket"] for post in endpoint.posts if post["events"][0].get("name") == "copied"]
    assert sorted(copied) == sorted([ticket(1), ticket(3)])


def test_a_click_inside_what_is_marked(visit: Visit, endpoint: Endpoint, clock: Any) -> None:
    """On the icon of a button, or a word in it; also where the host stops the click and takes the button away."""
    again = (
        '<button data-heedback="regenerated"><svg viewBox="0 0 9 9" width="24"><path d="M0 0h9v9H0z"/></svg></button>'
        '<button data-heedback="accepted"><b>Take it</b></button><heedback'
    )
    module = '<script type="module" src="/static/signals.js"></script>'
    page = visit(module + widget(1, signals="regenerated accepted").replace("<heedback", again))
    ready(page)
    page.evaluate(
        """document.querySelectorAll('[data-heedback]').forEach(button =>
        button.addEventListener('click', event => { event.stopPropagation(); button.remove(); }))"""
    )
    page.locator("path").first.click()
    page.get_by_text("Take it").click()
    moved_on(page, clock, lambda: sorted(endpoint.signals) == ["accepted", "regenerated", "shown"])


def test_who_has_rated_is_not_asked(visit: Visit, endpoint: Endpoint) -> None:
    """A prompt would ask for what is there, and count as one."""
    page = visit(widget(1) + widget(2, ticket=ticket(2, may=("read", "flag", "signal"))))
    page.get_by_role("button", name="Good answer", exact=True).click()
    ask = "number => document.querySelectorAll('heedback-rating')[number].ask()"
    assert page.evaluate(ask, 0) is False
    assert page.evaluate(ask, 1) is False, "nor who may not rate"
    expect(page.get_by_role("status").first).to_have_text("Saved.")
    page.get_by_role("button", name="Good answer", exact=True).click()
    assert page.evaluate(ask, 0) is True


def test_a_person_is_asked_so_often_a_week(visit: Visit, endpoint: Endpoint, clock: Any) -> None:
    """Once, unless the host says otherwise; the prompt is seen, heard of, and told apart in what it brings."""
    ask = "number => document.querySelectorAll('heedback-rating')[number].ask()"
    page = visit(widget(1) + widget(2) + widget(3, ask_limit="2"))
    ready(page)
    assert page.evaluate(ask, 0) is True
    expect(page.get_by_role("status").first).to_have_text("Was this answer helpful?")
    assert page.evaluate(ask, 1) is False
    assert page.evaluate(ask, 2) is True
    assert page.evaluate(ask, 2) is False
    page.get_by_role("button", name="Good answer", exact=True).click()
    moved_on(page, clock, lambda: endpoint.events and endpoint.signals.count("asked") == 2)
    assert endpoint.events[0]["asked"] is True
    page.evaluate(
        """() => { for (const key of Object.keys(localStorage)) if (key.startsWith('heedback:s:~'))
            localStorage[key] = localStorage[key].replace(/\\d{13}/g, at => at - 7 * 864e5); }"""
    )
    visit(widget(2), page=page)
    ready(page)
    assert page.evaluate(ask, 0) is True


# With 19 twenty keys, of which one is named twice; with 20 one more than an event may have.
MANY = '{"down": {"a": ""' + "".join(f', "b{n}": ""' for n in range(1, 20)) + ', "b%s": ""}}'
BAD: list[tuple[dict[str, str | None], str]] = [
    ({"endpoint": None}, 'endpoint=""'),
    ({"endpoint": "javascript:alert(1)"}, 'endpoint="javascript:alert(1)"'),
    ({"endpoint": "//host/heedback"}, 'endpoint="//host/heedback"'),
    ({"endpoint": "http://"}, 'endpoint="http://"'),
    ({"ticket": None}, 'ticket=""'),
    ({"ticket": "no.ticket.at-all"}, "ticket"),
    ({"mode": "smileys"}, 'mode="smileys"'),
    ({"queue": "cloud"}, 'queue="cloud"'),
    ({"reasons": "incorrect"}, 'reasons="incorrect"'),
    ({"reasons": ""}, 'reasons=""'),
    ({"reasons": "7"}, 'reasons="7"'),
    ({"reasons": "null"}, 'reasons="null"'),
    ({"reasons": '["incorrect"]'}, 'reasons="["incorrect"]"'),
    ({"reasons": '{"down": null}'}, 'reasons="{"down": null}"'),
    ({"reasons": '{"down": ["incorrect"]}'}, 'reasons="{"down": ["incorrect"]}"'),
    ({"reasons": '{"down": "incorrect"}'}, 'reasons="{"down": "incorrect"}"'),
    ({"reasons": '{"down": {"a": {"b": "c"}}}'}, 'reasons="{"down": {"a": {"b": "c"}}}"'),
    ({"reasons": '{"down": {"a": 1}}'}, 'reasons="{"down": {"a": 1}}"'),
    (
        {"reasons": '{"down": {"Wrong price": ""}}'},
        'reasons="{"down": {"Wrong price": ""}}"',
    ),  # the wire takes no such key
    ({"reasons": '{"version": "2"}'}, 'reasons="{"version": "2"}"'),
    ({"reasons": '{"version": 0}'}, 'reasons="{"version": 0}"'),
    ({"reasons": '{"dwn": {}}'}, 'reasons="{"dwn": {}}"'),
    ({"reasons": MANY % 20}, f'reasons="{MANY % 20}"'),
    ({"signals": "copied,edited"}, 'signals="copied,edited"'),
    ({"signals": "copid"}, 'signals="copid"'),
    ({"theme": "sepia"}, 'theme="sepia"'),
    ({"privacy_url": "javascript:alert(1)"}, 'privacy-url="javascript:alert(1)"'),
    ({"privacy_url": "privacy.html"}, 'privacy-url="privacy.html"'),
]


def test_a_bad_attribute_is_told(visit: Visit, context: BrowserContext) -> None:
    """A warning and an event say which, nothing is thrown, the plain form stands there, and its neighbours work."""
    page = context.new_page()
    warned: list[str] = []
    thrown: list[str] = []
    page.on("console", lambda message: warned.append(message.text) if message.type == "warning" else None)
    page.on("pageerror", lambda error: thrown.append(str(error)))
    visit("".join(widget(n, FORM, **attributes) for n, (attributes, _) in enumerate(BAD)) + widget(99), page=page)
    eventually(page, lambda: len(heard(page, "error")) == len(warned) == len(BAD))
    told = heard(page, "error")
    assert {detail["status"] for detail in told} == {"attribute"}
    for n, (_, problem) in enumerate(BAD):
        assert any(problem in detail["problem"] for detail in told), problem
        assert any(problem in text for text in warned), problem
        expect(page.locator("form button").nth(n)).to_be_visible()
    assert "ticket" in [detail["problem"] for detail in told]  # what is no ticket, beside what is missing
    expect(page.get_by_role("button", name=f"Good answer ({len(BAD) + 1})")).to_be_visible()
    assert thrown == []


@pytest.mark.parametrize(
    "reasons",
    [
        "{}",
        '{ "version": 999999, "flag": {} }',
        MANY % 19,
        '{"up": {"a": "\\"{},:[\\\\", "b_2": "\\n"}, "down": {"c": "\u20ac \U0001f600"}}',
    ],
)
def test_reasons_that_are_good(visit: Visit, reasons: str) -> None:
    """Whatever a label says, with no list at all, and with twenty keys in one."""
    page = visit(widget(reasons=reasons))
    ready(page)
    assert heard(page, "error") == []


def test_a_language_that_cannot_be_fetched(visit: Visit, context: BrowserContext) -> None:
    """That is told as what it is, and no attribute is blamed; the plain form stands there."""
    context.route("**/locales/fr.js", lambda route: route.abort())
    page = visit(widget(1, FORM, locale="fr"))
    eventually(page, lambda: heard(page, "error"))
    (told,) = heard(page, "error")
    assert told["status"] == "language"
    assert "fr.js" in told["problem"]
    expect(page.locator("form button")).to_be_visible()


def test_a_ticket_may_come_later(visit: Visit, endpoint: Endpoint) -> None:
    """An element that was refused works as soon as its ticket is there."""
    page = visit(widget(1, FORM, ticket=None))
    eventually(page, lambda: heard(page, "error"))
    page.locator("heedback-rating").evaluate("(node, given) => node.setAttribute('ticket', given)", ticket(1))
    page.get_by_role("button", name="Good answer").click()
    expect(page.locator("form button")).to_be_hidden()
    eventually(page, lambda: endpoint.events)


def test_another_output_is_another_widget(visit: Visit, endpoint: Endpoint) -> None:
    """An element that gets the ticket of another output forgets what was said about the first one, and remembers it."""
    page = visit(widget(1))
    page.get_by_role("button", name="Bad answer").click()
    page.locator("heedback-rating").evaluate("(node, given) => node.setAttribute('ticket', given)", ticket(2))
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "false")
    expect(page.get_by_role("status")).to_have_text("")
    page.locator("heedback-rating").evaluate("(node, given) => node.setAttribute('ticket', given)", ticket(1))
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")


def test_moved_in_the_page_it_goes_on(visit: Visit, endpoint: Endpoint) -> None:
    """Taking the element out and putting it back neither loses what was said nor says it twice."""
    page = visit(widget(1))
    page.get_by_role("button", name="Bad answer").click()
    page.evaluate("document.querySelector('main').append(document.querySelector('heedback-rating'))")
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    page.get_by_role("button", name="Report a problem").click()
    eventually(page, lambda: len(endpoint.events) == 2)
    assert len(heard(page, "change")) == 2


def test_without_scripts_the_plain_form_works(
    visit: Visit, make_context: Callable[..., BrowserContext], endpoint: Endpoint
) -> None:
    """What stands in the tag is what there is."""
    page = visit(widget(1, FORM), within=make_context(java_script_enabled=False))
    page.get_by_role("button", name="Bad answer").click()
    page.get_by_text("Saved.").wait_for()
    assert parse_qs(endpoint.forms[0]) == {"ticket": ["t"], "rating": ["down"]}


def test_with_scripts_the_form_is_not_seen(visit: Visit) -> None:
    """One widget, not two."""
    page = visit(widget(1, FORM))
    ready(page)
    expect(page.locator("form button")).to_be_hidden()
