"""Digests on their way: each to everybody who wants it, once, through servers that come and go."""

from __future__ import annotations

import dataclasses
import threading
from datetime import timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from sqlalchemy import delete, select, update

from builders import Feed, Written, rated
from heedback_service.core.wording import count
from heedback_service.flow import deliver
from heedback_service.flow.deliver import ATTEMPTS, LEASE, deliver_next, wait
from heedback_service.flow.digest_list import mail_status
from heedback_service.logs import FIELDS
from heedback_service.settings import Settings
from heedback_service.store.db import Database
from heedback_service.store.tables import Account, Delivery, DigestRun, Member, Project
from mailbox_server import MailServer, free_port
from support import NOW

pytestmark = pytest.mark.usefixtures("members")


@pytest.fixture
def smtp(settings: Settings, server: MailServer) -> Settings:
    return dataclasses.replace(settings, smtp_url=server.url)


@pytest.fixture(autouse=True)
def digest_is_written(feed: Feed, written: Written, members: None) -> None:
    feed(*rated(1, 11, "ann"))
    written()


def rows(db: Database) -> dict[str, Delivery]:
    with db.read() as session:
        return {row.recipient.partition("@")[0]: row for row in session.scalars(select(Delivery))}


def send_all(db: Database, settings: Settings, now: object = NOW) -> int:
    sent = 0
    while deliver_next(db, settings, now):  # type: ignore[arg-type]
        sent += 1
    return sent


def test_goes_to_members_who_want_it_and_to_nobody_else(db: Database, smtp: Settings, server: MailServer) -> None:
    assert send_all(db, smtp) == 2
    assert sorted(server.recipients) == ["alice@example.com", "bob@example.com"]
    assert {name: (row.state, row.sent_at) for name, row in rows(db).items()} == {
        "alice": ("sent", NOW),
        "bob": ("sent", NOW),
    }
    assert send_all(db, smtp, NOW + timedelta(days=30)) == 0


def test_every_mail_is_in_the_outbox_too(db: Database, settings: Settings, smtp: Settings, server: MailServer) -> None:
    send_all(db, smtp)
    files = sorted(settings.outbox.iterdir())
    assert [file.name.rsplit("-", 1)[0] for file in files] == ["acme-weekly-2026-W46"] * 2
    kept = {message_from_bytes(file.read_bytes(), policy=policy.default)["Message-ID"] for file in files}
    assert kept == {message["Message-ID"] for message in server.received}


def test_without_a_mail_server_the_outbox_is_all(db: Database, settings: Settings) -> None:
    send_all(db, settings)
    assert {row.state for row in rows(db).values()} == {"sent"}
    assert len(list(settings.outbox.iterdir())) == 2


def test_a_refused_recipient_does_not_keep_the_others_waiting(db: Database, smtp: Settings, server: MailServer) -> None:
    server.answers["alice@example.com"] = "550 no such person"
    send_all(db, smtp)
    assert server.recipients == ["bob@example.com"]
    alice = rows(db)["alice"]
    assert (alice.state, alice.attempts) == ("failed", 1)
    assert "550 no such person" in (alice.error or "")


def test_what_is_not_delivered_is_a_line_without_words_of_the_server(
    db: Database, smtp: Settings, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["alice@example.com"] = "550 no alice@example.com here"
    server.answers["bob@example.com"] = "450 bob@example.com is full"
    send_all(db, smtp)
    never, later = caplog.records
    assert (never.levelname, never.getMessage()) == ("ERROR", "digest not delivered: SMTPRecipientsRefused 550")
    again = "digest not delivered: SMTPRecipientsRefused 450; trying again in 0:02:00"
    assert (later.levelname, later.getMessage()) == ("WARNING", again)
    fields = {"project": "acme", "digest": "weekly", "period": "2026-W46", "attempts": 1}
    assert [getattr(record, FIELDS) for record in (never, later)] == [fields, fields]


def test_a_mail_that_nobody_wants_any_more_is_no_trouble(
    db: Database, project: Project, smtp: Settings, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers["alice@example.com"] = "450 busy"
    with db.write() as session:
        session.execute(update(Member).values(digest=Member.role == "owner"))  # Bob is none
    send_all(db, smtp)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    with db.read() as session:
        assert deliver.undelivered(session, project.id, "weekly", "2026-W46") == (1, 2)


def test_a_mail_that_was_begun_and_not_sent_is_in_vain(db: Database, project: Project, smtp: Settings) -> None:
    with db.write() as session:
        assert deliver.claim(session, NOW, smtp.mail_from)
    with db.read() as session:
        assert deliver.undelivered(session, project.id, "weekly", "2026-W46") == (1, 2)
        told = mail_status(session, session.scalars(select(DigestRun)).one())
    assert told == f"Mail to alice@example.com is begun and not known to be done. {count(1, 'mail')} on the way."


def test_a_server_that_is_down_is_tried_again_until_it_is_up(db: Database, settings: Settings) -> None:
    port = free_port()
    away = dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{port}")
    assert send_all(db, away) == 2
    waiting = rows(db)["bob"]
    assert (waiting.state, waiting.attempts, waiting.lease_until) == ("planned", 1, NOW + wait(1))
    assert waiting.error
    assert send_all(db, away, NOW + wait(1) - timedelta(seconds=1)) == 0
    with MailServer(port=port) as server:
        assert send_all(db, away, NOW + wait(1)) == 2
        assert len(server.received) == 2
    assert {(row.state, row.attempts, row.error) for row in rows(db).values()} == {("sent", 2, None)}


def test_after_two_days_in_vain_it_gives_up(db: Database, settings: Settings) -> None:
    away, now = dataclasses.replace(settings, smtp_url=f"smtp://127.0.0.1:{free_port()}"), NOW
    for attempt in range(1, ATTEMPTS + 1):
        assert send_all(db, away, now) == 2
        now += wait(attempt)
    assert {row.state for row in rows(db).values()} == {"failed"}
    assert send_all(db, away, now + timedelta(days=1)) == 0
    assert timedelta(days=2) < now - NOW < timedelta(days=3)


def test_a_sender_that_died_is_taken_over_and_the_twin_has_the_same_message_id(
    db: Database, smtp: Settings, server: MailServer
) -> None:
    with db.write() as session:
        dead = deliver.claim(session, NOW, smtp.mail_from)
    assert dead is not None
    first_id = rows(db)["alice"].message_id
    assert send_all(db, smtp, NOW + LEASE - timedelta(seconds=1)) == 1
    assert send_all(db, smtp, NOW + LEASE) == 1
    assert sorted(server.recipients) == ["alice@example.com", "bob@example.com"]
    ids = {str(message["To"]): message["Message-ID"] for message in server.received}
    assert ids["alice@example.com"] == first_id
    assert len(set(ids.values())) == 2
    with db.write() as session:
        assert not deliver.mark(session, dead, deliver.Refused("too late"), NOW + LEASE)
    assert rows(db)["alice"].state == "sent"


def test_what_kills_every_sender_is_not_tried_for_ever(
    db: Database, smtp: Settings, server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    with db.write() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.recipient == "alice@example.com")
            .values(state="claimed", attempts=ATTEMPTS, lease_until=NOW)
        )
    send_all(db, smtp)
    assert server.recipients == ["bob@example.com"]
    assert rows(db)["alice"].state == "failed"
    [told] = caplog.records
    assert (told.levelname, getattr(told, FIELDS)["attempts"]) == ("ERROR", ATTEMPTS)


def test_of_many_senders_one_sends_each_mail(db: Database, smtp: Settings, server: MailServer) -> None:
    together = threading.Barrier(4)

    def sender() -> None:
        own = Database(db.address)
        together.wait()
        send_all(own, smtp)
        own.dispose()

    threads = [threading.Thread(target=sender) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.recipients) == ["alice@example.com", "bob@example.com"]


@pytest.mark.parametrize("gone", ["unsubscribed", "left"])
def test_who_no_longer_wants_it_gets_none(db: Database, smtp: Settings, server: MailServer, gone: str) -> None:
    with db.write() as session:
        bob = Member.account_id == select(Account.id).where(Account.name == "Bob").scalar_subquery()
        change = update(Member).values(digest=False) if gone == "unsubscribed" else delete(Member)
        session.execute(change.where(bob))
    send_all(db, smtp)
    assert server.recipients == ["alice@example.com"]


def test_a_sender_address_that_is_none_fails_with_a_reason(db: Database, smtp: Settings) -> None:
    send_all(db, dataclasses.replace(smtp, mail_from="nobody"))
    assert {(row.state, row.error) for row in rows(db).values()} == {
        ("failed", "cannot be addressed: From: not an address")
    }


def test_a_full_outbox_does_not_stop_mail(
    db: Database, smtp: Settings, server: MailServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.write_text("not a folder")
    send_all(db, dataclasses.replace(smtp, outbox=in_the_way))
    assert len(server.received) == 2
    assert {record.getMessage() for record in caplog.records} == {"digest not kept: outbox: File exists"}
