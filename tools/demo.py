"""One installation of Heedback with sample data, in one folder: what `./dev run` sets up, plays and shows.

Everything goes through the doors that users have: the command line, the SDK, HTTP. Nothing here knows a table.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools.environment import Environment
from tools.processes import OWN_GROUP, Child, Family

PROJECT: Final = "docs-assistant"
OWNER: Final = "ana@example.org"
ZONE: Final = "Europe/Oslo"
SERVICE_LINE: Final = r"Heedback is listening on (http://\S+)"
HOST_LINE: Final = r"The docs assistant is listening on (http://\S+)"


@dataclass(frozen=True, slots=True)
class Demo:
    """The installation in `home`: database, secret, outbox, spool, logs, and `run.json`, which says how far it is.

    `settle_s` is how long the service leaves feedback alone before it reads it.
    """

    environment: Environment
    home: Path
    settle_s: float

    def heedback(self, *arguments: str) -> str:
        """What `heedback ARGUMENTS` prints.

        Raises:
            SystemExit: it failed; the message is what it said.
        """
        command = [str(self.environment.script("heedback")), *arguments]
        return self._output(command, self._service_settings(settle_s=0))

    def start_service(self, family: Family, port: int) -> str:
        """Starts the service and returns its address."""
        command = [str(self.environment.script("heedback")), "serve", "--port", str(port)]
        settings = self._service_settings(self.settle_s)
        child = self._start(family, "The service", command, settings)
        return child.announced(SERVICE_LINE)

    def start_host(self, family: Family, url: str) -> str:
        """Starts the host app, which sends to the service at `url`, and returns its own address."""
        command = [str(self.environment.python), str(self._example("app.py")), "--port", "0"]
        child = self._start(family, "The host app", command, self._sdk_settings(url))
        return child.announced(HOST_LINE)

    def create(self) -> None:
        """Makes the project; its keys, which are shown once, go into `run.json`."""
        told = self.heedback("project", "create", PROJECT, "--name", "Docs assistant", "--timezone", ZONE, "--json")
        write_note(self.home, keys=json.loads(told))

    def admit_owner(self, url: str) -> str:
        """Gives the owner a place, and returns a fresh link to the service at `url` that signs them in, once."""
        self.heedback("user", "add", OWNER, "--name", "Ana", "--project", PROJECT, "--role", "owner")
        return self.heedback("user", "link", OWNER, "--url", url).split()[-1]

    def play(self, url: str) -> dict[str, Any]:
        """Sends the sample feedback through the SDK, and returns what was sent."""
        command = [str(self.environment.python), str(self._example("play.py")), "--timezone", ZONE]
        sent: dict[str, Any] = json.loads(self._output(command, self._sdk_settings(url)).splitlines()[-1])
        return sent

    def work(self) -> None:
        """Triages everything that waits, and does whatever else is due."""
        self.heedback("worker", "--once")

    def digest(self) -> dict[str, Any]:
        """The digest of the last complete week, written now if it is not yet."""
        told: dict[str, Any] = json.loads(self.heedback("digest", PROJECT, "--json"))
        return told

    def stored(self) -> list[dict[str, Any]]:
        """Everything that the service keeps of the project."""
        return [json.loads(line) for line in self.heedback("export", PROJECT).splitlines()]

    def recount(self) -> None:
        """Counts again from the rows.

        Raises:
            SystemExit: a count differs; the message names it.
        """
        self.heedback("rollup", "verify")

    def finished(self) -> bool:
        """Whether an earlier run played everything."""
        return bool(read_note(self.home).get("played"))

    def finish(self, sent: Mapping[str, Any]) -> None:
        write_note(self.home, played=len(sent["events"]))

    def _start(self, family: Family, name: str, command: list[str], settings: Mapping[str, str]) -> Child:
        log = self.home / f"{name.lower().removeprefix('the ').replace(' ', '-')}.log"
        return family.start(name, command, log=log, env=self._variables(settings))

    def _output(self, command: list[str], settings: Mapping[str, str]) -> str:
        variables = self._variables(settings)
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, env=variables, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", **OWN_GROUP
        )
        if done.returncode:
            said = (done.stderr or done.stdout).strip() or "it said nothing"
            raise SystemExit(f"{Path(command[0]).name} {' '.join(command[1:])} failed: {said}")
        return done.stdout

    def _variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
        return {**inherited, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1", **settings}

    def _service_settings(self, settle_s: float) -> dict[str, str]:
        return {"HEEDBACK_SERVER_DATA": str(self.home), "HEEDBACK_SERVER_SETTLE_SECONDS": str(settle_s)}

    def _sdk_settings(self, url: str) -> dict[str, str]:
        keys = read_note(self.home)["keys"]
        return {
            "HEEDBACK_URL": url,
            "HEEDBACK_KEY": keys["key"],
            "HEEDBACK_USER_KEY": keys["user_key"],
            "HEEDBACK_SPOOL": str(self.home / "spool"),
        }

    def _example(self, name: str) -> Path:
        return self.environment.root / "examples" / "docs_assistant" / name


def read_note(home: Path) -> dict[str, Any]:
    try:
        noted: dict[str, Any] = json.loads((home / "run.json").read_text("utf-8"))
    except FileNotFoundError:
        return {}
    return noted


def write_note(home: Path, **facts: Any) -> None:
    """Adds `facts` to the folder's note."""
    # Keys are in it: for its owner only, and whole or not at all.
    fresh = home / "run.json.new"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps({**read_note(home), **facts}, indent=2) + "\n", "utf-8")
    fresh.replace(home / "run.json")


@contextmanager
def kept_home(home: Path) -> Iterator[Path]:
    """The folder whose data a second run finds again; what an interrupted first run left is cleared away.

    Raises:
        SystemExit: there is data that no run made, which nobody asked us to touch.
    """
    noted = read_note(home)
    if noted and not noted.get("played"):
        print(f"The first run was interrupted: {home.name} is made anew.", flush=True)
        shutil.rmtree(home)
    elif not noted and (home / "heedback.db").exists():
        raise SystemExit(f"{home} holds data that ./dev run did not make: move it away, or give --data another folder.")
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SystemExit(f"{home} cannot be made: {error.strerror}") from None
    write_note(home, ours=True)
    yield home


@contextmanager
def passing_home() -> Iterator[Path]:
    """A fresh folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="heedback-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
