"""The one file that is shipped: made of what stands beside it, small, and it works like the modules."""

from __future__ import annotations

import gzip
import hashlib
import json
import subprocess
import tomllib
from collections.abc import Callable

from playwright.sync_api import Page, expect

from widget_page import STATIC, Endpoint, eventually, widget

APART = {"heedback.min.js", "signals.js"}
# 5,000 was the aim, and holds what is right on a quiet day. The rest is what it takes to lose no written word, to agree
# with other tabs and devices whatever their clocks, to overwrite no newer word with an older one, and to refuse an
# attribute before somebody clicks.
MAX_BYTES = 6220


def packed(name: str) -> int:
    """Bytes after gzip, as a server sends them."""
    return len(gzip.compress((STATIC / name).read_bytes(), 9, mtime=0))


def test_it_is_current() -> None:
    """Beside it lies the digest of the modules it was made of; if it differs, `./dev widget` makes both anew."""
    digest = hashlib.sha256()
    for file in sorted(STATIC.glob("*.js")):
        if file.name not in APART:
            digest.update(file.read_bytes())
    assert (STATIC / "sources.sha256").read_text("utf-8") == f"{digest.hexdigest()}\n"


def test_it_is_small() -> None:
    """So many bytes with everything, and 1,000 for a language, 1,200 for what is loaded beside."""
    assert packed("heedback.min.js") <= MAX_BYTES
    languages = [packed(f"locales/{file.name}") for file in (STATIC / "locales").glob("*.js")]
    assert max(languages) <= 1000
    assert packed("signals.js") <= 1200


def test_the_modules_work_like_it(visit: Callable[..., Page], endpoint: Endpoint) -> None:
    """Click, details, undo and reload, under the strict policy. All other tests load the one file."""
    page = visit(widget(locale="de"), script="heedback.js")
    page.get_by_role("button", name="Schlechte Antwort").click()
    page.get_by_role("button", name="Nicht richtig").click()
    page.get_by_label("Kommentar").fill("Die Summe stimmt nicht.")
    page.get_by_role("button", name="Details senden").click()
    expect(page.get_by_role("status")).to_have_text("Gespeichert.")
    eventually(page, lambda: len(endpoint.events) == 2)
    page.get_by_role("button", name="Rückgängig").click()
    eventually(page, lambda: len(endpoint.events) == 3)
    assert endpoint.events[2]["reasons"] is None
    visit(widget(), script="heedback.js", page=page)
    expect(page.get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")


def test_it_can_be_loaded_twice(visit: Callable[..., Page]) -> None:
    """Beside the modules, or from two addresses: one of them registers, and nobody minds."""
    again = '<script type="module" src="/static/heedback.js"></script>'
    page = visit(again + widget())
    expect(page.get_by_role("button", name="Bad answer")).to_be_visible()


def test_what_npm_gets() -> None:
    """Every door of the package leads to a file, its version is Python's, and the lock names no address."""
    folder = STATIC.parents[1]
    package = json.loads((folder / "package.json").read_text("utf-8"))
    assert all((folder / path.replace("*", "en")).is_file() for path in package["exports"].values())
    assert (
        package["version"] == tomllib.loads((folder.parent / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    )
    assert "://" not in (folder / "package-lock.json").read_text("utf-8")
    tracked = subprocess.run(["git", "ls-files", str(folder)], cwd=folder, capture_output=True, text=True, check=True)
    assert "node_modules" not in tracked.stdout
