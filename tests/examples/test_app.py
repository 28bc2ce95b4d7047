"""The host app, used as a person without script uses it; its feedback arrives at a real receiver."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from labels import LABELS

from heedback.limits import REASONS

Environment = dict[str, str]
Running = Callable[..., Any]
APP = Path(__file__).parents[2] / "examples" / "docs_assistant" / "app.py"
QUESTION = "Can an event be counted twice?"


@pytest.fixture(scope="module")
def app(running: Running, environment: Environment) -> Iterator[str]:
    with running(environment) as (_, url):
        yield url


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    with requests.Session() as session:
        yield session


def ask(browser: requests.Session, app: str, question: str = QUESTION) -> requests.Response:
    return browser.post(f"{app}/answers", data={"question": question}, timeout=10)


def address(page: requests.Response) -> str:
    return page.url.partition("#")[0]


def arrived(receiver: Any, page: str, count: int = 1, kind: str = "feedback") -> list[dict[str, Any]]:
    """The events about the output of a `page`, as soon as there are `count` of them, in order of time."""
    key, output_id = ("id" if kind == "output" else "output_id"), page.rsplit("/", 1)[1]
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        events = [event for event in receiver.events if event["type"] == kind and event[key] == output_id]
        if len(events) >= count:
            return sorted(events, key=lambda event: str(event["occurred_at"]))
        time.sleep(0.02)
    raise AssertionError(f"only {receiver.events} arrived")


def test_a_question_is_answered_and_the_output_is_captured(app: str, browser: requests.Session, receiver: Any) -> None:
    page = ask(browser, app)
    assert "No. Every event has its own id" in page.text
    [output] = arrived(receiver, address(page), kind="output")
    assert output["feature"] == "docs-answer"
    assert output["input"] == QUESTION
    assert output["output"].startswith("No. Every event has its own id")
    assert output["prompt_version"] == "v13"
    assert output["response_model"] == "bm25-docs-2026-10"
    assert output["latency_ms"] > 0
    assert output["user"] not in browser.cookies["person"]


def test_a_page_is_summed_up_as_a_second_feature(app: str, browser: requests.Session, receiver: Any) -> None:
    page = browser.post(f"{app}/summaries", data={"page": "privacy"}, timeout=10)
    assert "Privacy, in short" in page.text
    [output] = arrived(receiver, address(page), kind="output")
    assert (output["feature"], output["prompt_name"]) == ("docs-summary", "docs-summary")


def test_one_click_on_a_thumb_counts(app: str, browser: requests.Session, receiver: Any) -> None:
    page = ask(browser, app)
    page = browser.post(f"{address(page)}/rating", data={"value": "down"}, timeout=10)
    assert "Saved. Thank you." in page.text
    assert 'value="down" aria-pressed="true"' in page.text
    [rating] = arrived(receiver, address(page))
    assert rating["rating"] == {"value": 0, "scale": "thumbs"}
    assert rating["user"] == arrived(receiver, address(page), kind="output")[0]["user"]


def test_details_follow_as_a_patch(app: str, browser: requests.Session, receiver: Any) -> None:
    url = address(ask(browser, app))
    browser.post(f"{url}/rating", data={"value": "down"}, timeout=10)
    said = {"reasons": ["incorrect", "style"], "comment": "Too long.\r\nReally.", "correction": "No."}
    page = browser.post(f"{url}/details", data=said, timeout=10)
    assert re.search(r'value="style"\s+checked', page.text)
    _, details = arrived(receiver, url, 2)
    assert details["reasons"] == ["incorrect", "style"]
    assert details["comment"] == "Too long.\nReally."
    assert details["correction"] == "No."


def test_a_comment_can_be_emptied_again(app: str, browser: requests.Session, receiver: Any) -> None:
    url = address(ask(browser, app))
    browser.post(f"{url}/rating", data={"value": "down"}, timeout=10)
    browser.post(f"{url}/details", data={"comment": "Oops", "reasons": "style"}, timeout=10)
    browser.post(f"{url}/details", data={"comment": ""}, timeout=10)
    emptied = arrived(receiver, url, 3)[-1]
    assert not emptied["comment"]
    assert not emptied["reasons"]


def test_a_change_of_mind_drops_the_reasons_of_the_other_thumb(
    app: str, browser: requests.Session, receiver: Any
) -> None:
    url = address(ask(browser, app))
    browser.post(f"{url}/rating", data={"value": "down"}, timeout=10)
    browser.post(f"{url}/details", data={"reasons": "style"}, timeout=10)
    browser.post(f"{url}/rating", data={"value": "up"}, timeout=10)
    changed = arrived(receiver, url, 3)[-1]
    assert changed["rating"]["value"] == 1
    assert not changed["reasons"]


def test_a_flag_counts_at_once_and_its_reasons_follow(app: str, browser: requests.Session, receiver: Any) -> None:
    url = address(ask(browser, app))
    page = browser.post(f"{url}/flag", timeout=10)
    assert "Reported" in page.text
    browser.post(f"{url}/flag", data={"reasons": ["private_data", "no such reason"]}, timeout=10)
    first, second = arrived(receiver, url, 2)
    assert first["flag"] is True
    assert second["flag_reasons"] == ["private_data"]
    assert "rating" not in second


def test_the_widget_s_ticket_is_for_this_person_and_this_answer(
    app: str, browser: requests.Session, receiver: Any
) -> None:
    page = ask(browser, app)
    ticket = re.search(r'<heedback-rating [^>]*ticket="([^"]+)"', page.text)
    assert ticket
    its_id = "019aa000-0000-7000-8000-0000000000fe"
    event = {"id": its_id, "occurred_at": "2026-11-16T09:12:00Z", "rating": {"value": 1, "scale": "thumbs"}}
    body = {"ticket": ticket[1], "sent_at": "2026-11-16T09:12:00Z", "events": [event]}
    headers = {"Content-Type": "text/plain"}
    sent = requests.post(f"{app}/heedback/events", data=json.dumps(body), headers=headers, timeout=10)
    assert (sent.status_code, sent.json()["accepted"]) == (202, 1)
    [rating] = arrived(receiver, address(page))
    assert (rating["id"], rating["user"]) == (its_id, arrived(receiver, address(page), kind="output")[0]["user"])


def test_undo_takes_everything_back(app: str, browser: requests.Session, receiver: Any) -> None:
    url = address(ask(browser, app))
    browser.post(f"{url}/rating", data={"value": "up"}, timeout=10)
    page = browser.post(f"{url}/retraction", timeout=10)
    assert "Taken back." in page.text
    assert 'aria-pressed="true"' not in page.text
    assert arrived(receiver, url, 2)[-1]["retracted"] is True


def test_details_without_a_rating_are_a_conflict(app: str, browser: requests.Session) -> None:
    url = address(ask(browser, app))
    assert browser.post(f"{url}/details", data={"comment": "x"}, timeout=10).status_code == 409


@pytest.mark.parametrize("value", ["sideways", ""])
def test_a_rating_is_up_or_down(app: str, browser: requests.Session, value: str) -> None:
    url = address(ask(browser, app))
    assert browser.post(f"{url}/rating", data={"value": value}, timeout=10).status_code == 400


def test_a_stranger_sees_and_rates_nothing(app: str, browser: requests.Session, receiver: Any) -> None:
    url = address(ask(browser, app))
    assert requests.get(url, timeout=10).status_code == 404
    assert requests.post(f"{url}/rating", data={"value": "up"}, timeout=10).status_code == 404
    assert browser.get(url, timeout=10).status_code == 200


def test_an_empty_question_leads_home(app: str, browser: requests.Session) -> None:
    assert ask(browser, app, "   ").url == f"{app}/"


def test_an_unknown_page_is_not_found(app: str, browser: requests.Session) -> None:
    assert browser.post(f"{app}/summaries", data={"page": "../README"}, timeout=10).status_code == 404
    assert browser.get(f"{app}/docs/nowhere", timeout=10).status_code == 404


def test_what_people_type_is_escaped(app: str, browser: requests.Session) -> None:
    page = ask(browser, app, "<script>alert(1)</script>")
    assert "<script>" not in page.text
    assert "&lt;script&gt;" in page.text


def test_no_page_has_a_script_or_a_style_of_its_own(app: str, browser: requests.Session) -> None:
    url = address(ask(browser, app))
    browser.post(f"{url}/rating", data={"value": "down"}, timeout=10)
    browser.post(f"{url}/flag", timeout=10)
    for page in (f"{app}/", url, f"{app}/docs/concepts"):
        answer = browser.get(page, timeout=10)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; style-src")
        assert "unsafe" not in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", answer.text)
        for script in re.findall(r"<script[^>]*>.*?</script>", answer.text):
            assert re.fullmatch(r'<script type="module" src="/heedback/static/\w+/heedback.min.js"></script>', script)


def test_a_source_leads_to_its_section(app: str, browser: requests.Session) -> None:
    link = re.search(r'href="(/docs/[\w-]+)#([\w-]+)"', ask(browser, app).text)
    assert link
    assert f'id="{link[2]}"' in browser.get(app + link[1], timeout=10).text


def test_every_reason_has_a_plain_label() -> None:
    assert {kind: tuple(labels) for kind, labels in LABELS.items()} == REASONS


def test_an_endpoint_that_fails_is_captured_with_the_output(
    running: Running, environment: Environment, serve: Any, browser: requests.Session, receiver: Any
) -> None:
    endpoint = serve(lambda path, body: (503, {}))
    with running(environment | {"OPENAI_BASE_URL": endpoint.url}) as (_, url):
        page = ask(browser, url)
    assert "No. Every event has its own id" in page.text
    assert arrived(receiver, address(page), kind="output")[0]["error_type"] == "http_503"


def test_without_settings_it_runs_and_says_so_once(
    running: Running, environment: Environment, browser: requests.Session, receiver: Any
) -> None:
    bare = {name: value for name, value in environment.items() if not name.startswith("HEEDBACK_")}
    with running(bare) as (process, url):
        page = browser.post(f"{address(ask(browser, url))}/rating", data={"value": "up"}, timeout=10)
        assert "nothing was sent" in page.text
        process.terminate()
        assert process.wait(10) == 0
        assert process.stderr.read().count("HEEDBACK_URL and HEEDBACK_KEY are not set") == 1
        output_id = address(page).rsplit("/", 1)[1]
    assert output_id not in {event["id"] for event in receiver.events}


def test_sigterm_lets_the_request_in_flight_finish(
    running: Running, environment: Environment, serve: Any, browser: requests.Session
) -> None:
    asked, release = threading.Event(), threading.Event()

    def slow(path: str, body: Any) -> tuple[int, Any]:
        asked.set()
        release.wait(5)
        return 200, {"choices": [{"message": {"content": "At last."}}]}

    endpoint = serve(slow)
    answers: list[int] = []
    with running(environment | {"OPENAI_BASE_URL": endpoint.url}) as (process, url):
        question = {"data": {"question": QUESTION}, "timeout": 10, "allow_redirects": False}
        thread = threading.Thread(target=lambda: answers.append(browser.post(f"{url}/answers", **question).status_code))
        thread.start()
        assert asked.wait(5)
        process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        release.set()
        thread.join(10)
        assert process.wait(10) == 0
    assert answers == [303]


def test_a_busy_port_is_one_clear_line(environment: Environment) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            [sys.executable, str(APP), "--port", port],
            env=environment,
            capture_output=True,
            text=True,
            timeout=20,
        )
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == f"Cannot listen on 127.0.0.1:{port}: Address already in use\n"
