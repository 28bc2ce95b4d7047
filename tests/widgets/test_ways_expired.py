"""What `docs/widget-hosts.md` does about tickets that have expired, as it is written there: ten elements on a page."""

from __future__ import annotations

import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response
from playwright.sync_api import Browser, expect
from werkzeug.serving import make_server

import heedback
import heedback_widgets.flask
from heedback.testing import Sent, capturing
from heedback_widgets import markup

TEXT = (Path(__file__).parents[2] / "docs" / "widget-hosts.md").read_text("utf-8")
SECTION = TEXT.split("\n## A ticket that has expired\n")[1].split("\n## ")[0]
PYTHON, SCRIPT = (re.findall(rf"```{language}\n(.*?)```", SECTION, re.DOTALL)[0] for language in ("python", "js"))


class Shop:
    """An app that shows ten answers, with tickets of a second, and has the route and the script of the docs."""

    def __init__(self) -> None:
        self.outputs = [heedback.output("invoice-summary", user="alice") for _ in range(10)]
        self.asked: Counter[str] = Counter()
        self.fresh: Callable[[heedback.Output], str] = heedback.ticket
        app = Flask(__name__)
        app.register_blueprint(heedback_widgets.flask.blueprint(), url_prefix="/heedback")
        app.add_url_rule("/", view_func=self.page)
        app.add_url_rule("/fresh.js", "fresh", lambda: Response(SCRIPT, mimetype="text/javascript"))
        exec(PYTHON, {"app": app, "mine": self.mine})
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self.server.port}/"

    def page(self) -> str:
        elements = (markup.rating(out, "/heedback", seconds=1, label=str(n)) for n, out in enumerate(self.outputs))
        head = '<!doctype html><html lang="en"><title>Answers</title><script src="/fresh.js"></script>'
        return f"{head}{'<hr>'.join(elements)}"

    def mine(self, output_id: str) -> Any:
        [out] = [each for each in self.outputs if each.id == output_id]
        self.asked[output_id] += 1
        return SimpleNamespace(ticket=lambda: self.fresh(out))


@pytest.fixture
def sent() -> Iterator[Sent]:
    with capturing() as captured:
        yield captured


@pytest.fixture
def shop(sent: Sent) -> Iterator[Shop]:
    opened = Shop()
    thread = threading.Thread(target=opened.server.serve_forever, args=(0.02,))
    thread.start()
    yield opened
    opened.server.shutdown()
    thread.join()
    opened.server.server_close()


def test_each_element_gets_a_ticket_of_its_own(chromium: Browser, shop: Shop, sent: Sent) -> None:
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(shop.url)
        expect(page.locator("heedback-rating .up")).to_have_count(10)
        time.sleep(1)
        for n in range(10):
            page.locator("heedback-rating").nth(n).locator(".down").click()
        for n in range(10):
            expect(page.locator("heedback-rating").nth(n).locator(".message")).to_have_text("Saved.")
        page.wait_for_function("Object.keys(localStorage).every((key) => !key.startsWith('heedback:q:'))")
    rated = Counter(event["output_id"] for event in sent.feedback)
    assert rated == shop.asked == Counter({out.id: 1 for out in shop.outputs})


def test_a_fresh_ticket_that_is_refused_as_well_is_asked_for_once(chromium: Browser, shop: Shop, sent: Sent) -> None:
    stranger = heedback.Client("http://heedback.test", "hb_sk_other_secret", user_key="salt")
    shop.fresh = lambda out: stranger.ticket(heedback.Output(out.id, out.feature, out.user))
    with chromium.new_context() as context:
        page = context.new_page()
        refused: list[str] = []
        page.on("response", lambda answer: refused.append(answer.url) if answer.status == 401 else None)
        page.goto(shop.url)
        expect(page.locator("heedback-rating .up")).to_have_count(10)
        time.sleep(1)
        for n in range(10):
            page.locator("heedback-rating").nth(n).locator(".down").click()
        page.wait_for_timeout(1500)
        expect(page.get_by_text("Not sent yet: please reload this page.")).to_have_count(10)
    assert shop.asked == Counter({out.id: 1 for out in shop.outputs})
    assert len(refused) >= 20, "the old ticket, and the fresh one"
    assert sent.feedback == []
