"""Children of `./dev run`: real processes that start, end early, drain, or have to be killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools import processes
from tools.processes import Child, Family, Stopped, family

ROOT = Path(__file__).resolve().parents[2]
DRAINS = """
import signal, sys, time
def end(*_):
    time.sleep(0.3)
    print("drained", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up at http://here", flush=True)
while True:
    time.sleep(0.05)
"""
DEAF = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up at http://here", flush=True)
time.sleep(60)
"""
FAILS = "import sys; print('reading settings'); sys.exit('HEEDBACK_SERVER_COLOUR is not a setting')"


@pytest.fixture
def children() -> Iterator[Family]:
    with family() as mine:
        yield mine


def start(children: Family, folder: Path, code: str, name: str = "The child") -> Child:
    command = [sys.executable, "-u", "-c", code]
    return children.start(name, command, log=folder / f"{name}.log", env=dict(os.environ))


def test_what_a_child_announces_is_read(children: Family, tmp_path: Path) -> None:
    """The address comes from the line it prints, so any free port will do."""
    assert start(children, tmp_path, DRAINS).announced(r"up at (\S+)") == "http://here"


def test_a_child_that_dies_early_is_quoted(children: Family, tmp_path: Path) -> None:
    """Its last lines, from both streams, are what its owner has to read."""
    with pytest.raises(SystemExit) as ended:
        start(children, tmp_path, FAILS, "The service").announced(r"up at (\S+)")
    said = str(ended.value)
    assert said.startswith("The service ended early with status 1.")
    assert "  reading settings" in said
    assert "  HEEDBACK_SERVER_COLOUR is not a setting" in said


def test_a_silent_child_is_not_waited_for_for_ever(
    children: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a while the person at the terminal hears what is going on."""
    monkeypatch.setattr(processes, "START_S", 0.2)
    with pytest.raises(SystemExit, match="is not ready yet"):
        start(children, tmp_path, "import time; time.sleep(60)").announced("never")


def test_children_may_finish_and_the_last_started_goes_first(children: Family, tmp_path: Path) -> None:
    """The host app is gone before the service that it sends to."""
    first, second = start(children, tmp_path, DRAINS, "first"), start(children, tmp_path, DRAINS, "second")
    for child in (first, second):
        child.announced(r"up at (\S+)")
    assert children.stop()
    assert [child.process.returncode for child in (first, second)] == [0, 0]
    assert "drained" in first.log.read_text()
    assert second.log.stat().st_mtime < first.log.stat().st_mtime


def test_a_child_that_does_not_end_is_killed_and_told(
    children: Family, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A run that had to kill something did not end well."""
    monkeypatch.setattr(processes, "DRAIN_S", 0.2)
    child = start(children, tmp_path, DEAF)
    child.announced(r"up at (\S+)")
    assert not children.stop()
    assert child.process.returncode == -signal.SIGKILL
    assert "The child did not end well" in capsys.readouterr().out


def test_a_child_that_was_still_starting_may_just_end(children: Family, tmp_path: Path) -> None:
    """It has no handler for the signal yet, and nothing to finish."""
    start(children, tmp_path, "import time; time.sleep(60)")
    assert children.stop()


def test_watching_ends_when_a_child_does(children: Family, tmp_path: Path) -> None:
    """A service that dies later is not left unnoticed either."""
    start(children, tmp_path, "import time; time.sleep(0.2); print('gone'); raise SystemExit(3)")
    with pytest.raises(SystemExit, match="ended early with status 3"):
        children.watch()


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_work(children: Family, signum: signal.Signals) -> None:
    """Ctrl-C and SIGTERM mean the same."""
    with pytest.raises(Stopped):
        os.kill(os.getpid(), signum)
    assert children.children == []


def test_ctrl_c_reaches_no_child(children: Family, tmp_path: Path) -> None:
    """A terminal signals the whole foreground group; children are in groups of their own."""
    child = start(children, tmp_path, DRAINS)
    assert os.getpgid(child.process.pid) != os.getpgid(0)


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C again wants it gone now."""
    code = (
        "import os, sys; from pathlib import Path; from tools.processes import *\n"
        "with family() as mine:\n"
        f"    child = mine.start('deaf', [sys.executable, '-c', {DEAF!r}], log=Path(sys.argv[1]), env=os.environ)\n"
        "    child.announced(r'up at (\\S+)')\n"
        "    try:\n"  # around the word too: the signal may come before the next line is reached
        "        print('ready', flush=True)\n"
        "        mine.watch()\n"
        "    except Stopped: print('stopping', flush=True)\n"
        "    sys.exit(0 if mine.stop() else 1)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "log")], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout
    with parent:
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(signal.SIGINT)
        assert parent.stdout.readline() == "stopping\n"
        begun = time.monotonic()
        time.sleep(0.2)
        parent.send_signal(signal.SIGINT)
        assert parent.wait(10) == 1
        assert time.monotonic() - begun < 5


def test_asking_again_ends() -> None:
    """Yes ends it at once, no after the time given."""
    answers = iter([False, False, True])
    assert processes.until(lambda: next(answers), 5)
    assert not processes.until(lambda: False, 0.1)
