"""Through an app: the form for browsers without script, the element's files, and a service that is away."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from contextlib import ExitStack
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import requests
from sqlalchemy import select

from heedback.redaction import redact
from heedback_service.store.db import Database
from heedback_service.store.tables import Feedback, FeedbackEvent
from heedback_widgets import files
from processes import Service, until
from tools.browser import Browser, Page
from ways import HOSTS, PAGE, House, Way, a_ticket, app, click, free_port, furnish, service_environment

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def start_page(host: Way) -> tuple[Browser, Page, str]:
    """A person's browser on the app's page, and the id of the output that is shown there."""
    browser = Browser()
    page = browser.get(f"{host.page}/")
    found = re.search(r'<heedback-rating id="heedback-([0-9a-f-]{36})" endpoint="/heedback" ticket="', page.text)
    assert found, page.text
    return browser, page, found[1]


def feedback_on(house: House, output_id: str) -> Feedback:
    def found() -> Feedback | None:
        with house.db.read() as session:
            return session.scalar(select(Feedback).where(Feedback.subject == f"o:{output_id.replace('-', '')}"))

    until(lambda: found() is not None)
    row = found()
    assert row is not None
    return row


def send(host: Way, fields: Any, **headers: str | None) -> requests.Response:
    body = fields if isinstance(fields, bytes) else urlencode(fields, doseq=True).encode()
    return host.post("form", body, **{"Content_Type": FORM["Content-Type"], **headers})


def test_one_press_counts_without_any_script(host: Way) -> None:
    browser, page, output_id = start_page(host)
    there = browser.submit(page, page.form(button=("rating", "down")), rating="down")
    assert there.url == f"{host.page}/#heedback-saved-{output_id}"
    row = feedback_on(host.house, output_id)
    assert (row.polarity, row.source, row.person is not None) == (-1, "end_user", True)
    assert row.output_id is not None, "the output was captured by the app"


def test_details_are_sent_without_any_script(host: Way) -> None:
    browser, page, output_id = start_page(host)
    form = page.form(field="comment")
    browser.submit(
        page, form, comment="No VAT.\r\nWrite to ana@example.org", correction="1,428.00", reasons="incorrect"
    )
    row = feedback_on(host.house, output_id)
    assert (row.comment, row.correction) == ("No VAT.\nWrite to [email]", "1,428.00")
    assert (row.reasons, row.rating_value) == (["incorrect"], None)


def test_harm_is_reported_without_any_script(host: Way) -> None:
    browser, page, output_id = start_page(host)
    browser.submit(page, page.form(button=("flag", "on")), flag="on")
    row = feedback_on(host.house, output_id)
    assert (row.flag, row.rating_value) == (True, None)


def test_a_feature_s_own_reasons_are_sent_without_any_script(host: Way) -> None:
    ticket = a_ticket()
    chosen = {"reasons": ["price", "style"], "flag_reasons": "private_data", "reasons_version": "3"}
    assert send(host, {"ticket": host.house.sign(ticket)} | chosen).status_code == 303
    row = feedback_on(host.house, ticket.output_id)
    assert (row.reasons, row.flag, row.flag_reasons) == (["price", "style"], True, ["private_data"])
    assert (row.rating_value, row.reasons_version) == (None, 3)


def test_an_empty_form_leads_back_and_says_nothing(host: Way) -> None:
    browser, page, _ = start_page(host)
    there = browser.submit(page, page.form(field="comment"))
    assert (there.status, there.url) == (200, f"{host.page}/")


@pytest.mark.parametrize(
    ("given", "referrer", "leads"),
    [
        ("/answers/7?x=1", None, "/answers/7?x=1"),
        ("/answers/7#top", None, "/answers/7"),
        (None, "{page}/shop?a=b#c", "/shop?a=b"),
        ("//evil.example/", None, "/"),
        ("/\\evil.example", None, "/"),
        ("https://evil.example/", None, "/"),
        ("/a\r\nSet-Cookie: x=1", None, "/"),
        ("/ü", None, "/"),
        (None, "https://evil.example/shop", "/"),
        (None, "{page}//evil.example", "/"),
        (None, "no address at all", "/"),
        (None, "http://[bad", "/"),
        (None, "http://a]b/", "/"),
        ("javascript:alert(1)", "{page}/shop", "/shop"),
    ],
)
def test_the_way_back_never_leads_elsewhere(host: Way, given: str | None, referrer: str | None, leads: str) -> None:
    ticket = a_ticket()
    fields = {"ticket": host.house.sign(ticket), "rating": "up"} | ({} if given is None else {"back": given})
    answer = send(host, fields, Referer=None if referrer is None else referrer.format(page=host.page))
    assert answer.status_code == 303, answer.text
    assert answer.headers["Location"] == f"{leads}#heedback-saved-{ticket.output_id}"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("fields", "status", "says"),
    [
        ({"rating": "sideways"}, 400, "Must be up, down, or 1 to 5."),
        ({"rating": "up", "ticket": "nonsense"}, 401, "That is no ticket."),
        ({"rating": "up", "ticket": ""}, 401, "That is no ticket."),
        ({"comment": "a\0b"}, 400, "NUL and lone surrogates are not text."),
        ({"comment": "x" * 5000}, 400, "Longer than maximum length 4096."),
        ({"rating": "down", "reasons": ["<script>"]}, 400, "Not a key of a reason."),
        ({"flag_reasons": ["Not a key"]}, 400, "Not a key of a reason."),
        ({"reasons": [f"key_{n}" for n in range(21)]}, 400, "Longer than maximum length 20."),
        ({"reasons": ["style"], "reasons_version": "3.5"}, 400, "Not a valid number."),
        ({"reasons": ["style"], "reasons_version": "9" * 5000}, 400, "Not a valid number."),
        ({"reasons": ["style"], "reasons_version": "0"}, 400, "Must be a whole number from 1 to 1000000."),
        ({f"field{n}": "x" for n in range(100)}, 400, "The body is no form"),
        (b"ticket=%ff%fe&rating=up", 400, "The body is no form"),
        (b"\xff\xfe", 400, "The body is no form"),
        (b"a=" + b"x" * 1024 * 1024, 413, "At most 262144 bytes."),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_form_that_is_refused_says_why_in_a_sentence(host: Way, fields: Any, status: int, says: str) -> None:
    given = fields if isinstance(fields, bytes) else {"ticket": host.house.ticket()} | fields
    answer = send(host, given)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site", "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": "same-site", "Origin": "https://evil.127.0.0.1"},
        {"Sec_Fetch_Site": None, "Origin": "https://evil.example"},
        {"Sec_Fetch_Site": None, "Origin": "null"},
    ],
    ids=str,
)
def test_another_site_s_form_is_turned_away(host: Way, headers: dict[str, str | None]) -> None:
    answer = send(host, {"ticket": host.house.ticket(), "rating": "up"}, **headers)
    assert (answer.status_code, answer.text) == (403, "Pages of this origin may not send feedback here.")


def test_where_the_browser_says_no_site_its_origin_is_compared(host: Way) -> None:
    answer = send(host, {"ticket": host.house.ticket(), "rating": "up"}, Sec_Fetch_Site=None)
    assert answer.status_code == 303


def test_a_form_s_edits_are_counted_with_the_element_s(host: Way) -> None:
    ticket = host.house.ticket()
    host.say(ticket, *(click(comment=str(n)) for n in range(50)))
    answer = send(host, {"ticket": ticket, "rating": "up"})
    assert (answer.status_code, "At most 50 edits" in answer.text) == (400, True)


@pytest.mark.parametrize("name", files.names())
def test_a_file_of_the_element_may_be_kept_for_good(host: Way, name: str) -> None:
    address = f"{host.endpoint}/static/{files.version()}/{name}"
    answer = requests.get(address, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    kinds = {"js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "json": "application/json"}
    assert answer.headers["Content-Type"] == kinds[name.rsplit(".", 1)[1]]
    packed = requests.get(address, headers={"Accept-Encoding": "gzip"}, timeout=10, stream=True)
    raw = packed.raw.read()
    assert (gzip.decompress(raw) if packed.headers.get("Content-Encoding") == "gzip" else raw) == answer.content


@pytest.mark.parametrize("name", files.names())
def test_an_older_page_s_address_leads_to_the_newest_file(host: Way, name: str) -> None:
    answer = requests.get(f"{host.endpoint}/static/latest/{name}", timeout=10)
    assert [each.status_code for each in answer.history] == [302]
    assert answer.history[0].headers["Cache-Control"] == "no-cache"
    assert answer.url == f"{host.endpoint}/static/{files.version()}/{name}"


@pytest.mark.parametrize("name", ["nothing.js", "..%2frules.py", "%2e%2e/rules.py", "a%00.js", "%2fetc%2fpasswd"])
def test_no_other_file_is_given_away(host: Way, name: str) -> None:
    answer = requests.get(f"{host.endpoint}/static/{files.version()}/{name}", timeout=10)
    assert answer.status_code == 404


def test_only_posts_are_taken(host: Way) -> None:
    for path in ("events", "state", "form"):
        assert requests.get(f"{host.endpoint}/{path}", timeout=10).status_code == 405


def test_the_page_holds_nothing_but_what_the_ticket_needs(host: Way) -> None:
    """No key, no id of the person: what a browser gets is signed and says who by a pseudonym."""
    _, page, output_id = start_page(host)
    words = unescape(page.text)
    assert host.house.key not in words
    assert host.house.key.split("_")[3] not in words
    assert words.count(output_id) >= 1
    assert f'src="/heedback/static/{files.version()}/heedback.min.js"' in words


@pytest.fixture
def away(tmp_path: Path) -> Iterator[tuple[str, dict[str, Way], House]]:
    """An app of each framework whose service is not there yet; and where it will be."""
    url = f"sqlite:///{tmp_path / 'service' / 'heedback.db'}"
    key, revoked = furnish(url)
    address, ways = f"http://127.0.0.1:{free_port()}", dict[str, Way]()
    db = Database(url)
    house = House(address, key, revoked, db, tmp_path / "service")
    with ExitStack() as running:
        for name in HOSTS:
            page = running.enter_context(app(name, tmp_path, address, key))
            ways[name] = Way(name, f"{page}/heedback", page, house)
        yield address, ways, house
    db.dispose()


def test_while_the_service_is_away_clicks_are_saved_and_arrive_later(
    away: tuple[str, dict[str, Way], House], tmp_path: Path
) -> None:
    address, ways, house = away
    clicks = {name: click(comment=f"write to {name}@example.org") for name in ways}
    for name, way in ways.items():
        answer = way.say(house.ticket(), clicks[name])
        assert (answer.status_code, answer.json()["accepted"]) == (202, 1)
        for _ in range(2):  # the second does not even ask
            state = way.post("state", {"ticket": house.ticket()})
            assert (state.status_code, state.json()) == (200, {"known": False})
    port = address.rsplit(":", 1)[1]
    with Service(service_environment(tmp_path / "service"), port):
        for name in ways:
            stored = house.arrives(clicks[name]["id"])
            assert stored.body["comment"] == redact(f"write to {name}@example.org")
    with house.db.read() as session:
        assert len(session.scalars(select(FeedbackEvent.id)).all()) == len(ways)


def test_once_its_key_is_revoked_an_app_refuses_its_tickets_as_the_service_does(house: House, tmp_path: Path) -> None:
    """The app learns it where the service says so: when a widget asks for the state, or when events are delivered."""
    key = house.command("key", "create", "acme").strip()
    direct, ticket = Way("direct", f"{house.url}/v1/widget", PAGE, house), house.ticket(key)
    with ExitStack() as running:
        apps = [(name, running.enter_context(app(name, tmp_path, house.url, key))) for name in HOSTS]
        ways = [Way(name, f"{page}/heedback", page, house) for name, page in apps]
        for way in (direct, *ways):
            assert way.say(ticket, click(comment="before")).json()["accepted"] == 1
            assert way.post("state", {"ticket": ticket}).json()["known"]
        house.command("key", "revoke", "acme", key.split("_")[2])
        assert_revoked(direct.say(ticket, click(comment="after")))
        assert_revoked(direct.post("state", {"ticket": ticket}))
        asked, *told = ways
        assert_revoked(asked.post("state", {"ticket": ticket}))
        for way in told:  # the first word after it is in the spool before anybody knows, and waits there for a new key
            until(lambda way=way: way.say(ticket, click(comment="after")).status_code != way.saved)  # type: ignore[misc]
        for way in ways:
            late = click(comment="too late")
            assert_revoked(way.say(ticket, late))
            assert_revoked(way.post("state", {"ticket": ticket}))
            answer = send(way, {"ticket": ticket, "rating": "up"})
            assert (answer.status_code, answer.text) == (401, "The ticket's key was revoked.")
            assert house.event(late["id"]) is None


def assert_revoked(answer: requests.Response) -> None:
    assert answer.status_code == 401, answer.text
    assert (answer.json()["reason"], answer.json()["detail"]) == ("revoked", "The ticket's key was revoked.")
