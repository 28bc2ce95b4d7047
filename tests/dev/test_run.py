"""What `./dev run` decides by itself: ports, folders, and what counts as missing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tools import demo, run, verify

ROOT = Path(__file__).resolve().parents[2]


def test_a_busy_port_is_one_clear_line() -> None:
    """It is said before anything is made or started, with the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "dev", "run", "--port", str(port)], cwd=ROOT, capture_output=True, text=True, timeout=30
        )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"Port {port}: Address already in use.")
    assert done.stderr.count("\n") == 1
    assert "--port N" in done.stderr


def test_any_free_port_is_never_busy() -> None:
    """Zero lets the system choose."""
    run.refuse_busy(0)


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_a_port_is_a_port(port: str) -> None:
    """Anything else is refused by name."""
    done = subprocess.run([sys.executable, "dev", "run", f"--port={port}"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "--port" in done.stderr


def test_the_folder_of_a_finished_run_is_kept(tmp_path: Path) -> None:
    """A second run finds what the first one played."""
    home = tmp_path / ".heedback"
    with demo.kept_home(home):
        (home / "heedback.db").write_text("data")
        demo.write_note(home, played=12)
    with demo.kept_home(home):
        assert (home / "heedback.db").read_text() == "data"


def test_the_folder_of_an_interrupted_run_is_made_anew(tmp_path: Path) -> None:
    """Playing a second time over half of a first one would show everything twice."""
    home = tmp_path / ".heedback"
    with demo.kept_home(home):
        (home / "heedback.db").write_text("half")
    with demo.kept_home(home):
        assert not (home / "heedback.db").exists()


def test_data_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """The folder is also the service's default, so it may hold real feedback."""
    home = tmp_path / ".heedback"
    home.mkdir()
    (home / "heedback.db").write_text("real")
    with pytest.raises(SystemExit, match="did not make"), demo.kept_home(home):
        raise AssertionError("it was used")
    assert (home / "heedback.db").read_text() == "real"


def test_the_note_holds_keys_so_it_is_its_owners_alone(tmp_path: Path) -> None:
    """Facts are added one by one, and nobody else may read them."""
    demo.write_note(tmp_path, keys={"key": "secret"})
    demo.write_note(tmp_path, played=3)
    assert demo.read_note(tmp_path) == {"keys": {"key": "secret"}, "played": 3}
    assert (tmp_path / "run.json").stat().st_mode & 0o077 == 0
    assert json.loads((tmp_path / "run.json").read_text())


def test_a_passing_folder_is_gone_afterwards() -> None:
    """`--once` leaves nothing behind."""
    with demo.passing_home() as home:
        (home / "file").touch()
    assert not home.exists()


STORED = [
    {"type": "output", "id": "o1"},
    {"type": "feedback", "id": "f1", "events": ["e1", "e2"]},
    {"type": "signal", "id": "s1"},
]


def test_every_event_sent_must_be_stored() -> None:
    """The lost ones are counted, and one is named."""
    assert list(verify.events(["o1", "e1", "e2", "s1"], STORED)) == []
    assert list(verify.events(["o1", "e3", "e1"], STORED)) == ["1 of 3 events are not stored, first e3"]


def test_the_id_of_a_piece_of_feedback_is_no_event() -> None:
    """It is the service's own; only the events that made it were sent."""
    assert verify.stored_ids(STORED) == {"o1", "e1", "e2", "s1"}
