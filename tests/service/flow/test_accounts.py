"""Signing in: passwords, one-time links, sessions, and who is a member of what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from heedback_service.flow import accounts
from heedback_service.flow.accounts import LINK_SPENT, NO_MATCH, SignedIn
from heedback_service.flow.refusal import Refused
from heedback_service.store.db import Database
from heedback_service.store.tables import Account, AccountSession, Member, Project
from people import People, settle
from support import NOW, listening, numbered_ids

PASSWORD = "correct horse battery"


@pytest.fixture
def people(db: Database, project: Project) -> People:
    with db.write() as session:
        return settle(session, project.id, PASSWORD)


def test_the_right_password_opens_a_session_whatever_the_case_of_the_address(db: Database, people: People) -> None:
    found = accounts.sign_in_password(db, " Alice@Example.org ", PASSWORD, NOW)
    assert isinstance(found, SignedIn)
    who = accounts.signed_in(db, found.secret, NOW)
    assert who is not None
    assert who.id == people.alice


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("alice@example.org", "wrong"),
        ("alice@example.org", ""),
        ("nobody@example.org", PASSWORD),
        ("bob@example.org", PASSWORD),
    ],
    ids=["wrong", "empty", "unknown account", "account without a password"],
)
def test_whatever_does_not_match_gets_the_same_answer(db: Database, people: People, email: str, password: str) -> None:
    assert accounts.sign_in_password(db, email, password, NOW) == NO_MATCH


@pytest.mark.parametrize("db", ["sqlite"], indirect=True)  # PostgreSQL has no one write lock
def test_an_unknown_account_waits_for_the_write_lock_like_a_known_one(db: Database, people: People) -> None:
    """Else whoever keeps the service busy learns who has an account."""
    for email in ("alice@example.org", "nobody@example.org"):
        begun: list[dict[str, object]] = []
        with listening(db.engine, "begin", lambda it, begun=begun: begun.append(it.get_execution_options())):
            accounts.sign_in_password(db, email, "wrong", NOW)
        assert any(options.get("heedback_writes") for options in begun), email


def test_after_ten_wrong_passwords_even_the_right_one_waits_a_quarter_of_an_hour(db: Database, people: People) -> None:
    for _ in range(accounts.WRONG_PASSWORDS):
        accounts.sign_in_password(db, "alice@example.org", "wrong", NOW)
    assert accounts.sign_in_password(db, "alice@example.org", PASSWORD, NOW) == NO_MATCH
    later = NOW + timedelta(minutes=15)
    assert isinstance(accounts.sign_in_password(db, "alice@example.org", PASSWORD, later), SignedIn)


def test_a_link_works_while_passwords_are_throttled(db: Database, people: People) -> None:
    for _ in range(accounts.WRONG_PASSWORDS):
        accounts.sign_in_password(db, "alice@example.org", "wrong", NOW)
    with db.write() as session:
        link = accounts.make_link(session, people.alice, NOW)
        assert isinstance(accounts.sign_in_link(session, link, NOW), SignedIn)


def test_a_link_signs_in_once(db: Database, people: People) -> None:
    with db.write() as session:
        link = accounts.make_link(session, people.bob, NOW)
    with db.write() as session:
        first = accounts.sign_in_link(session, link, NOW)
    with db.write() as session:
        second = accounts.sign_in_link(session, link, NOW)
    assert isinstance(first, SignedIn)
    assert first.account_id == people.bob
    assert second == LINK_SPENT


def test_a_link_dies_after_a_day(db: Database, people: People) -> None:
    with db.write() as session:
        link = accounts.make_link(session, people.bob, NOW)
        assert accounts.sign_in_link(session, link, NOW + timedelta(hours=24)) == LINK_SPENT


def test_a_link_is_no_session_and_a_session_no_link(db: Database, people: People) -> None:
    with db.write() as session:
        link = accounts.make_link(session, people.bob, NOW)
        opened = accounts.open_session(session, people.bob, NOW)
    assert accounts.signed_in(db, link, NOW) is None
    with db.write() as session:
        assert accounts.sign_in_link(session, opened.secret, NOW) == LINK_SPENT


def test_the_store_never_holds_a_secret(db: Database, people: People) -> None:
    with db.write() as session:
        accounts.make_link(session, people.bob, NOW, lambda: "the-secret")
        row = session.scalars(select(AccountSession)).one()
    assert b"the-secret" not in row.sha256
    assert len(row.sha256) == 32


def test_a_session_lives_fourteen_days_from_its_last_use(db: Database, people: People) -> None:
    with db.write() as session:
        secret = accounts.open_session(session, people.bob, NOW).secret
    used = NOW + timedelta(days=13)
    assert accounts.signed_in(db, secret, used) is not None
    assert accounts.signed_in(db, secret, used + timedelta(days=13, hours=23)) is not None
    assert accounts.signed_in(db, secret, used + timedelta(days=28)) is None


def test_a_session_is_written_at_most_once_a_day(db: Database, people: People) -> None:
    with db.write() as session:
        secret = accounts.open_session(session, people.bob, NOW).secret
    accounts.signed_in(db, secret, NOW + timedelta(hours=23))
    with db.read() as session:
        assert session.scalars(select(AccountSession)).one().expires_at == NOW + accounts.SESSION_LIVES


def test_signing_out_ends_the_session_on_the_server(db: Database, people: People) -> None:
    with db.write() as session:
        secret = accounts.open_session(session, people.bob, NOW).secret
        accounts.sign_out(session, secret)
    assert accounts.signed_in(db, secret, NOW) is None


def test_expired_rows_of_an_account_go_when_it_signs_in(db: Database, people: People) -> None:
    with db.write() as session:
        accounts.open_session(session, people.bob, NOW)
        accounts.open_session(session, people.bob, NOW + timedelta(days=15))
        assert len(session.scalars(select(AccountSession)).all()) == 1


@pytest.mark.parametrize(
    ("email", "password"),
    [("alice@example.org", None), ("ALICE@example.org", None), ("no address", None), ("@", None), ("d@e.org", "short")],
)
def test_an_account_is_refused_with_a_sentence(db: Database, people: People, email: str, password: str | None) -> None:
    with db.write() as session:
        refused = accounts.create_account(session, email, "Dora", NOW, numbered_ids(), password)
    assert isinstance(refused, Refused)
    assert refused.why.endswith(".") or refused.why.endswith(").")


def test_an_account_without_a_name_goes_by_its_address(db: Database) -> None:
    with db.write() as session:
        made = accounts.create_account(session, "dora@example.org", " ", NOW, numbered_ids())
        assert isinstance(made, Account)
        assert made.name == "dora@example.org"


def test_being_added_again_changes_the_role(db: Database, project: Project, people: People) -> None:
    with db.write() as session:
        accounts.add_member(session, project.id, people.bob, "owner")
        member = session.get(Member, (project.id, people.bob))
        assert member is not None
        assert member.role == "owner"


def test_a_project_shows_itself_to_its_members_only(db: Database, project: Project, people: People) -> None:
    with db.read() as session:
        for who, sees in ((people.alice, True), (people.bob, True), (people.charlie, False)):
            assert (accounts.project_of(session, who, "acme") is not None) is sees
            assert bool(accounts.projects_of(session, who)) is sees
        assert accounts.project_of(session, people.alice, "unknown") is None
        assert [member.name for member in accounts.members_of(session, project.id)] == ["Alice", "Bob"]
