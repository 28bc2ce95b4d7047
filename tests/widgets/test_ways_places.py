"""Where in a page the helper's element may stand: HTML has forms end paragraphs, and none within one another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

import heedback
from heedback.testing import capturing
from heedback_widgets import files, markup, plain
from widget_page import POLICY

HOST = "http://app.test"
EN = (files._FOLDER / "locales" / "en.js").read_bytes()
Show = Callable[..., Page]


@pytest.fixture(autouse=True)
def out() -> Iterator[heedback.Output]:
    with capturing():
        yield heedback.output("invoice-summary", user="alice")


@pytest.fixture
def posts() -> list[Request]:
    return []


@pytest.fixture
def show(chromium: Browser, posts: list[Request]) -> Iterator[Show]:
    """A page of HTML under the strict policy, at the address of an app that keeps what is posted to it."""
    contexts = []

    def shown(html: str, *, script: bool) -> Page:
        def answer(route: Route) -> None:
            path = route.request.url.removeprefix(HOST)
            found = files.file(path.rsplit(f"/{files.version()}/", 1)[-1])
            policy = POLICY.replace("'self'", HOST)
            if route.request.method == "POST":
                posts.append(route.request)
                route.fulfill(status=202 if path == "/h/events" else 200, body='{"accepted": 1}')
            elif found is not None:
                route.fulfill(body=found.plain, content_type=found.content_type)
            else:
                page = f'<!doctype html><html lang="en"><title>Answers</title>{html}'
                route.fulfill(body=page, content_type="text/html", headers={"Content-Security-Policy": policy})

        contexts.append(chromium.new_context(java_script_enabled=script))
        page = contexts[-1].new_page()
        page.route(f"{HOST}/**", answer)
        page.goto(f"{HOST}/")
        return page

    yield shown
    for context in contexts:
        context.close()


@pytest.mark.parametrize("place", ["p", "span", "td"])
def test_the_plain_form_stays_in_its_element(
    show: Show, posts: list[Request], out: heedback.Output, place: str
) -> None:
    cell = f"<{place}>Due on 30 November. {markup.rating(out, '/h')} Thank you.</{place}>"
    html = f"<table><tr>{cell}</tr></table>" if place == "td" else f"<p>Hm. {cell}" if place == "span" else cell
    page = show(html, script=False)
    inside = page.locator(f"{place} > heedback-rating")
    expect(inside.locator("form")).to_have_count(1)
    expect(page.locator("form")).to_have_count(1)
    inside.locator("summary").click()
    inside.get_by_label("Comment").fill("No VAT.")
    inside.get_by_role("button", name="Send details").click()
    [post] = posts
    assert post.url == f"{HOST}/h/form"
    assert parse_qs(post.post_data or "")["comment"] == ["No VAT."]


DETAILS = {"reasons": ["style"], "reasons_version": 1, "comment": "No VAT."}
BAD = {"rating": {"value": 0, "scale": "thumbs"}}


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ("Bad answer", [BAD]),
        ("details, Send details", [DETAILS]),
        ("details, Bad answer", [BAD | DETAILS]),
        ("details, Report a problem", [DETAILS | {"flag": True}]),
        ("Bad answer, details, Send details", [BAD, DETAILS]),
        ("details, Send details, Bad answer", [DETAILS, BAD]),
        ("details, Return", [DETAILS]),
    ],
)
def test_without_script_nothing_written_is_lost_in_any_order(
    show: Show, posts: list[Request], out: heedback.Output, steps: str, said: list[dict[str, object]]
) -> None:
    """A press posts what is written so far; Return in a field sends it, and rates nothing."""
    page = show(f"<style>button {{ display: flex; width: 9em }}</style>{markup.rating(out, '/h')}", script=False)
    style = page.locator("[name=reasons][value=style]")
    for step in steps.split(", "):
        if step == "details":
            page.locator("summary").click()
            page.get_by_label("Comment").fill("No VAT.")
            style.check()
            continue
        style.press("Enter") if step == "Return" else page.get_by_role("button", name=step).click()
        page.wait_for_url(f"{HOST}/h/form")
        page.goto(f"{HOST}/")
    events = [plain.read((post.post_data or "").encode(), datetime(2026, 11, 16, tzinfo=UTC)).event for post in posts]
    assert [{name: event[name] for name in event.keys() - {"id", "occurred_at"}} for event in events] == said


def test_the_button_for_return_is_rendered_and_met_by_nobody(show: Show, out: heedback.Output) -> None:
    page = show(f"<style>button {{ padding: 2em }}</style>{markup.rating(out, '/h')}", script=False)
    first, up = page.locator("form button").first, page.get_by_role("button", name="Good answer")
    expect(page.get_by_role("button", name="Send details")).to_have_count(0)  # details are closed
    expect(first).to_have_text("Send details")
    box, place = first.bounding_box(), up.bounding_box()
    assert box is not None, "WebKit presses the next one then"
    assert place is not None
    assert (box["width"], box["height"]) == (1, 1)
    bare = show(re.sub(r'<button class="heedback-first".*?</button>', "", markup.rating(out, "/h")), script=False)
    assert place["x"] == (bare.get_by_role("button", name="Good answer").bounding_box() or {}).get("x")
    page.keyboard.press("Tab")
    expect(up).to_be_focused()


def test_with_script_nobody_sees_it_in_a_paragraph_either(
    show: Show, posts: list[Request], out: heedback.Output
) -> None:
    page = show(f"<p>Due on 30 November. {markup.rating(out, '/h')}</p>", script=True)
    page.locator("p > heedback-rating .up").click()
    expect(page.get_by_text("Saved.", exact=True).locator("visible=true")).to_have_count(1)
    expect(page.locator("form").locator("visible=true")).to_have_count(0)
    assert any(post.url == f"{HOST}/h/events" for post in posts)


@pytest.mark.parametrize("coarse", [False, True])
def test_nothing_flashes_or_jumps_while_the_script_loads(chromium: Browser, out: heedback.Output, coarse: bool) -> None:
    style, script = (found.plain for found in map(files.file, (files.STYLE, files.ELEMENT)) if found)
    with chromium.new_context(has_touch=coarse, is_mobile=coarse) as context:
        page = context.new_page()
        held: list[Route] = []
        page.route(f"{HOST}/**", lambda route: route.fulfill(body=markup.rating(out, "/h"), content_type="text/html"))
        page.route(f"{HOST}/h/**", lambda route: route.fulfill(body="{}", content_type="application/json"))
        page.route("**/locales/en.js", lambda route: route.fulfill(body=EN, content_type="text/javascript"))
        page.route(f"**/{files.STYLE}", lambda route: route.fulfill(body=style, content_type="text/css"))
        page.route(f"**/{files.ELEMENT}", lambda route: held.append(route))
        page.goto(f"{HOST}/", wait_until="commit")
        element = page.locator("heedback-rating")
        page.wait_for_function("document.styleSheets.length === 1")
        before = element.bounding_box()
        expect(element.locator("form").first).to_be_hidden()
        held[0].fulfill(body=script, content_type="text/javascript")
        expect(element.locator(".up")).to_be_visible()
        assert before == element.bounding_box()
        assert before is not None
        assert before["height"] == (44 if coarse else 32)


def test_where_no_script_comes_the_plain_form_does(show: Show, out: heedback.Output) -> None:
    page = show(str(markup.rating(out, "/h")).replace("heedback.min.js", "blocked.js"), script=True)
    form = page.locator("heedback-rating form").first
    expect(form).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "it takes no room"
    expect(form).to_be_visible(timeout=5000)


@pytest.mark.parametrize("script", [True, False])
def test_within_a_form_of_the_page_s_own_it_goes_without(
    show: Show, posts: list[Request], out: heedback.Output, script: bool
) -> None:
    element = markup.rating(out, "/h", fallback="")
    page = show(
        f'<form method="post" action="/own">{element}<input name="a" value="b"><button>Go</button></form>',
        script=script,
    )
    if script:
        page.locator("heedback-rating .up").click()
        expect(page.locator("heedback-rating .message")).to_have_text("Saved.")
    page.get_by_role("button", name="Go", exact=True).click()
    assert (posts[-1].url, posts[-1].post_data) == (f"{HOST}/own", "a=b")
