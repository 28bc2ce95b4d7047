"""Addresses nobody would type: answered with a page that says so, never with a failure of ours."""

from __future__ import annotations

from urllib.parse import quote, urljoin, urlsplit

import pytest
from flask import Flask, redirect
from hypothesis import given, settings
from hypothesis import strategies as st

from browsing import Browser
from heedback_service.web.pages.access import local_path

ODD = ("\0", "%", "é\u202e", "[", "../..", "9" * 20, "9" * 5000, "-1", "nan", "2026-W99", "0000-W01", "x" * 10_000, " ")


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd[:8]))
@pytest.mark.parametrize(
    "path",
    [
        "/p/{}/queue",
        "/p/acme/items/{}",
        "/p/acme/digests/{}",
        "/p/acme/feedback/{}",
        "/p/acme/feedback?feature={}",
        "/p/acme/feedback?kind={}",
        "/p/acme/feedback?after={}",
        "/p/acme/feedback?after={}.00000000000000000000000000000000",
        "/p/acme/queue?page={}",
        "/p/acme/queue?view={}",
        "/signin?next={}",
        "/signin/link/{}",
    ],
)
def test_an_odd_address_is_never_a_failure_of_ours(alice: Browser, path: str, odd: str) -> None:
    assert alice.get(path.format(quote(odd, safe=""))).status_code in (200, 308, 400, 404)


def test_an_item_number_beyond_what_is_stored_is_not_found(alice: Browser) -> None:
    for path in ("99999999999999999999", "4294967296", "99999999999999999999/acceptance"):
        assert alice.get(f"/p/acme/items/{path}").status_code in (404, 405)
    assert alice.post("/p/acme/items/99999999999999999999/acceptance", page="/p/acme/queue").status_code == 404


def test_a_nul_is_refused_wherever_it_stands(alice: Browser, nobody: Browser) -> None:
    assert alice.get("/p/acme/feedback?feature=a%00b").status_code == 400
    assert nobody.post("/signin", page="/signin", email="a\0@example.org", password="x").status_code == 400


def test_where_to_go_after_signing_in_may_be_nonsense(nobody: Browser) -> None:
    for nonsense in ("//[", "http://[", "/[", "//]", "///["):
        assert nobody.get(f"/signin?next={quote(nonsense)}").status_code == 200


PARTS = st.sampled_from(
    ["/", "\\", "//", "[", "]", "@", ":", "http:", "evil.example", "\t", "\n", "\r", "?", "#", "%2f"]
)


@given(st.one_of(st.text(), st.lists(PARTS | st.text(max_size=2)).map("".join)))
@settings(max_examples=400, deadline=None)
def test_whatever_is_given_the_way_after_sign_in_stays_on_this_host(given: str) -> None:
    """As a browser reads it: backslashes are slashes, tabs and line ends are nothing."""

    with PAGES.test_request_context():
        sent = redirect(local_path(given)).get_wsgi_headers({"wsgi.url_scheme": "https", "HTTP_HOST": "ours.example"})
    seen = sent["Location"].replace("\\", "/").translate(dict.fromkeys(map(ord, "\t\r\n")))
    assert urlsplit(urljoin("https://ours.example/signin", seen)).netloc == "ours.example"


PAGES = Flask(__name__)
PAGES.add_url_rule("/", endpoint="pages.home")
