"""What the tests of the widget share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from ways import host, house, opened, way
from widget_page import ARGS, browser_program

__all__ = ["chromium", "host", "house", "opened", "way"]


@pytest.fixture(scope="package")  # and no longer: while it is there, no test of this process can run an event loop
def chromium() -> Iterator[Browser]:
    program = browser_program()
    if program is None:
        pytest.skip("no Chromium: install Debian's chromium-headless-shell or chromium, or Chrome")
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=program, args=ARGS)
        yield browser
        browser.close()
