"""The docs check finds what is wrong, and says where."""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import pytest

from tools import docs_check


def broken(root: Path, **docs: str) -> list[str]:
    """What is wrong with the links of `docs`, written below `root` as `<name>.md`."""
    texts = {f"{name}.md": text for name, text in docs.items()}
    for name, text in texts.items():
        (root / name).write_text(text, "utf-8")
    return list(docs_check.broken_links(root, texts))


def test_a_link_to_no_file_is_found(tmp_path: Path) -> None:
    """The page and the target are named."""
    assert broken(tmp_path, a="See [this](gone.md).") == ["a.md: the link gone.md leads nowhere"]


def test_a_link_to_no_heading_is_found(tmp_path: Path) -> None:
    """Within a page and across pages."""
    assert broken(tmp_path, a="# One\n[x](#two)", b="[y](a.md#two)") == [
        "a.md: #two: there is no such heading",
        "b.md: a.md#two: there is no such heading",
    ]


@pytest.mark.parametrize(
    "link",
    [
        "[x](b.md)",
        "![x](pic.png)",
        "[x](b.md#the-second-one)",
        "[x]( <b.md> )",
        '[x](b.md "title")',
        "[ref]: b.md",
    ],
)
def test_a_good_link_is_good(tmp_path: Path, link: str) -> None:
    """In every way that Markdown writes one."""
    (tmp_path / "pic.png").touch()
    assert broken(tmp_path, a=link, b="## The `second` one\n") == []


@pytest.mark.parametrize("text", ["`[x](gone.md)`", "```python\na[x](y)\n```", "[x](https://example.org/gone)"])
def test_code_and_the_web_are_no_relative_links(tmp_path: Path, text: str) -> None:
    """Only what leads to a file of the checkout is followed."""
    assert broken(tmp_path, a=text) == []


def test_headings_become_anchors_as_a_forge_makes_them() -> None:
    """Lower case, hyphens, no punctuation; the same words again get a number; code holds no headings."""
    text = '# What? It runs!\n## A_b `c` [d](e)\n## Same\n## Same\n```\n# not one\n```\n<a id="own"></a>\n'
    assert docs_check.anchors(text) == {"what-it-runs", "a_b-c-d", "same", "same-1", "own"}


def test_settings_are_read_from_code() -> None:
    """Whole names, once each, and no prefixes."""
    code = 'os.environ["HEEDBACK_URL"]; env("HEEDBACK_SERVER_DATA"); prefix = "HEEDBACK_SERVER_"; HEEDBACK_URL'
    assert docs_check.settings(code) == ["HEEDBACK_SERVER_DATA", "HEEDBACK_URL"]


def test_a_name_counts_as_described_only_whole() -> None:
    """`HEEDBACK_KEY` is not described by `HEEDBACK_KEY_FILE`."""
    assert docs_check.unnamed(["HEEDBACK_KEY"], "HEEDBACK_KEY_FILE and HEEDBACK_KEYS") == ["HEEDBACK_KEY"]
    assert docs_check.unnamed(["HEEDBACK_KEY"], "set `HEEDBACK_KEY` to it") == []


def test_commands_are_those_of_the_program() -> None:
    """Groups are walked through, and only what can be called is named."""
    project = click.Group("project", commands=[click.Command("create"), click.Command("list")])
    program = click.Group("heedback", commands=[project, click.Command("serve")])
    assert sorted(docs_check.leaves("heedback", program)) == [
        "heedback project create",
        "heedback project list",
        "heedback serve",
    ]


def test_wire_fields_are_found_however_deep_they_are() -> None:
    """In nested schemas and in alternatives too."""
    inner = {"type": "object", "properties": {"value": {"type": "number"}}}
    schema = {"components": {"schemas": {"A": {"properties": {"rating": {"oneOf": [inner]}}}}}}
    assert sorted(docs_check.properties(schema)) == ["rating", "value"]


def test_what_a_page_leaves_out_is_named() -> None:
    """With the page that should have it; a field has to stand in code style there."""
    docs = {"docs/commands.md": "`heedback serve`", "docs/api.md": "the index, `id`", "docs/a.md": "HEEDBACK_URL"}
    found = docs_check.undescribed(
        docs, ["HEEDBACK_URL", "HEEDBACK_KEY"], ["heedback serve", "heedback key list"], ["id", "index"]
    )
    assert list(found) == [
        "docs/: the setting HEEDBACK_KEY is not described",
        "docs/commands.md: heedback key list is not described",
        "docs/api.md: `index` is not described",
    ]


@pytest.mark.parametrize("folder", ["home/ana", "Users/ana", "root", "tmp"])
def test_somebodys_own_path_is_found(folder: str) -> None:
    """With file and line."""
    (found,) = docs_check.machine_paths({"a.md": f"one\nwritten to /{folder}/heedback.db"})
    assert found.startswith("a.md:2: /")


def test_a_path_that_is_nobodys_is_none() -> None:
    """System folders, URLs and folders of the checkout."""
    text = "/var/lib/heedback docs/home/a.md https://example.org/home/ana/ /p/docs-assistant/queue"
    assert list(docs_check.machine_paths({"a.md": text})) == []


def test_files_are_those_of_the_checkout(tmp_path: Path) -> None:
    """Tracked and new ones, not what git ignores."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    for name in ("new.md", "old.md", "not.log"):
        (tmp_path / name).touch()
    (tmp_path / ".gitignore").write_text("*.log\n")
    subprocess.run(["git", "-C", str(tmp_path), "add", "old.md"], check=True)
    assert docs_check.tracked(tmp_path) == [".gitignore", "new.md", "old.md"]


def test_the_exit_status_follows_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One complaint is one line and status 1; none is silence and 0."""
    monkeypatch.setattr(docs_check, "complaints", lambda root: ["docs/a.md: no"])
    assert docs_check.main(tmp_path) == 1
    assert capsys.readouterr().out == "docs/a.md: no\n"
    monkeypatch.setattr(docs_check, "complaints", lambda root: [])
    assert docs_check.main(tmp_path) == 0
