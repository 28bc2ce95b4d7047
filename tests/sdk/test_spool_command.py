"""`python -m heedback spool`: the state of a host told, sent and tidied from outside the app."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heedback import Client, RetryAfter, upkeep
from heedback.__main__ import main
from heedback.place import default_path
from heedback.testing import MemoryTransport

KEY = "hb_sk_k1_notasecret"
COMMENT = "The total leaves out the VAT of Nordlys."
MakeClient = Callable[..., Client]
DAYS = 24 * 3600

WAITS_WITH_A_BATCH = """
import sys, time
from heedback.spool import FileSpool
lease = FileSpool(sys.argv[1]).lease(100, time.time())
print(len(lease.seqs), flush=True)
time.sleep(60)
"""


class Command:
    """`python -m heedback spool …` in this process: its status, what it printed, and its JSON."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str | Path) -> tuple[int, str]:
        try:
            status = main(["spool", *map(str, words)])
        except SystemExit as wrong_use:
            status = int(wrong_use.code or 0)
        printed = self._capsys.readouterr()
        self.complaint = printed.err
        return status, printed.out

    def json(self, *words: str | Path) -> Any:
        return json.loads(self(*words, "--json")[1])


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(capsys)


@pytest.fixture
def captured(spool: Path) -> list[str]:
    """Two events that wait: an output of three days ago, and feedback of an hour ago. Their service was away."""
    times = [time.time_ns() - 3 * DAYS * 10**9]
    away = MemoryTransport(*[RetryAfter(300.0)] * 50)
    client = Client("http://heedback.test", KEY, spool=spool, user_key="salt", clock=lambda: times[-1], transport=away)
    out = client.output("invoice-summary", user="alice")
    times.append(time.time_ns() - 3600 * 10**9)
    event = client.rate(out, "down", comment=COMMENT)
    client.close()
    assert event
    return [out.id, event]


@pytest.fixture
def setup(monkeypatch: pytest.MonkeyPatch, service: Any) -> None:
    """The environment of the app."""
    monkeypatch.setenv("HEEDBACK_URL", service.url)
    monkeypatch.setenv("HEEDBACK_KEY", KEY)


@pytest.mark.usefixtures("captured")
def test_status_tells_counts_ages_path_and_mode(command: Command, spool: Path) -> None:
    """What an operator asks first, in words."""
    status, told = command("status", "--spool", spool)
    assert status == 0
    assert str(spool) in told
    assert "mode     0600, " in told
    assert "waiting  2, the oldest 3 days old, the newest 60 minutes old" in told
    assert "1 of them feedback, 0 on their way, 0 put aside" in told
    assert "dead     0\n" in told
    assert "Nordlys" not in told


@pytest.mark.usefixtures("captured")
def test_status_as_json(command: Command, spool: Path) -> None:
    """For monitoring: numbers, seconds and bytes."""
    facts = command.json("status", "--spool", spool)
    assert {name: facts[name] for name in ("pending", "feedback", "sending", "aside", "dead", "held", "dropped")} == {
        "pending": 2, "feedback": 1, "sending": 0, "aside": 0, "dead": 0, "held": 0,
        "dropped": {},
    }  # fmt: skip
    assert (facts["path"], facts["exists"], facts["mode"]) == (str(spool), True, "0600")
    assert 3 * DAYS <= facts["oldest_seconds"] < 3 * DAYS + 600
    assert 3600 <= facts["newest_seconds"] < 4200
    assert facts["dead_oldest_seconds"] is None
    assert facts["bytes"] > 0


@pytest.mark.usefixtures("captured")
def test_status_counts_what_was_put_aside(command: Command, spool: Path) -> None:
    """It still waits: the service broke down on it, and it made way for the others."""
    file = upkeep.FileSpool(str(spool))
    lease = file.lease(1, time.time())
    assert lease is not None
    file.put_aside(lease, time.time() + 60)
    file.close()
    facts = command.json("status", "--spool", spool)
    assert (facts["pending"], facts["aside"], facts["sending"]) == (2, 1, 0)
    assert "1 put aside" in command("status", "--spool", spool)[1]


def test_status_before_the_first_capture_makes_no_file(command: Command, spool: Path) -> None:
    """Looking leaves nothing behind, and the JSON has the same names."""
    assert command("status", "--spool", spool)[0] == 0
    facts = command.json("status", "--spool", spool)
    assert (facts["exists"], facts["pending"], facts["oldest_seconds"]) == (False, 0, None)
    assert not spool.parent.exists()
    spool.parent.mkdir()
    upkeep.FileSpool(str(spool)).close()
    assert command.json("status", "--spool", spool).keys() == facts.keys()


@pytest.mark.parametrize("words", [["flush"], ["dead"], ["retry"], ["drop"], ["drop", "--all"], ["flush", "--json"]])
@pytest.mark.usefixtures("setup")
def test_a_path_that_is_mistyped_is_said(command: Command, tmp_path: Path, words: list[str]) -> None:
    """Not "0 delivered": who typed it would take that for good news."""
    file = tmp_path / "such.db"
    file.touch()  # whose disk was full when it was begun
    assert command(*words, "--spool", file) == (1, "")
    file.unlink()
    assert command(*words, "--spool", file) == (1, "")
    assert command.complaint == (
        f"heedback: there is no spool at {file}: nothing was captured with these settings yet, or it is another file\n"
    )
    assert "nothing was captured with these settings yet" in command("status", "--spool", file)[1]
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_said_of_the_kinds_of_nothing(command: Command, spool: Path) -> None:
    """An empty spool has no line on what of it is feedback."""
    spool.parent.mkdir()
    upkeep.FileSpool(str(spool)).close()
    told = command("status", "--spool", spool)[1]
    assert "waiting  0\ndead     0\n" in told


@pytest.mark.parametrize("word", ["status", "flush", "dead", "retry", "drop"])
def test_help_tells_what_it_does_and_how_it_ends(command: Command, word: str) -> None:
    """Of each command, to somebody who reads nothing else."""
    status, told = command(word, "--help")
    assert status == 0
    assert "Exit status: 0 all is well;" in told
    assert len(told.partition("\n\n")[2].partition("\n\n")[0].split(".")) >= 2


def test_a_spool_that_others_may_read_is_said(command: Command, spool: Path, captured: list[str]) -> None:
    """Whoever copied the file about has opened it to others."""
    spool.chmod(0o644)
    assert "mode     0644 (not private)" in command("status", "--spool", spool)[1]


def test_the_spool_is_found_as_a_client_finds_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, spool: Path
) -> None:
    """The file named, else HEEDBACK_SPOOL, else the default of URL and key; without any of them it asks."""
    assert command("status")[0] == 2
    assert "HEEDBACK_URL" in command.complaint
    monkeypatch.setenv("HEEDBACK_URL", "http://heedback.test/")
    monkeypatch.setenv("HEEDBACK_KEY", KEY)
    client = Client(transport=MemoryTransport())
    client.output("f")
    assert command.json("status")["path"] == client.stats()["spool_path"] == default_path("http://heedback.test", "k1")
    client.close()
    monkeypatch.setenv("HEEDBACK_SPOOL", str(spool))
    assert command.json("status")["path"] == str(spool)
    assert command.json("status", "--spool", "other.db")["path"] == "other.db"


@pytest.mark.usefixtures("setup")
def test_a_batch_on_its_way_is_left_to_its_process(command: Command, spool: Path, captured: list[str]) -> None:
    """Looking frees nobody's lease, sending waits for it, dropping spares it; what a killed process held is free."""
    app = subprocess.Popen([sys.executable, "-c", WAITS_WITH_A_BATCH, str(spool)], stdout=subprocess.PIPE, text=True)
    with app:
        assert app.stdout is not None
        assert app.stdout.readline() == "2\n"
        assert command.json("status", "--spool", spool)["sending"] == 2
        assert command("flush", "--timeout", "0.1", "--spool", spool) == (
            1,
            "0 delivered, 2 still waiting\nstopped: not everything was settled within 0.1 s\n",
        )
        assert command("drop", "--all", "--yes", "--spool", spool) == (
            0,
            "dropped 0 that the service had rejected\n"
            "dropped 0 that waited, and 0 texts that waited for a rating\n"
            "left 2 that an app is sending just now\n",
        )
        app.send_signal(signal.SIGKILL)
    assert command.json("drop", "--all", "--yes", "--spool", spool)["pending"] == 2
    assert command.json("status", "--spool", spool)["pending"] == 0


@pytest.mark.parametrize("seconds", ["nan", "-1", "soon"])
def test_a_time_that_is_none_is_refused(command: Command, spool: Path, seconds: str) -> None:
    """The command would wait for ever, or not at all."""
    assert command("flush", f"--timeout={seconds}", "--spool", spool) == (2, "")
    assert f"--timeout: invalid seconds value: '{seconds}'" in command.complaint


@pytest.mark.usefixtures("setup")
def test_flush_sends_what_waits(command: Command, spool: Path, captured: list[str], service: Any) -> None:
    """The app is gone, the service is back: one command brings home what waited."""
    assert command("flush", "--spool", spool) == (0, "2 delivered, 0 still waiting\n")
    assert list(service.stored) == captured
    assert command.json("flush", "--spool", spool) == {
        "delivered": 0, "duplicates": 0, "rejected": 0, "pending": 0, "problem": None,
    }  # fmt: skip


@pytest.mark.usefixtures("setup", "captured")
def test_flush_tells_why_it_stopped_and_loses_nothing(command: Command, spool: Path, service: Any) -> None:
    """A service that says "not now" is asked once."""
    service.answers = [(503, {"Retry-After": "60"})]
    assert command("flush", "--spool", spool) == (1, "0 delivered, 2 still waiting\nstopped: answered 503\n")
    assert len(service.times) == 1
    assert command.json("status", "--spool", spool)["pending"] == 2


@pytest.mark.usefixtures("captured")
def test_flush_without_a_service(command: Command, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody listens: one try, and the reason."""
    assert command("flush", "--spool", spool)[0] == 2
    assert "HEEDBACK_URL" in command.complaint
    monkeypatch.setenv("HEEDBACK_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HEEDBACK_KEY", KEY)
    status, told = command("flush", "--spool", spool)
    assert status == 1
    assert "stopped: the service is unreachable" in told


@pytest.mark.usefixtures("captured")
def test_flush_does_not_blame_the_spool_for_a_setting(
    command: Command, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bundle of certificates that is not there: it is named, the spool is not, and nothing is lost."""
    monkeypatch.setenv("HEEDBACK_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("HEEDBACK_KEY", KEY)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nope.pem")
    status, told = command("flush", "--spool", spool)
    assert (status, str(spool) in told + command.complaint) == (1, False)
    assert told.startswith("0 delivered, 2 still waiting\nstopped: sending failed: OSError: ")
    assert "/nope.pem" in told


@pytest.mark.usefixtures("setup")
def test_dead_events_are_told_with_reasons_and_without_texts(
    command: Command, spool: Path, captured: list[str], service: Any
) -> None:
    """Whoever looks after the host need not read what people wrote; who must, says so."""
    service.reject = lambda event: "Longer than 4096." if event["type"] == "feedback" else None
    status, told = command("flush", "--spool", spool)
    assert (status, told) == (
        1,
        "1 delivered, 0 still waiting\n"
        "1 rejected: see python -m heedback spool dead, and retry once the cause is gone\n",
    )
    status, told = command("dead", "--spool", spool)
    assert status == 0
    assert f"feedback  invoice-summary  {captured[1]}\n    comment: Longer than 4096.\n" in told
    assert "Nordlys" not in told
    assert "Nordlys" not in json.dumps(command.json("dead", "--spool", spool))
    assert COMMENT in command("dead", "--text", "--spool", spool)[1]
    assert command.json("dead", "--text", "--spool", spool)[0]["event"]["comment"] == COMMENT
    assert "dead     1, the oldest 0 seconds old" in command("status", "--spool", spool)[1]


@pytest.mark.usefixtures("setup")
def test_rows_that_hold_no_event_are_sent_around_and_shown_safely(
    command: Command, spool: Path, captured: list[str], service: Any
) -> None:
    """No traceback, no steering of the terminal; the events before and behind them arrive."""
    with contextlib.closing(sqlite3.connect(spool)) as db, db:
        for body in (b"\xff\x1b[2J", b"[1, 2]"):
            db.execute("INSERT INTO event SELECT min(seq) - 1, 1e99, 1, 1, ? FROM event", (body,))
        db.execute("INSERT INTO dead (at, reasons, body) VALUES (1e99, CAST(x'ff' AS TEXT), 7)")
    assert command("flush", "--spool", spool) == (0, "2 delivered, 0 still waiting\n")
    assert list(service.stored) == captured
    status, told = command("dead", "--text", "--spool", spool)
    assert (status, command.complaint) == (0, "")
    assert told.startswith('9999-12-31T23:59:59Z  1 bytes\n    \ufffd\n    {"begins": "7"}\n')
    assert '  5 bytes\n    unreadable\n    {"begins": "\\\\xff\\u001b[2J"}\n' in told
    rows = command.json("dead", "--spool", spool)
    assert [(row["id"], row["bytes"], row["reasons"]) for row in rows[1:]] == [
        (None, 6, "unreadable"), (None, 5, "unreadable"),
    ]  # fmt: skip
    assert command.json("status", "--spool", spool)["dropped"] == {"unreadable": 2}


@pytest.mark.usefixtures("setup")
def test_the_dead_are_retried_under_the_ids_they_have(
    command: Command, spool: Path, captured: list[str], service: Any
) -> None:
    """The service was put right: one command brings home what it had rejected, and a second one finds nothing."""
    service.reject = lambda event: "Too long."
    assert command("flush", "--spool", spool)[0] == 1
    service.reject = lambda event: None
    assert command("retry", "--spool", spool)[1].startswith("2 back in line, 0 still dead\nan app that runs sends")
    assert command("flush", "--spool", spool) == (0, "2 delivered, 0 still waiting\n")
    assert list(service.stored) == captured
    assert "redactor" in service.requests[0]
    assert "redactor" not in service.requests[1]  # the service redacts what nobody knows to be redacted
    assert command("retry", "--spool", spool) == (0, "0 back in line, 0 still dead\n")


@pytest.mark.usefixtures("setup")
def test_the_dead_are_retried_by_id_and_by_reason(
    command: Command, spool: Path, captured: list[str], service: Any
) -> None:
    """What is not named stays dead; what holds no event cannot be sent, and an id that none has is said."""
    service.reject = lambda event: "Too long." if event["type"] == "feedback" else "Of a day to come."
    command("flush", "--spool", spool)
    with contextlib.closing(sqlite3.connect(spool)) as db, db:
        db.execute("INSERT INTO dead (at, reasons, body) VALUES (1, 'unreadable', 'no event')")
    facts = {"retried": 0, "dead": 3, "unreadable": 1, "unknown": []}
    assert command.json("retry", "--reason", "no such words", "--spool", spool) == facts
    assert command("retry", captured[0], "another", "--spool", spool) == (
        1,
        "1 back in line, 2 still dead\n"
        "1 of the dead hold no event and cannot be sent\n"
        "no dead event has the id another\n"
        "an app that runs sends them within half a minute; so does python -m heedback spool flush, at once\n",
    )
    assert command.json("status", "--spool", spool)["feedback"] == 0
    assert command.json("retry", "--reason", "comment: too LONG", "--spool", spool)["retried"] == 1
    facts = command.json("status", "--spool", spool)
    assert (facts["pending"], facts["feedback"], facts["dead"]) == (2, 1, 1)


@pytest.mark.usefixtures("setup", "captured")
def test_what_is_retried_is_as_young_as_it_was_put_back(
    command: Command, spool: Path, service: Any, make_client: MakeClient
) -> None:
    """An app that keeps events for a day does not drop one of three days ago that somebody just put back."""
    service.reject = lambda event: "No."
    command("flush", "--spool", spool)
    service.reject = lambda event: None
    assert command.json("retry", "--spool", spool)["retried"] == 2
    client = make_client(max_age_days=1)
    client.start()
    assert client.flush(30)
    assert (len(service.stored), client.stats()["dropped"]) == (2, {})


@pytest.mark.usefixtures("setup")
def test_drop_forgets_the_dead_alone(
    command: Command, spool: Path, captured: list[str], service: Any, make_client: MakeClient
) -> None:
    """Their texts are gone from the disk, not only from the tables; what waits still waits."""
    service.reject = lambda event: "No." if event["type"] == "feedback" else None
    command("flush", "--spool", spool)
    waits = make_client(transport=MemoryTransport(*[RetryAfter(300.0)] * 50))
    waits.output("f")
    waits.close()
    assert b"Nordlys" in _on_disk(spool)
    assert command("drop", "--spool", spool) == (0, "dropped 1 that the service had rejected\n")
    assert b"Nordlys" not in _on_disk(spool)
    facts = command.json("status", "--spool", spool)
    assert (facts["dead"], facts["pending"]) == (0, 1)
    assert command("dead", "--spool", spool) == (0, "none\n")


@pytest.mark.usefixtures("setup", "captured")
def test_drop_all_has_to_be_meant_and_is_told_to_the_service(
    command: Command, spool: Path, service: Any, make_client: MakeClient
) -> None:
    """The day is marked incomplete: an event dropped by hand is a hole like any other."""
    assert command("drop", "--all", "--spool", spool)[0] == 2
    assert "2 events wait" in command.complaint
    assert command.json("drop", "--all", "--yes", "--spool", spool) == {
        "dead": 0, "pending": 2, "held": 0, "sending": 0,
    }  # fmt: skip
    assert b"Nordlys" not in _on_disk(spool)
    assert "2 by_hand that the service was not told of yet" in command("status", "--spool", spool)[1]
    client = make_client()
    client.output("f")
    assert client.flush(30)
    assert service.requests[0]["dropped"] == {"by_hand": 2}


@pytest.mark.parametrize("word", ["status", "flush", "dead", "retry", "drop"])
@pytest.mark.parametrize("content", [b"no database at all, but long enough to look like one" * 20, None])
@pytest.mark.usefixtures("setup")
def test_a_file_that_is_no_spool_is_left_alone(
    command: Command, tmp_path: Path, word: str, content: bytes | None
) -> None:
    """One line, no traceback, and not a byte of somebody else's file is changed."""
    file = tmp_path / "else.db"
    if content is None:
        with sqlite3.connect(file) as db:
            db.execute("CREATE TABLE theirs (n)")
        db.close()
    else:
        file.write_bytes(content)
    before = file.read_bytes()
    assert command(word, "--spool", file) == (2, "")
    assert command.complaint.startswith("heedback: ")
    assert command.complaint.count("\n") == 1
    assert str(file) in command.complaint
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_a_spool_of_a_newer_version_is_left_alone(command: Command, spool: Path, captured: list[str]) -> None:
    """Whoever wrote it knows more than we do."""
    with sqlite3.connect(spool) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    assert command("drop", "--all", "--yes", "--spool", spool)[0] == 2
    assert "format 99" in command.complaint
    client = Client("http://heedback.test", KEY, spool=spool, user_key="salt", transport=MemoryTransport())
    client.output("f")
    client.close()
    assert command("status", "--spool", spool)[0] == 2
    assert command.complaint.endswith(f"; what this version captures is in {spool}.format-2\n")
    assert command("status", "--spool", f"{spool}.format-2")[0] == 0


def test_a_spool_in_memory_cannot_be_seen(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says where else to look."""
    monkeypatch.setenv("HEEDBACK_SPOOL", ":memory:")
    assert command("status")[0] == 2
    assert "heedback.stats()" in command.complaint


def test_what_a_service_wrote_does_not_steer_the_terminal(command: Command, spool: Path, captured: list[str]) -> None:
    """Escape sequences in a reason are printed as gaps."""
    with sqlite3.connect(spool) as db:
        db.execute("INSERT INTO dead SELECT NULL, at, '400 \x1b[2Jcleared', CAST(body AS TEXT) FROM event LIMIT 1")
    db.close()
    assert "    400  [2Jcleared\n" in command("dead", "--spool", spool)[1]


def test_as_people_start_it(spool: Path, captured: list[str]) -> None:
    """A process of its own, with its exit status; and wrong use is explained."""
    run = [sys.executable, "-m", "heedback", "spool"]
    done = subprocess.run([*run, "status", "--spool", str(spool)], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "waiting  2" in done.stdout
    wrong = subprocess.run([*run, "empty"], capture_output=True, text=True)
    assert wrong.returncode == 2
    assert "usage: python -m heedback spool" in wrong.stderr


def test_an_app_does_not_pay_for_the_command() -> None:
    """`import heedback` loads neither it nor its parser of arguments."""
    code = "import sys, heedback; print({'heedback.__main__', 'heedback.upkeep', 'argparse'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def _on_disk(spool: Path) -> bytes:
    return b"".join(file.read_bytes() for file in spool.parent.iterdir())
