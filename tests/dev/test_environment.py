"""`.venv`: when something is installed into it, when it is made anew, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tools import environment
from tools.environment import Environment, Stamp

ROOT = Path(__file__).resolve().parents[2]
STAMP = Stamp("d1", "3.11.7", "here", frozenset({"service", "examples"}))


def test_an_equal_stamp_needs_no_install() -> None:
    """Nothing is installed where nothing changed and the extras are there."""
    assert STAMP.missing(STAMP) == frozenset()
    assert replace(STAMP, extras=frozenset({"service"})).missing(STAMP) == frozenset()


@pytest.mark.parametrize("change", [{"digest": "d2"}, {"python": "3.12.1"}, {"root": "there"}])
def test_any_change_installs_anew(change: dict[str, str]) -> None:
    """pyproject, lock, Python and place each count."""
    changed = Stamp(**{"digest": "d1", "python": "3.11.7", "root": "here", "extras": STAMP.extras, **change})
    assert changed.missing(STAMP) == STAMP.extras


def test_extras_asked_for_before_are_kept() -> None:
    """`./dev run` after `./dev check` at a new lock installs what both need."""
    wanted = Stamp("d2", "3.11.7", "here", frozenset({"test"}))
    assert wanted.missing(STAMP) == {"test", "service", "examples"}


def test_the_first_time_installs_what_was_asked() -> None:
    """Without a stamp there is nothing to keep."""
    assert STAMP.missing(None) == STAMP.extras


def test_extras_include_those_they_name() -> None:
    """The check environment holds the test environment, and that the service."""
    assert environment.implied(ROOT, ["check"]) == {"check", "test", "service", "examples", "phone", "postgres"}
    assert environment.implied(ROOT, ["service"]) == {"service"}


def test_extras_may_name_each_other() -> None:
    """A circle of extras ends."""
    table = {"a": ["heedback[b]"], "b": ["heedback[ a, c ]", "other[d]"], "c": []}
    assert environment.closure("heedback", table, ["a"]) == {"a", "b", "c"}


def test_the_digest_follows_pyproject_and_lock(tmp_path: Path) -> None:
    """One changed byte in either is a new digest."""
    for name in ("pyproject.toml", environment.LOCK):
        (tmp_path / name).write_text("1")
    digests = [environment.digest(tmp_path)]
    for name in ("pyproject.toml", environment.LOCK):
        (tmp_path / name).write_text("2")
        digests.append(environment.digest(tmp_path))
    assert len(set(digests)) == 3


def test_a_stamp_survives_the_file(tmp_path: Path) -> None:
    """What is written is what is read."""
    environment.write_stamp(tmp_path / "stamp", STAMP, frozenset({"check"}))
    assert environment.read_stamp(tmp_path / "stamp") == replace(STAMP, extras=frozenset({"check"}))


@pytest.mark.parametrize("content", ["", "{", "[]", '{"digest": "d1"}', '{"extras": 3}'])
def test_a_torn_stamp_is_none(tmp_path: Path, content: str) -> None:
    """An install that was cut off leaves nothing to rely on."""
    (tmp_path / "stamp").write_text(content)
    assert environment.read_stamp(tmp_path / "stamp") is None


@pytest.fixture
def bare(tmp_path: Path) -> Environment:
    """A real environment without pip: quick to make."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / ".venv")], check=True)
    return Environment(tmp_path, tmp_path / ".venv")


def test_an_environment_that_works_is_kept(bare: Environment) -> None:
    """Also one that somebody made by hand, with a Python of their choice."""
    assert environment.python_version(bare).startswith(f"{sys.version_info[0]}.{sys.version_info[1]}.")
    assert environment.usable(bare, None)


def test_an_environment_is_made_anew_where_it_cannot_work(bare: Environment) -> None:
    """Its Python is gone, it is too old, or the checkout has moved."""
    assert not environment.usable(bare, STAMP)
    config = bare.folder / "pyvenv.cfg"
    config.write_text("version_info = 3.10.4\n")
    assert not environment.usable(bare, None)
    config.write_text("version_info = 3.12.4\n")
    bare.python.unlink()
    assert not environment.usable(bare, None)


def test_without_venv_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian ships Python without ensurepip; no half-made folder is left behind."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="apt install python3-venv") as refused:
        environment.make(Environment(tmp_path, tmp_path / ".venv"))
    assert "\n" not in str(refused.value)
    assert not (tmp_path / ".venv").exists()


def test_a_uv_that_does_not_work_is_no_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version manager's shim is on the PATH, and fails."""
    shim = tmp_path / "uv"
    shim.write_text("#!/bin/sh\nexit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert shutil.which("uv") == str(shim)
    assert environment.working_uv() is None


def test_a_failing_install_is_an_error(tmp_path: Path) -> None:
    """The command that failed is named."""
    with pytest.raises(SystemExit, match="raise SystemExit"):
        environment.attempt([sys.executable, "-c", "raise SystemExit(3)"])
