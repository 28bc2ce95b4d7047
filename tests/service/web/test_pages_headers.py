"""What pages tell the browser, and that they keep to it themselves: nothing inline, nothing foreign."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import pytest

import heedback_service.web.pages as package
from browsing import Browser
from furniture import bring_in, make_item, report
from heedback_service.store.db import Database
from heedback_service.store.tables import Project

HERE = Path(package.__file__).parent
STATIC = HERE / "static"
DOCS = Path(__file__).parents[3] / "docs"
PAGES = ("/signin", "/docs", "/p/acme/queue", "/p/acme/items/1", "/p/acme/feedback", "/nowhere", "/p/acme/items/999")


@pytest.fixture
def furnished(db: Database, project: Project) -> None:
    with db.write() as session:
        said = bring_in(session, project, "summary", [report("u-1", 1, "wrong", asked="?", answered="!")], 1000)
        make_item(session, project, 1, "A problem", said)


@pytest.mark.parametrize("path", PAGES)
def test_every_page_forbids_inline_and_foreign_code_framing_and_keeping(
    alice: Browser, furnished: None, path: str
) -> None:
    headers = alice.get(path).headers
    policy = {part.split(" ")[0]: part for part in headers["Content-Security-Policy"].split("; ")}
    assert policy["default-src"] == "default-src 'none'"
    assert policy["script-src"] == "script-src 'self'"
    assert policy["style-src"] == "style-src 'self'"
    assert policy["frame-ancestors"] == "frame-ancestors 'none'"
    assert policy["require-trusted-types-for"] == "require-trusted-types-for 'script'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", PAGES)
def test_no_page_carries_inline_script_style_or_handlers(alice: Browser, furnished: None, path: str) -> None:
    page = alice.get(path).text
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|\shx-on|javascript:|https?://", page)
    assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_templates_never_switch_escaping_off() -> None:
    for template in (HERE / "templates").glob("*.html"):
        text = template.read_text()
        assert "autoescape" not in text
        # The one `safe` marks a literal of the template itself.
        assert text.count("|safe") == text.count("""'<b class="num">%s</b>'|safe|format(""")


def test_static_files_are_kept_for_good_under_the_address_of_their_content(nobody: Browser) -> None:
    page = nobody.get("/signin").text
    style = re.search(r'href="(/assets/heedback\.css\?v=([0-9a-f]+))"', page)
    assert style
    content = (STATIC / "heedback.css").read_bytes()
    assert hashlib.sha256(content).hexdigest().startswith(style[2])
    assert "immutable" in nobody.get(style[1]).headers["Cache-Control"]


@pytest.mark.parametrize("address", ["/assets/heedback.css", "/assets/heedback.css?v=old"])
def test_a_static_file_under_another_address_is_asked_for_again(nobody: Browser, address: str) -> None:
    assert nobody.get(address).headers["Cache-Control"] == "no-cache"


def test_the_static_folder_leads_nowhere_else(nobody: Browser) -> None:
    for path in ("/assets/../blueprint.py", "/assets/%2e%2e/blueprint.py", "/assets/nothing.js"):
        assert nobody.get(path).status_code == 404


def test_vendored_files_are_what_was_published() -> None:
    rows = re.findall(r"^\| (\S+\.js) \|.*\| ([0-9a-f]{64}) \|$", (STATIC / "vendor/README.md").read_text(), re.M)
    assert {name for name, _ in rows} == {path.name for path in (STATIC / "vendor").glob("*.js")}
    for name, checksum in rows:
        assert hashlib.sha256((STATIC / "vendor" / name).read_bytes()).hexdigest() == checksum


def test_a_form_without_its_token_changes_nothing_and_says_why(alice: Browser, furnished: None) -> None:
    answer = alice.client.post("/p/acme/items/1/acceptance")
    assert answer.status_code == 400
    assert "load the page again" in answer.text
    assert "Nobody has decided about it yet" in alice.get("/p/acme/items/1").text


def test_every_form_that_changes_something_carries_the_token(alice: Browser, furnished: None) -> None:
    page = alice.get("/p/acme/items/1").text
    forms = re.findall(r'<form[^>]*method="post".*?</form>', page, re.S)
    assert len(forms) >= 6
    assert all('name="csrf_token"' in form for form in forms)


def test_the_keys_of_the_help_are_those_of_the_buttons_and_of_the_docs() -> None:
    help_ = re.findall(r"\('(.)', '([^']+)'\)", (HERE / "templates/_keys.html").read_text())
    docs = re.findall(r"^\| `(.)` \| ([^|]+) \|", (DOCS / "queue.md").read_text(), re.M)
    buttons = "".join(path.read_text() for path in (HERE / "templates").glob("*.html"))
    script = re.search(r"const KEYS = \{(.*)\}", (STATIC / "desk.js").read_text())
    assert script
    pressed = {*re.findall(r'data-key="(.)"', buttons), *re.findall(r'"?([a-z?])"?: \(\)', script[1])}
    assert help_ == docs
    assert {key for key, _ in help_} == pressed
