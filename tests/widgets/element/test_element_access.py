"""Everybody can use it: five conditions without a violation that axe finds, targets, and nothing that jumps."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from heedback_widgets.words import words as read_in_python
from widget_page import STATIC, Endpoint, eventually, heard, ticket, widget

Visit = Callable[..., Page]
AXE = Path(__file__).parents[1] / "vendor" / "axe.min.js"
AXE_SHA256 = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
LOCALES = sorted(file.stem for file in (STATIC / "locales").glob("*.js"))
PLAIN: dict[str, Any] = {"color_scheme": "light", "forced_colors": "none", "reduced_motion": "no-preference"}
CONDITIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "dark": {"color_scheme": "dark"},
    "forced colours": {"forced_colors": "active"},
    "reduced motion": {"reduced_motion": "reduce"},
}
# Whether a page may be used in any of these ways is its own affair, not the widget's.
RUN = """async () => (await axe.run(document, {
  resultTypes: ['violations'], elementRef: false,
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})).violations
  .map(({id, nodes}) => [id, nodes.map(node => node.html)])"""


def test_axe_is_what_was_released() -> None:
    """The copy in the tests is the file that its makers published."""
    assert hashlib.sha256(AXE.read_bytes()).hexdigest() == AXE_SHA256


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_axe_finds_nothing(visit: Visit, lang: str, direction: str) -> None:
    """Untouched, with the details open, flagged, with stars, and withdrawn: no violation in any state and condition."""
    body = widget(1) + widget(2, privacy_url="/privacy") + widget(3) + widget(4, mode="stars") + widget(5)
    page = visit(body, lang=lang, dir=direction)
    marks = page.locator("heedback-rating")
    expect(marks.nth(4).locator(".down")).to_be_visible()
    marks.nth(1).locator(".down").click()
    marks.nth(1).locator(".reason").first.click()
    marks.nth(2).locator(".flag").click()
    marks.nth(3).locator(".star").nth(3).click()
    marks.nth(4).locator(".up").click()
    marks.nth(4).locator(".undo").click()
    expect(marks.nth(2).locator(".send")).to_be_visible()
    page.evaluate(AXE.read_text("utf-8"))
    for condition, media in CONDITIONS.items() if lang == "en" else [("plain", {})]:
        page.emulate_media(**PLAIN | media)
        assert page.evaluate(RUN) == [], condition
    page.set_viewport_size({"width": 320, "height": 700})
    page.emulate_media(**PLAIN)
    assert page.evaluate(RUN) == [], "narrow"


@pytest.mark.parametrize(("touch", "least"), [(False, 32), (True, 44)], ids=["mouse", "finger"])
def test_targets_are_large_enough(
    visit: Visit, make_context: Callable[..., BrowserContext], touch: bool, least: int
) -> None:
    """32 px, and 44 where a finger points."""
    page = visit(widget(), within=make_context(has_touch=touch, is_mobile=touch))
    page.get_by_role("button", name="Bad answer").click()
    sizes = page.locator("heedback-rating button").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect()).map(({width, height}) => [width, height])"
    )
    assert len(sizes) == 14
    assert all(min(size) >= least for size in sizes)


@pytest.mark.parametrize(("width", "lang", "lines"), [(1280, "en", 1), (360, "en", 1), (360, "de", 2)])
def test_nothing_jumps(
    visit: Visit, make_context: Callable[..., BrowserContext], width: int, lang: str, lines: int
) -> None:
    """Details open below: the buttons stay where they are, also beside longer words, and so does all above."""
    within = make_context(viewport={"width": width, "height": 700})
    page = visit(widget(1) + widget(2), within=within, lang=lang)
    page.evaluate(
        """() => { window.shifts = 0; new PerformanceObserver(list => {
            for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts += entry.value;
        }).observe({ type: 'layout-shift', buffered: true }); }"""
    )
    row = page.locator(".row").first
    expect(row).to_be_visible()
    where = (
        "row => [...row.querySelectorAll(':scope > button')].map(each => JSON.stringify(each.getBoundingClientRect()))"
    )
    before, height = row.evaluate(where), row.evaluate("row => row.offsetHeight")
    page.locator(".down").first.click()
    expect(page.locator(".send")).to_be_visible()
    assert row.evaluate(where) == before
    assert row.evaluate("row => row.offsetHeight") == height + (lines - 1) * 36
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))))")
    assert page.evaluate("shifts") == 0


def test_forced_colours_can_be_read(visit: Visit, make_context: Callable[..., BrowserContext]) -> None:
    """What is pressed looks alike, a flag too, and no text has the colour of its ground: axe does not see that."""
    page = visit(widget(), within=make_context(forced_colors="active"))
    for part in (".down", ".flag"):
        page.locator(part).click()
    colours = "node => { const { color, backgroundColor } = getComputedStyle(node); return [color, backgroundColor]; }"
    page.locator(".flag").hover()
    under_the_mouse = page.locator(".flag").evaluate(colours)
    page.mouse.move(0, 0)
    down, flag, send = (page.locator(part).evaluate(colours) for part in (".down", ".flag", ".send"))
    assert down == flag == under_the_mouse
    assert flag[0] != flag[1]
    assert send[0] != send[1]


def sent(page: Page, endpoint: Endpoint, count: int) -> None:
    eventually(page, lambda: len(endpoint.events) == count)


def test_the_same_word_is_spoken_again(visit: Visit, endpoint: Endpoint) -> None:
    """A live region speaks when its text changes: at each click once, though it was "Saved." before."""
    page = visit(widget(signals="none"))
    expect(page.locator(".down")).to_be_visible()
    page.locator("heedback-rating").evaluate(
        """node => { window.spoken = []; const status = node.shadowRoot.querySelector('[role=status]');
        new MutationObserver(() => window.spoken.push(status.textContent))
        .observe(status, { childList: true, characterData: true, subtree: true }); }"""
    )
    for n, part in enumerate((".down", ".flag", ".up"), 1):
        page.locator(part).click()
        sent(page, endpoint, n)
        page.wait_for_timeout(50)
        spoken = page.evaluate("spoken")
        assert len(spoken) == n
        assert {text.strip() for text in spoken} == {"Saved."}
        assert all(one != other for one, other in pairwise(spoken))


def test_names_stay_apart_and_low(visit: Visit) -> None:
    """Two elements of one label are told apart; a page whose elements come and go does not count up for ever."""
    page = visit(widget(1, label="Total") + widget(2, label="Total") + widget(3) + widget(4))
    groups = page.locator("heedback-rating .widget")
    expect(groups).to_have_count(4)
    names = "all => all.map(each => each.ariaLabel.replace('Rate this answer', ''))"
    assert sorted(groups.evaluate_all(names)) == ["", " (2)", ": Total", ": Total (2)"]
    for n in range(5, 9):
        page.evaluate(
            """async (fresh) => { const old = document.querySelectorAll('heedback-rating')[2];
            const next = old.cloneNode(); next.setAttribute('ticket', fresh);
            old.replaceWith(next); await 0; }""",
            ticket(n),
        )
        expect(page.locator("heedback-rating").nth(2).locator(".widget")).to_have_count(1)
    assert sorted(groups.evaluate_all(names))[:2] in (["", " (2)"], [" (2)", " (3)"])
    fresh = ticket(1, exp=2_100_000_000)
    page.locator("heedback-rating").first.evaluate("(node, fresh) => node.setAttribute('ticket', fresh)", fresh)
    page.wait_for_timeout(50)
    assert len(set(groups.evaluate_all(names))) == 4


def test_each_language_is_complete(visit: Visit) -> None:
    """It has every label that English has, and is spoken when it is asked for, in its own direction.

    Also by a name as systems write it, which the plain form takes as well.
    """
    page = visit("".join(widget(n, locale=f"{locale}_XX") for n, locale in enumerate(LOCALES)))
    shape = """async (code) => { const {default: words} = await import(`/static/locales/${code}.js`);
      const paths = (value, path) => typeof value === 'object'
        ? Object.entries(value).flatMap(([key, inner]) => paths(inner, `${path}.${key}`)) : [value && path];
      return [words, paths(words, '')]; }"""
    english = page.evaluate(shape, "en")[1]
    for n, locale in enumerate(LOCALES):
        words, paths = page.evaluate(shape, locale)
        assert paths == english, locale
        assert words == read_in_python(locale), "the plain form says the same"
        box = page.locator("heedback-rating").nth(n).locator(".widget")
        expect(box).to_have_attribute("aria-label", f"{words['rate']} ({n + 1})" if n else words["rate"])
        expect(box).to_have_attribute("lang", words["lang"])
        expect(box).to_have_css("direction", "rtl" if locale in ("ar", "he") else "ltr")
        # `N` stands for a number in one of the labels that buttons with an icon have, and in no other.
        assert ["N" in words[name] for name in ("star", "up", "down", "flag")] == [True, False, False, False], locale
    assert len(LOCALES) >= 9


@pytest.mark.parametrize(("lang", "says"), [("de-AT", "Gute Antwort"), ("xx", "Good answer"), ("no", "Godt svar")])
def test_the_language_of_the_page_is_spoken(visit: Visit, lang: str, says: str) -> None:
    """What is nearest above the element says which; English where we do not speak it. In a shadow root the page's.

    The page hears from there, too.
    """
    page = visit(widget(), lang=lang)
    expect(page.get_by_role("button", name=says)).to_be_visible()
    page.locator("heedback-rating").evaluate(
        """node => { const inner = document.createElement('div').attachShadow({ mode: 'open' });
        inner.append(node.cloneNode()); node.replaceWith(inner.host); }"""
    )
    page.get_by_role("button", name=says).click()
    assert len(heard(page, "change")) == 1


def test_it_wears_what_the_host_gives_it(visit: Visit, make_context: Callable[..., BrowserContext]) -> None:
    """Font and colour are the host's; parts and custom properties reach what they are for; `theme` chooses.

    On paper, where nobody presses anything, it is not there.
    """
    style = '<link rel="stylesheet" href="/static/heedback.css">'
    page = visit(style + widget(1, theme="dark") + widget(2, id="styled"))
    page.evaluate(
        """() => { const sheet = new CSSStyleSheet();
          sheet.replaceSync('#styled{--heedback-accent:rgb(1, 2, 3)} #styled::part(up){border-radius:3px}');
          document.adoptedStyleSheets = [sheet]; }"""
    )
    ups = [page.locator("heedback-rating").nth(n).locator(".up") for n in (0, 1)]
    expect(ups[1]).to_have_css("font-family", "Georgia, serif")
    expect(ups[1]).to_have_css("border-radius", "3px")
    for up in ups:
        up.click()
    expect(ups[1]).to_have_css("color", "rgb(1, 2, 3)")
    expect(ups[0]).to_have_css("color", "rgb(116, 203, 187)")
    page.emulate_media(media="print")
    expect(ups[0]).to_be_hidden()
