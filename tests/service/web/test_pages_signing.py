"""Signing in and out, and who is let in where."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask

from browsing import PASSWORD, Browser, Clock, without_tokens
from heedback_service.app import create_app
from heedback_service.flow import accounts
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Project
from people import People
from support import NOW

BEHIND = ("/", "/p/acme/queue", "/p/acme/items/1", "/p/acme/feedback", "/p/nowhere/queue")


@pytest.mark.parametrize("path", BEHIND)
def test_who_is_signed_out_is_asked_to_sign_in_and_comes_back(nobody: Browser, path: str) -> None:
    answer = nobody.get(path)
    assert answer.status_code == 303
    assert answer.location == f"/signin?next={path}"


def test_a_password_signs_in_and_leads_to_the_page_that_was_asked_for(nobody: Browser, people: People) -> None:
    where = "/p/acme/feedback?kind=down"
    page = nobody.get(f"/signin?next={where}").text
    assert f'name="next" value="{where}"' in page
    form = {"email": "alice@example.org", "password": PASSWORD, "next": where}
    answer = nobody.post("/signin", page="/signin", **form)
    assert (answer.status_code, answer.location) == (303, where)
    assert nobody.get(where).status_code == 200


def test_a_wrong_password_is_said_and_the_address_kept(nobody: Browser, people: People) -> None:
    answer = nobody.post("/signin", page="/signin", email="alice@example.org", password="wrong")
    assert answer.status_code == 403
    assert 'role="alert"' in answer.text
    assert 'value="alice@example.org"' in answer.text
    assert nobody.get("/").location.startswith("/signin")


@pytest.mark.parametrize(
    "elsewhere",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil",
        "/%0d%0aSet-Cookie:x=1\r\n",
        "http:///evil.example",
        "///evil.example",
        "/\t/evil.example",
    ],
)
def test_no_link_sends_a_person_elsewhere_after_signing_in(nobody: Browser, people: People, elsewhere: str) -> None:
    form = {"email": "alice@example.org", "password": PASSWORD, "next": elsewhere}
    assert nobody.post("/signin", page="/signin", **form).location == "/"


def test_looking_at_a_link_does_not_use_it_up_and_its_button_does(
    app: Flask, nobody: Browser, db: Database, people: People
) -> None:
    with db.write() as session:
        link = f"/signin/link/{accounts.make_link(session, people.bob, NOW)}"
    for _ in range(2):
        assert nobody.get(link).status_code == 200
    assert nobody.get("/").location.startswith("/signin")
    assert nobody.post(link, page=link).location == "/"
    assert nobody.get("/").location == "/p/acme/queue"
    late = Browser(app.test_client())
    assert late.post(link, page=link).status_code == 403
    assert late.get("/").location.startswith("/signin")


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(app: Flask, alice: Browser) -> None:
    cookie = alice.client.get_cookie("heedback")
    assert cookie is not None
    thief = Browser(app.test_client())
    thief.client.set_cookie("heedback", cookie.value)
    assert thief.get("/p/acme/queue").status_code == 200
    assert alice.post("/signout", page="/p/acme/queue").location == "/signin"
    assert thief.get("/p/acme/queue").status_code == 303


def test_a_session_that_was_not_used_for_fourteen_days_is_over(alice: Browser, clock: Clock) -> None:
    clock.forward(days=13)
    assert alice.get("/p/acme/queue").status_code == 200
    clock.forward(days=14)
    assert alice.get("/p/acme/queue").status_code == 303


def test_signing_in_leaves_nothing_of_the_cookie_before(nobody: Browser, people: People) -> None:
    with nobody.client.session_transaction() as cookie:
        cookie["planted"] = "x"
    nobody.post("/signin", page="/signin", email="alice@example.org", password=PASSWORD)
    with nobody.client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "sid" in cookie


@pytest.mark.parametrize(
    "path", ["/p/acme/queue", "/p/acme/items/1", "/p/acme/feedback", "/p/acme/feedback/" + "0" * 8]
)
def test_a_stranger_sees_what_anybody_sees_of_a_project_that_is_not(charlie: Browser, path: str) -> None:
    stranger, unknown = charlie.get(path), charlie.get(path.replace("acme", "nowhere"))
    assert (stranger.status_code, unknown.status_code) == (404, 404)
    assert without_tokens(stranger.text) == without_tokens(unknown.text)


def test_a_member_of_one_project_goes_straight_to_its_queue(alice: Browser) -> None:
    assert alice.get("/").location == "/p/acme/queue"


def test_a_member_of_two_projects_chooses(alice: Browser, db: Database, people: People) -> None:
    with db.write() as session:
        other = Project(slug="other", name="Other & Sons", timezone="UTC", created_at=NOW)
        session.add(other)
        session.flush()
        accounts.add_member(session, other.id, people.alice)
    page = alice.get("/").text
    assert "Other &amp; Sons" in page
    assert 'href="/p/other/queue"' in page


def test_a_member_of_none_is_told_so(charlie: Browser) -> None:
    assert "not a member of any project" in charlie.get("/").text


@pytest.mark.parametrize(
    ("public_url", "name", "secure"),
    [
        (None, "heedback", False),
        ("http://localhost:8000", "heedback", False),
        ("https://x.example", "__Host-heedback", True),
    ],
)
def test_the_cookie_is_as_strict_as_the_address_allows(
    settings: Settings, db: Database, people: People, public_url: str | None, name: str, secure: bool
) -> None:
    served = create_app(dataclasses.replace(settings, public_url=public_url), db, clock=lambda: NOW)
    told = served.test_client().get("/signin").headers["Set-Cookie"]
    assert told.startswith(f"{name}=")
    assert "HttpOnly" in told
    assert "SameSite=Lax" in told
    assert ("Secure" in told) is secure
    assert "Domain" not in told
