"""How the element's files are sent, whoever sends them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from heedback_widgets import files


@pytest.mark.parametrize(
    ("accepted", "packed"),
    [(None, False), ("", False), ("br", False), ("gzip;q=0", False), ("gzip; q=0.0, br", False),
     ("GZIP", True), ("br, gzip;q=0.5", True), ("gzip;q=0.01", True)],
)  # fmt: skip
def test_only_who_takes_gzip_is_sent_it(accepted: str | None, packed: bool) -> None:
    answer = files.answer(files.version(), "heedback.min.js", accepted)
    assert (answer.headers.get("Content-Encoding") == "gzip") is packed


@pytest.mark.parametrize("name", files.names())
def test_the_address_changes_with_any_file_that_is_served(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The element fetches languages and `signals.js` relative to itself: a new one has to be under a new address."""
    before, folder = files.version(), tmp_path / "static"
    shutil.copytree(files._FOLDER, folder)
    monkeypatch.setattr(files, "_FOLDER", folder)
    assert files.version.__wrapped__() == before
    with (folder / name).open("ab") as file:
        file.write(b" ")
    assert files.version.__wrapped__() != before


def test_a_new_language_is_a_new_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "static"
    shutil.copytree(files._FOLDER, folder)
    monkeypatch.setattr(files, "_FOLDER", folder)
    shutil.copy(folder / "locales" / "en.js", folder / "locales" / "tlh.js")
    monkeypatch.setattr(files, "names", files.names.__wrapped__)
    assert "locales/tlh.js" in files.names()
    assert files.version.__wrapped__() != files.version()
