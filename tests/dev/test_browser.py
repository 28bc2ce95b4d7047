"""The browser without scripts, against a real server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tools.browser import Browser, read

FORMS = """
<form action="/search"><input name="q" value="old"></form>
<form method="POST" action="rate?x=1">
<input type="hidden" name="csrf_token" value="a&amp;b"><input type="checkbox" name="no" value="1">
<input type="checkbox" name="yes" value="1" checked><textarea name="comment">so
far</textarea><button name="value" value="down">Down</button><button>Send</button>
</form><a rel="next" href="?page=2">More</a> <b data-item="7">Words   of
it</b>
"""


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; / sets a cookie, /go leads on, /gone is gone."""

    def do_GET(self) -> None:
        if self.path == "/go":
            self.send_response(303)
            self.send_header("Location", "/there")
        else:
            self.send_response(410 if self.path == "/gone" else 200)
            if self.path == "/":
                self.send_header("Set-Cookie", "person=ana; HttpOnly")
        self.end_headers()
        self.wfile.write(f"GET {self.path} {self.headers.get('Cookie')}".encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"POST {self.path} {body} {self.headers['Origin']}".encode())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Silent."""


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_page_is_read_as_a_person_could_act_on_it() -> None:
    """Forms with what they hold, buttons, the link to the next page, data attributes, words."""
    page = read("http://host/a/b", 200, FORMS)
    form = page.form(button=("value", "down"))
    assert (form.method, form.action) == ("post", "rate?x=1")
    assert form.fields == {"csrf_token": "a&b", "yes": "1", "comment": "so\nfar"}
    assert page.form(field="q").method == "get"
    assert page.next == "http://host/a/b?page=2"
    assert page.data == {"data-item": ["7"]}
    assert "Words of it" in page.words


def test_a_form_that_is_not_there_is_named() -> None:
    """The message says where it was looked for."""
    with pytest.raises(LookupError, match=r"http://host/ \(status 200\) has no form with comment"):
        read("http://host/", 200, "<p>nothing</p>").form(field="comment")


def test_forms_are_sent_with_what_they_hold(url: str) -> None:
    """A hidden token goes along; what is filled in replaces what stood there."""
    page = read(f"{url}/a/", 200, FORMS)
    sent = Browser().submit(page, page.form(field="comment"), comment="é", value="down")
    assert sent.text == f"POST /a/rate?x=1 csrf_token=a%26b&yes=1&comment=%C3%A9&value=down {url}"
    assert Browser().submit(page, page.form(field="q"), q="new").text.startswith("GET /search?q=new ")


def test_cookies_redirects_and_errors_are_a_browsers(url: str) -> None:
    """A cookie comes back, a redirect is followed, and an error is a page with a status."""
    browser = Browser()
    browser.get(f"{url}/")
    there = browser.get(f"{url}/go")
    assert (there.url, there.text) == (f"{url}/there", "GET /there person=ana")
    assert browser.get(f"{url}/gone").status == 410
