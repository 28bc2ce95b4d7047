"""The ways from a browser to the service, with everything real: the service, and the example apps with their SDKs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import pytest
import requests
from sqlalchemy import select

import warm
from heedback.tickets import MAY, Ticket, sign, ticket_key
from heedback_service.core.ids import new_id
from heedback_service.flow import keys, projects
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.tables import FeedbackEvent, Project
from processes import Service, until

EXAMPLES: Final = Path(__file__).parents[1] / "examples" / "widget"
HOSTS: Final = ("flask", "fastapi", "django")
WAYS: Final = ("direct", *HOSTS)
PAGE: Final = "https://www.acme.example"  # whose pages may post straight to the service
_people: Final = count(1)


@dataclass(frozen=True)
class House:
    """A running service with the project acme in it, and its own eyes on the database."""

    url: str
    key: str
    revoked: str  # a key of the project that opens nothing any more
    db: Database
    data: Path  # of the service

    def command(self, *words: str) -> str:
        """What `heedback WORDS` prints."""
        done = warm.run(words, service_environment(self.data))
        assert done.returncode == 0, done.stderr
        return done.stdout

    def ticket(self, key: str | None = None, **changes: Any) -> str:
        """Signed by the project's key, for an output and a person of their own unless told otherwise."""
        return self.sign(replace(a_ticket(), **changes), key)

    def sign(self, ticket: Ticket, key: str | None = None) -> str:
        kid, secret = (key or self.key).split("_")[2:]
        return sign(replace(ticket, kid=kid), ticket_key(secret))

    def event(self, its_id: str) -> FeedbackEvent | None:
        with self.db.read() as session:
            return session.scalar(select(FeedbackEvent).where(FeedbackEvent.id == UUID(its_id)))

    def arrives(self, its_id: str) -> FeedbackEvent:
        until(lambda: self.event(its_id) is not None)
        found = self.event(its_id)
        assert found is not None
        return found


@dataclass(frozen=True)
class Way:
    """One of them: where the element's endpoint is, and the page that the element stands on."""

    name: str
    endpoint: str
    page: str
    house: House

    @property
    def saved(self) -> int:
        return 200 if self.name == "direct" else 202

    @property
    def headers(self) -> dict[str, str]:
        """As a browser sends them."""
        site = "cross-site" if self.name == "direct" else "same-origin"
        return {"Content-Type": "text/plain;charset=UTF-8", "Origin": self.page, "Sec-Fetch-Site": site}

    def post(self, path: str, body: Any, **headers: str | None) -> requests.Response:
        """`body` as JSON, or bytes as they are; a header that is None is left out."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = self.headers | {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in given.items() if value is not None}
        return requests.post(f"{self.endpoint}/{path}", data=data, headers=kept, timeout=20, allow_redirects=False)

    def say(self, ticket: str, *events: Any, **envelope: Any) -> requests.Response:
        sent: dict[str, Any] = {"ticket": ticket, "sent_at": moment(), "events": list(events)}
        return self.post("events", sent | envelope)


def a_ticket() -> Ticket:
    return Ticket("", str(new_id()), "invoice-summary", f"u-{next(_people)}", MAY, int(time.time()) + 3600)


def moment() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def click(**said: Any) -> dict[str, Any]:
    """An event as the element makes it."""
    return {"id": str(new_id()), "occurred_at": moment(), **said}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def app(name: str, folder: Path, url: str, key: str) -> Iterator[str]:
    """The example app NAME as a process of its own; its address."""
    port = free_port()
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    told = {"HEEDBACK_URL": url, "HEEDBACK_KEY": key, "HEEDBACK_USER_KEY": "salt", "PORT": str(port)}
    spool = {"HEEDBACK_SPOOL": str(folder / f"{name}.sqlite3")}
    file = EXAMPLES / ("direct.py" if name == "direct" else f"{name}_app.py")
    with subprocess.Popen([sys.executable, str(file)], env=ours | told | spool) as process:
        try:
            until(lambda: process.poll() is not None or _listens(port))
            assert process.poll() is None
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()


def _listens(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def furnish(url: str, *origins: str) -> tuple[str, str]:
    """The project acme in the database at `url`: its key, and one that was revoked."""
    db = open_database(url)
    with db.write() as session:
        acme = projects.create_project(session, "acme", "Acme", "Europe/Oslo", datetime.now(UTC))
        assert isinstance(acme, Project)
        assert projects.set_origins(acme, origins) is None
        key, other = (keys.make_key(session, acme, datetime.now(UTC)) for _ in range(2))
        session.flush()
        assert keys.revoke_key(session, acme, other.kid, datetime.now(UTC))
    db.dispose()
    return key.text, other.text


def service_environment(folder: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    return ours | {"HEEDBACK_SERVER_DATA": str(folder), "HEEDBACK_SERVER_SETTLE_SECONDS": "0"}


@pytest.fixture(scope="session")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("service")
    url = f"sqlite:///{folder / 'heedback.db'}"
    key, revoked = furnish(url, PAGE)
    with Service(service_environment(folder)) as service:
        db = Database(url)
        yield House(service.url, key, revoked, db, folder)
        db.dispose()


@pytest.fixture(scope="session")
def opened(house: House, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Way]]:
    """A way by its name; its app is started once, when it is first asked for."""
    folder, ways = tmp_path_factory.mktemp("spools"), dict[str, Way]()
    with ExitStack() as running:

        def open_way(name: str) -> Way:
            if name not in ways and name == "direct":
                ways[name] = Way(name, f"{house.url}/v1/widget", PAGE, house)
            elif name not in ways:
                page = running.enter_context(app(name, folder, house.url, house.key))
                ways[name] = Way(name, f"{page}/heedback", page, house)
            return ways[name]

        yield open_way


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, opened: Callable[[str], Way]) -> Way:
    return opened(request.param)


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest, opened: Callable[[str], Way]) -> Way:
    """The ways that lead through an app."""
    return opened(request.param)
