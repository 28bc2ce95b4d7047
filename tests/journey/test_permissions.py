"""A database that this user may not use is one line, with the path and what is wanted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

import warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="takes Linux to keep root to the permissions of files")

# Root gives up CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, for good: capset(2), for others it changes nothing.
MORTAL: Final = """
import ctypes
header, data, libc = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)(), ctypes.CDLL(None, use_errno=True)
assert libc.capget(header, data) == 0
for n in range(3):
    data[n] &= ~0b110
assert libc.capset(header, data) == 0
"""
Command = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def command(environment: dict[str, str]) -> Command:
    """The command, by somebody whom permissions bind."""
    return lambda *words: warm.run(words, environment, code=MORTAL + warm.COMMAND)


@pytest.fixture
def file(project: dict[str, str], command: Command, tmp_path: Path) -> Iterator[Path]:
    assert command("project", "list").returncode == 0
    found = tmp_path / "data" / "heedback.db"
    yield found
    found.parent.chmod(0o700)


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line that it ended with."""
    [line] = done.stderr.splitlines()
    assert done.returncode == 1
    return line


def test_a_folder_where_no_log_can_be_made(file: Path, command: Command, tmp_path: Path) -> None:
    file.parent.chmod(0o500)
    wanted = f"this user may not write in the folder {file.parent}, where SQLite keeps its log, also to read"
    for words in ("project", "list"), ("rollup", "verify"), ("serve", "--port", "0"):
        assert refused(command(*words)) == f"Error: cannot use the database {file}: {wanted}"
    assert refused(command("backup", str(tmp_path / "b.db"))) == f"Error: cannot read the database: {wanted}"
    assert not list(tmp_path.glob("*b.db*"))


def test_a_file_that_may_only_be_read_is_read(file: Path, command: Command) -> None:
    file.chmod(0o400)
    assert command("project", "list").stdout.startswith("acme")
    assert command("rollup", "verify").returncode == 0
    changed = command("project", "set", "acme", "--retention-days", "30")
    assert refused(changed) == f"Error: the database refused: this user may not write to {file}"


def test_a_file_that_may_not_be_read(file: Path, command: Command) -> None:
    file.chmod(0)
    assert refused(command("project", "list")).endswith(f"this user may not read {file}")


def test_a_backup_that_may_not_be_read(file: Path, command: Command, tmp_path: Path) -> None:
    backup = tmp_path / "b" / "b.db"
    backup.parent.mkdir()
    assert command("backup", str(backup)).returncode == 0
    for barred in (backup, backup.parent):
        barred.chmod(0)
        assert refused(command("check", str(backup))) == f"Error: {backup}: it cannot be read: Permission denied"
        barred.chmod(0o700)
    assert command("check", str(backup)).returncode == 0


def test_a_secret_that_may_not_be_read_is_named(file: Path, command: Command) -> None:
    secret = file.with_name("secret_key")
    secret.chmod(0)
    said = f"Error: HEEDBACK_SERVER_SECRET_KEY: cannot make or read {secret}: Permission denied"
    assert refused(command("project", "list")) == said


def test_a_folder_in_the_place_of_the_database(file: Path, command: Command) -> None:
    file.rename(file.with_name("moved.db"))
    file.mkdir()
    for words in ("project", "list"), ("migrate",):
        assert refused(command(*words)) == f"Error: cannot use the database {file}: {file} is a folder"
