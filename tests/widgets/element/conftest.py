"""The element in a real Chromium, on pages of a small real server that plays the endpoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

from widget_page import PAGE, Endpoint


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    running = Endpoint()
    yield running
    running.close()


@pytest.fixture
def complaints() -> list[str]:
    """What the browser minds: an exception, or something that the policy forbids. Read when the test ends."""
    return []


@pytest.fixture
def watch(complaints: list[str]) -> Iterator[Callable[[Page], Page]]:
    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    def watching(page: Page) -> Page:
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", hear)
        page.set_default_timeout(10_000)
        return page

    yield watching
    assert complaints == []


# What the element tells its page, in the order of the telling.
HEARD = """window.heard = []; for (const name of ['change', 'sent', 'queued', 'expired', 'error'])
addEventListener(`heedback-${name}`, ({type, detail}) => heard.push([type.slice(9), detail]))"""


@pytest.fixture
def make_context(chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    made: list[BrowserContext] = []

    def make(**options: Any) -> BrowserContext:
        made.append(chromium.new_context(**options))
        made[-1].add_init_script(HEARD)
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.fixture
def context(make_context: Callable[..., BrowserContext]) -> BrowserContext:
    return make_context()


@pytest.fixture
def visit(endpoint: Endpoint, context: BrowserContext, watch: Callable[[Page], Page]) -> Callable[..., Page]:
    """Opens a page with `body`: `visit(widget(1))`. Without scripts where `script` is none of ours."""

    def visiting(
        body: str,
        *,
        path: str = "/",
        script: str = "heedback.min.js",
        lang: str = "en",
        dir: str = "ltr",  # noqa: A002 the attribute's name
        page: Page | None = None,
        within: BrowserContext | None = None,
    ) -> Page:
        endpoint.pages[path] = PAGE.format(body=body, script=script, lang=lang, dir=dir)
        opened = page or watch((within or context).new_page())
        opened.goto(endpoint.url + path)
        return opened

    return visiting
