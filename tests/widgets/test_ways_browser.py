"""A person in a real Chromium: on the example pages, with scripts and without, up to the service's queue."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import select
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

from heedback_service.flow import projects
from heedback_service.store.tables import Feedback, Item, ItemFeedback, Project
from processes import until
from ways import HOSTS, PAGE, WAYS, House, Way, a_ticket, app, click, moment

ASSISTANT = Path(__file__).parents[2] / "examples" / "docs_assistant" / "app.py"


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page of a person's own. What it says on the console, or throws, fails the test."""
    context = chromium.new_context()
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda line: wrong.append(line.text) if line.type in ("error", "warning") else None)
    yield opened
    context.close()
    assert [line for line in wrong if "favicon" not in line and "404" not in line] == []


@pytest.fixture
def scriptless(chromium: Browser) -> Iterator[Page]:
    """On a telephone."""
    small = {"width": 360, "height": 640}
    context = chromium.new_context(java_script_enabled=False, is_mobile=True, viewport=small)  # type: ignore[arg-type]
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def assistant(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The docs assistant, sending to the service."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HEEDBACK_", "OPENAI_"))}
    told = {"HEEDBACK_URL": house.url, "HEEDBACK_KEY": house.key, "HEEDBACK_USER_KEY": "salt"}
    spool = {"HEEDBACK_SPOOL": str(tmp_path_factory.mktemp("assistant") / "spool.sqlite3")}
    command = [sys.executable, str(ASSISTANT), "--port", "0"]
    with subprocess.Popen(command, env=ours | told | spool, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().rsplit(" ", 1)[1].strip()
        process.terminate()
        process.wait(10)


def feedback_on(house: House, output_id: str) -> Feedback | None:
    with house.db.read() as session:
        return session.scalar(select(Feedback).where(Feedback.subject == f"o:{UUID(output_id).hex}"))


def shown_output(page: Page) -> str:
    element = page.locator("heedback-rating")
    return str(element.get_attribute("id")).removeprefix("heedback-")


def press(page: Page, label: str | re.Pattern[str]) -> None:
    page.locator("heedback-rating").get_by_role("button", name=label).first.click()


def until_said(house: House, output_id: str, fits: Callable[[Feedback], Any]) -> None:
    until(lambda: (row := feedback_on(house, output_id)) is not None and bool(fits(row)))


def test_a_thumb_in_the_docs_assistant_gets_into_the_queue(page: Page, assistant: str, house: House) -> None:
    page.goto(assistant)
    page.get_by_role("textbox").first.fill("Can an event be counted twice?")
    page.keyboard.press("Enter")
    page.wait_for_url("**/answers/*")
    output_id = shown_output(page)
    press(page, re.compile("bad|not|down", re.IGNORECASE))
    until_said(house, output_id, lambda row: row.polarity == -1)

    def its_item() -> Item | None:
        with house.db.read() as session:
            row = feedback_on(house, output_id)
            placed = select(Item).join(ItemFeedback, ItemFeedback.item_id == Item.id)
            return None if row is None else session.scalar(placed.where(ItemFeedback.feedback_id == row.id))

    until(lambda: its_item() is not None)
    row = feedback_on(house, output_id)
    assert row is not None
    assert (row.output_id, row.source) == (UUID(output_id), "end_user")
    assert row.person is not None
    # The same person comes back: the widget knows, from the service.
    page.evaluate("localStorage.clear()")
    page.reload()
    expect(page.locator("heedback-rating").locator("[aria-pressed=true]")).to_have_count(1)


@pytest.mark.parametrize("name", HOSTS)
def test_a_click_on_an_app_s_page_gets_to_the_service(page: Page, opened: Callable[[str], Way], name: str) -> None:
    way = opened(name)
    page.goto(way.page)
    press(page, re.compile("good|up", re.IGNORECASE))
    until_said(way.house, shown_output(page), lambda row: row.polarity == 1)
    write_what_is_no_text(page)
    until_said(way.house, shown_output(page), lambda row: row.comment == "Quite \U0001f600 right.")


def write_what_is_no_text(page: Page) -> None:
    """A comment with NUL and with half an emoji, as a text that was cut may have, and a whole one."""
    page.locator("heedback-rating .more").click()
    page.locator("heedback-rating .details .comment").evaluate(
        "field => { field.value = 'Qu\\0ite \\u{1f600} right.\\ud83d\\0' }"
    )
    page.locator("heedback-rating .send").click()


def test_a_click_on_a_direct_page_gets_to_the_service(page: Page, house: House, tmp_path: Path) -> None:
    with app("direct", tmp_path, house.url, house.key) as address:
        with house.db.write() as session:
            acme = session.scalars(select(Project)).one()
            assert projects.set_origins(acme, [PAGE, address]) is None
        with page.expect_response(lambda answer: "rating" in (answer.request.post_data or "")) as posted:
            page.goto(address)
            press(page, re.compile("good|up", re.IGNORECASE))
        assert (posted.value.url, posted.value.status) == (f"{house.url}/v1/widget/events", 200)
        assert posted.value.headers["access-control-allow-origin"] == address
        assert "cookie" not in posted.value.request.all_headers()
        [event] = json.loads(posted.value.request.post_data or "")["events"]
        stored = house.event(event["id"])  # answered after the commit: it is there
        assert stored is not None
        assert stored.body["rating"] == {"value": 1, "scale": "thumbs"}
        write_what_is_no_text(page)
        until_said(house, UUID(stored.body["output_id"]).hex, lambda row: row.comment == "Quite \U0001f600 right.")


@pytest.mark.parametrize("name", HOSTS)
def test_without_script_a_press_is_saved_and_the_page_says_so(
    scriptless: Page, opened: Callable[[str], Way], name: str
) -> None:
    way = opened(name)
    scriptless.goto(way.page)
    output_id = shown_output(scriptless)
    note = scriptless.locator(f"#heedback-saved-{output_id}")
    expect(note).to_be_hidden()
    scriptless.locator("summary").click()
    box = scriptless.locator("html").bounding_box()
    assert box is not None
    assert box["width"] == 360
    scriptless.get_by_label("Comment").fill("No VAT.")
    scriptless.get_by_role("button", name="Bad answer").click()
    expect(note).to_be_visible()
    assert scriptless.url == f"{way.page}/#heedback-saved-{output_id}"
    until_said(way.house, output_id, lambda row: row.polarity == -1 and row.comment == "No VAT.")


def test_without_script_the_docs_assistant_has_its_own_form(scriptless: Page, assistant: str, house: House) -> None:
    scriptless.goto(assistant)
    scriptless.get_by_role("textbox").first.fill("Can an event be counted twice?")
    scriptless.keyboard.press("Enter")
    output_id = shown_output(scriptless)
    scriptless.get_by_role("button", name="No, it did not").click()
    expect(scriptless.get_by_text("Saved. Thank you.")).to_be_visible()
    until_said(house, output_id, lambda row: row.polarity == -1)


HOSTILE = """<!doctype html><title>Win a prize</title>
<iframe name="taken"></iframe>
<form method="post" action="{endpoint}/form" target="taken">
<input name="ticket" value="{ticket}"><button name="rating" value="down">Win</button></form>
<iframe sandbox="allow-forms" srcdoc='<form method="post" action="{endpoint}/form">
<input name="ticket" value="{ticket}"><button name="rating" value="down">Lose</button></form>'></iframe>"""
POST = """async ([url, body, type]) => {
  const answer = await fetch(url, { method: 'POST', body, mode: 'no-cors', headers: { 'Content-Type': type } });
  return answer.type;
}"""


@contextmanager
def serving(app: Response) -> Iterator[int]:
    """The same answer to every request, on a port."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("name", WAYS)
def test_a_hostile_page_gets_nothing_in_even_with_a_ticket(
    chromium: Browser, opened: Callable[[str], Way], name: str
) -> None:
    """By script, by a form and from a sandbox, whose origin is null: as a real browser sends it."""
    way, shown, seen = opened(name), a_ticket(), list[int]()
    ticket = way.house.sign(shown)
    html = HOSTILE.format(endpoint=way.endpoint, ticket=ticket)
    with chromium.new_context() as context, serving(Response(html, mimetype="text/html")) as port:
        page = context.new_page()
        page.goto(f"http://localhost:{port}/")  # another site than 127.0.0.1
        page.on("response", lambda answer: seen.append(answer.status) if way.endpoint in answer.url else None)
        body = json.dumps({"ticket": ticket, "sent_at": moment(), "events": [click(comment="Prize")]})
        assert page.evaluate(POST, [f"{way.endpoint}/events", body, "text/plain"]) == "opaque"
        for frame, button in ((page.main_frame, "Win"), (page.frames[-1], "Lose")):
            with page.expect_response(f"{way.endpoint}/form"):
                frame.get_by_role("button", name=button).click()
    no_form = 404 if name == "direct" else 403
    assert seen == [403, no_form, no_form]
    assert feedback_on(way.house, shown.output_id) is None
