"""`python -m heedback ping` and the real service: what an app's developer asks first."""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import text

from heedback import Batch, Delivered, Outcome, Rejected, RetryAfter
from heedback.limits import MAX_BODY_BYTES, MAX_EVENTS
from heedback.ping import ping as heedback_ping
from heedback.transport import HttpTransport
from heedback_service.store.base import Base
from heedback_service.store.db import Database
from processes import Run, Service

Ping = Callable[[str], tuple[int, str]]


@pytest.fixture
def ping(environment: dict[str, str], service: Service) -> Ping:
    """The command with a key: its status, and its last line."""

    def ping(key: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, "-m", "heedback", "ping"],
            env=environment | {"HEEDBACK_URL": service.url, "HEEDBACK_KEY": key, "NO_PROXY": "127.0.0.1"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=60,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout.splitlines()[-1]

    return ping


def test_a_service_that_is_well_stores_nothing(ping: Ping, project: dict[str, str], db: Database) -> None:
    """It knows the key, its clock agrees, and not a row of any table is another than before."""
    before = rows(db)
    assert ping(project["key"]) == (0, "ok     service     knows the key and takes events")
    assert rows(db) == before


def test_a_key_that_is_mistyped_and_one_that_is_revoked(ping: Ping, project: dict[str, str], run: Run) -> None:
    """Also one that was good a moment ago."""
    key = project["key"]
    kid = key.split("_")[2]
    refused = f"WRONG  key         the service does not accept key {kid}: mistyped, of another service, or revoked"
    assert ping(f"{key[:-1]}x") == (1, refused)
    assert ping(key)[0] == 0
    assert run("key", "revoke", "acme", kid).returncode == 0
    assert ping(key) == (1, refused)


def test_https_for_a_service_that_speaks_http(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service itself waits for more of what is a greeting in TLS: a silence that has to be read aright."""
    monkeypatch.setattr("heedback.ping.TIMEOUT", (0.5, 0.5))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    last = list(heedback_ping(service.url.replace("http:", "https:"), "hb_sk_k1_notasecret"))[-1]
    assert last.about == "url"
    assert last.says.endswith("speaks HTTP without TLS: HEEDBACK_URL has to begin with http://, not https://")


@pytest.mark.parametrize(
    ("bodies", "said"),
    [
        (["{"], "400 The body is not JSON: "),
        (["{}"] * (MAX_EVENTS + 1), "400 The body does not fit. [events]"),
        (["[" + " " * MAX_BODY_BYTES + "]"], f"413 At most {MAX_BODY_BYTES} bytes, "),
    ],
    ids=["no JSON", "too many", "too large"],
)
def test_the_services_own_refusals_are_known_as_such(
    project: dict[str, str], service: Service, bodies: list[str], said: str
) -> None:
    """By the shape of its problems: only such a refusal may end an event."""
    found = sent(service, project["key"], bodies)
    assert isinstance(found, Rejected)
    assert found.by_service
    assert found.reasons.startswith(said)


def test_a_clock_in_another_century_ends_no_event(project: dict[str, str], service: Service) -> None:
    """The service takes no request that was sent in 1970, whatever the events in it are."""
    found = sent(service, project["key"], ["{}"], "1970-01-01T00:00:00.000Z")
    assert found == RetryAfter(300.0, "the service does not take our requests (400 The body does not fit. [sent_at])")


def test_the_service_counts_each_event_of_a_batch(project: dict[str, str], service: Service) -> None:
    """New, known or rejected: an answer that did otherwise would not be believed."""
    event = f'{{"type":"output","feature":"f","id":"{uuid.uuid4()}","occurred_at":"2026-11-16T09:12:00.000Z"}}'
    found = sent(service, project["key"], [event, event, "{}", '{"type":"signal"}', "7"])
    assert isinstance(found, Delivered)
    assert (found.accepted, found.duplicates, sorted(found.rejected)) == (1, 1, [2, 3, 4])
    assert sent(service, project["key"], [event]) == Delivered(0, 1)


def sent(service: Service, key: str, bodies: list[str], at: str = "2026-11-16T09:12:00.000Z") -> Outcome:
    transport = HttpTransport(service.url, key)
    try:
        return transport.send(Batch(at, tuple(bodies)))
    finally:
        transport.close()


def rows(db: Database) -> dict[str, list[str]]:
    """Everything in every table."""
    with db.read() as session:
        return {
            name: sorted(map(str, session.execute(text(f'SELECT * FROM "{name}"')).all()))
            for name in Base.metadata.tables
        }
