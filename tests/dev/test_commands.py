"""The command line of `./dev`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tools import commands

PYTEST = ["python", "-m", "pytest", "-n", str(max(1, 3 * (os.cpu_count() or 1) // 2)), "--dist", "worksteal"]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would have been started; everything they need is installed."""
    started: list[list[str]] = []

    def call(command: list[str], **variables: str) -> int:
        started.append([*(f"{name}={value}" for name, value in variables.items()), *command])
        return 5

    monkeypatch.setattr(commands, "call", call)
    monkeypatch.setattr(commands.environment, "ready", lambda root, extras: SimpleNamespace(python="python"))
    monkeypatch.setattr(commands, "in_memory", lambda variables: {})
    return started


def test_further_arguments_of_test_go_to_pytest_in_order(called: list[list[str]]) -> None:
    """And pytest's exit status, here 5 for "no tests collected", is the command's."""
    status = commands.main(["test", "-k", "stamp", "--strict", "tests/dev", "-x"])
    assert (status, called) == (
        5,
        [[*PYTEST, "--no-skips", "--hypothesis-profile=ci", "-k", "stamp", "tests/dev", "-x"]],
    )


def test_an_option_is_not_guessed_from_its_beginning(called: list[list[str]]) -> None:
    """`--str` is pytest's to refuse, not a way to write `--strict`."""
    commands.main(["test", "--str"])
    assert called[0][-1] == "--str"
    assert "--no-skips" not in called[0]


def test_what_is_unknown_is_refused(called: list[list[str]]) -> None:
    """A command that passes nothing on takes nothing unknown."""
    with pytest.raises(SystemExit) as refused:
        commands.main(["check", "--fast"])
    assert refused.value.code == 2
    assert called == []


def test_without_a_command_there_is_help() -> None:
    """The exit status says that nothing was done."""
    done = subprocess.run([sys.executable, "dev"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "COMMAND" in done.stderr


def test_a_benchmark_gets_its_arguments_and_what_the_tests_share(called: list[list[str]]) -> None:
    """`tests` is on its path, as it is on the tests'."""
    commands.main(["bench", "sdk_crash", "--runs", "1"])
    program = str(ROOT / "tests" / "bench" / "sdk_crash.py")
    assert called == [[f"PYTHONPATH={ROOT / 'tests'}", "python", program, "--runs", "1"]]


def test_an_unknown_benchmark_lists_what_there_is(called: list[list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    """A name that is no benchmark starts nothing."""
    assert commands.main(["bench", "nothing-like-it"]) == 1
    assert capsys.readouterr().out.startswith("There is no benchmark nothing-like-it.\nThere is: ")
    assert called == []


def test_heedbacks_own_variables_reach_no_child() -> None:
    """What a developer has set for another installation must not decide a test here."""
    assert commands.clean({"HEEDBACK_URL": "u", "HEEDBACK_SERVER_DATA": "d", "PATH": "p"}) == {"PATH": "p"}


def test_python_keeps_what_it_compiles() -> None:
    """Where that is switched off, as it often is in containers, each process of the tests would compile everything."""
    assert commands.clean({"PYTHONDONTWRITEBYTECODE": "1", "PATH": "p"}) == {"PATH": "p"}


def test_temporary_files_of_tests_lie_in_memory_where_there_is_room(tmp_path: Path) -> None:
    assert commands.in_memory({}, tmp_path, room=1) == {"TMPDIR": str(tmp_path)}
    assert commands.in_memory({"TMPDIR": "mine"}, tmp_path, room=1) == {}
    assert commands.in_memory({}, tmp_path, room=10**18) == {}
    assert commands.in_memory({}, tmp_path / "not there", room=1) == {}


def test_an_old_python_is_refused_in_one_line(tmp_path: Path) -> None:
    """`dev` itself stays readable for old Pythons: it says what it needs before it imports anything newer."""
    old = (ROOT / "dev").read_text("utf-8").replace("import sys\n", "import sys\nsys.version_info = (3, 9, 2)\n")
    (tmp_path / "dev").write_text(old)
    done = subprocess.run([sys.executable, "dev", "check"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "Heedback needs Python 3.11 or newer, and this is 3.9.\n"
