"""Looks for what was sent, by the doors that people use: the export, the pages, the mail in the outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.browser import Browser, Page

QUESTION: Final = "How long does Heedback keep the text of an output that nobody rated?"
COMMENT: Final = "I asked how long, and the answer gives me no number of days (written by ./dev run --once)."


@dataclass(frozen=True, slots=True)
class Said:
    """What one person did in the host app: which output they rated, and what they wrote."""

    output_id: str
    comment: str


def use_host(url: str) -> Said:
    """Asks the host app at `url`, gives the answer a thumb down and says why, all in its plain forms.

    Raises:
        LookupError: a form that a person would need is not there.
    """
    browser = Browser()
    home = browser.get(url)
    answer = browser.submit(home, home.form(field="question"), question=QUESTION)
    rated = browser.submit(answer, answer.form(button=("value", "down")), value="down")
    browser.submit(rated, rated.form(field="comment"), comment=COMMENT)
    return Said(answer.url.partition("#")[0].rstrip("/").rpartition("/")[2], COMMENT)


def sign_in(link: str) -> Browser:
    """A browser that is signed in by the one-time `link`: its page has one button, for mail scanners follow links."""
    browser = Browser()
    page = browser.get(link)
    browser.submit(page, page.form(field="csrf_token"))
    return browser


def pages(browser: Browser, url: str) -> Iterator[Page]:
    """The pages of a list, from the one at `url` to the one that leads no further."""
    following: str | None = url
    while following is not None:
        page = browser.get(following)
        yield page
        following = page.next


def stored_ids(stored: Iterable[dict[str, Any]]) -> set[str]:
    """The ids of all events that an export accounts for."""
    found: set[str] = set()
    for line in stored:
        found.update(line["events"] if line["type"] == "feedback" else [line["id"]])
    return found


def events(sent: list[str], stored: list[dict[str, Any]]) -> Iterator[str]:
    """The events of `sent` that are not stored."""
    lost = sorted(set(sent) - stored_ids(stored))
    if lost:
        yield f"{len(lost)} of {len(sent)} events are not stored, first {lost[0]}"


def feedback(browser: Browser, url: str, stored: list[dict[str, Any]]) -> Iterator[str]:
    """Feedback that is stored and on no page of the list at `url`."""
    shown = {row for page in pages(browser, url) for row in page.data.get("data-feedback", [])}
    kept = {line["id"] for line in stored if line["type"] == "feedback"}
    if hidden := sorted(kept - shown):
        yield f"{len(hidden)} of {len(kept)} pieces of feedback are on no page of {url}, first {hidden[0]}"


def items(browser: Browser, url: str) -> list[str]:
    """The numbers of the items of the queue at `url`, in its order."""
    return [number for page in pages(browser, url) for number in page.data.get("data-item", [])]


def comment(browser: Browser, project: str, queue: list[str], said: Said) -> Iterator[str]:
    """Whether the comment stands in one of the queue's items."""
    if not any(said.comment in browser.get(f"{project}/items/{number}").words for number in queue):
        yield f"the comment given in the host app is in none of the {len(queue)} items of the queue"


def digest(browser: Browser, url: str, told: dict[str, Any]) -> Iterator[str]:
    """Whether the digest has its page and its mail."""
    page = browser.get(url + told["url_path"])
    if page.status != 200:
        yield f"the digest's page {page.url} answers {page.status}"
    if not told["eml"] or not all(Path(file).is_file() for file in told["eml"]):
        yield f"the digest's mail is not in the outbox: {told['eml'] or 'none was written'}"


def appears(browser: Browser, url: str, said: Said) -> Callable[[], bool]:
    """A question to ask again: is the comment on the first page of the list at `url`?"""
    return lambda: said.comment in browser.get(url).words
