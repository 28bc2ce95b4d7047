"""A name is given to one file only, with hard links and without."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from heedback_service import settings
from heedback_service.placing import place
from heedback_service.settings import read_settings
from heedback_service.store import backup
from heedback_service.store.backup import BackedUp, Refused, back_up


@pytest.fixture(
    params=[None, errno.EPERM, errno.EINVAL, errno.EOPNOTSUPP], ids=["links", "exFAT", "another exFAT", "network"]
)
def links(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int | None:
    """A file system with hard links, or how one without them refuses."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(request.param, os.strerror(request.param))

    if request.param is not None:
        monkeypatch.setattr(os, "link", refuse)
    found: int | None = request.param
    return found


@pytest.mark.usefixtures("links")
def test_of_many_at_once_one_gets_the_name_and_it_is_whole(tmp_path: Path) -> None:
    file, parts = tmp_path / "file", [tmp_path / f"part-{n}" for n in range(8)]
    for part in parts:
        part.write_text(part.name * 10_000)
    together, refused = threading.Barrier(len(parts)), []

    def run(part: Path) -> None:
        together.wait(30)
        try:
            place(part, file)
        except FileExistsError:
            refused.append(part)

    threads = [threading.Thread(target=run, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    [placed] = set(parts) - set(refused)
    assert file.read_text() == placed.name * 10_000


@pytest.mark.usefixtures("links")
def test_what_is_there_stays_also_a_link_to_nowhere(tmp_path: Path) -> None:
    part, file, link = tmp_path / "part", tmp_path / "file", tmp_path / "link"
    part.write_text("new")
    file.write_text("old")
    link.symlink_to("nowhere")
    for there in (file, link):
        with pytest.raises(FileExistsError):
            place(part, there)
    assert (file.read_text(), part.read_text(), sorted(tmp_path.iterdir())) == ("old", "new", [file, link, part])


@pytest.mark.usefixtures("links")
def test_what_cannot_be_placed_leaves_no_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        place(tmp_path / "part", tmp_path / "file")
    assert list(tmp_path.iterdir()) == []


def test_another_error_is_not_taken_for_a_lack_of_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    (tmp_path / "part").write_text("new")
    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="Input/output"):
        place(tmp_path / "part", tmp_path / "file")
    assert not (tmp_path / "file").exists()


@pytest.mark.usefixtures("links")
def test_a_secret_and_a_backup_are_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> None:
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path / "data"))
    assert read_settings().secret_key == read_settings().secret_key
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret_key"]
    shutil.copy(sqlite_template, tmp_path / "data" / "heedback.db")
    file = tmp_path / "b.db"
    url = read_settings().database_url
    assert isinstance(back_up(url, file, force=False), BackedUp)
    assert back_up(url, file, force=False) == Refused(f"{file} is there already; --force replaces it")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["b.db", "data"]


@pytest.mark.usefixtures("one_process_number")
def test_two_containers_that_start_at_once_share_one_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is process 1 in its own, and one is at the end of its work where the other has just begun."""
    monkeypatch.setenv("HEEDBACK_SERVER_DATA", str(tmp_path))
    told: list[str] = []

    def place_after_another(part: Path, file: Path) -> None:
        monkeypatch.setattr(settings, "place", place)
        told.append(read_settings().secret_key)
        place(part, file)

    monkeypatch.setattr(settings, "place", place_after_another)
    assert read_settings().secret_key == told[0]
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.usefixtures("one_process_number")
def test_two_containers_that_back_up_at_once_take_nothing_from_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path
) -> None:
    url, file = f"sqlite:///{sqlite_template}", tmp_path / "b.db"
    told: list[BackedUp | Refused] = []

    def place_after_another(part: Path, file: Path) -> None:
        monkeypatch.setattr(backup, "place", place)
        told.append(back_up(url, file, force=False))
        place(part, file)

    monkeypatch.setattr(backup, "place", place_after_another)
    assert back_up(url, file, force=False) == Refused(f"{file} is there already; --force replaces it")
    assert told == [BackedUp(file.stat().st_size)]
    assert [each.name for each in tmp_path.iterdir()] == ["b.db"]


@pytest.fixture
def one_process_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getpid", lambda: 1)
