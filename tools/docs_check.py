"""Do the docs keep up with the code? Links, anchors, settings, commands, wire fields.

Run inside the environment (`python -m tools.docs_check`): commands and wire fields are read from the real
application, so that no list has to be kept by hand.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

FENCE: Final = re.compile(r"^(```|~~~).*?^\1[ \t]*$", re.MULTILINE | re.DOTALL)
CODE: Final = re.compile(r"`[^`\n]*`")
LINK: Final = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")
REFERENCE: Final = re.compile(r"^\[[^\]]+\]:\s+<?(\S+?)>?(?:\s|$)", re.MULTILINE)
HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*\s*$", re.MULTILINE)
NAMED_ANCHOR: Final = re.compile(r"<a\s+(?:name|id)=\"([^\"]+)\"")
SETTING: Final = re.compile(r"\bHEEDBACK_[A-Z][A-Z0-9_]*[A-Z0-9]\b")
MACHINE_PATH: Final = re.compile(r"(?<![\w.])(?:/(?:home|Users)/[a-z]\w*/|/(?:root|work|tmp)/\w|[A-Z]:\\Users\\\w)")
READABLE: Final = {
    ".md",
    ".py",
    ".toml",
    ".lock",
    ".html",
    ".css",
    ".js",
    ".json",
    ".jsonl",
    ".txt",
    ".sh",
    ".yml",
    "",
}


def main(root: Path) -> int:
    """Prints each thing that is wrong, a line each, and returns 1 if there was any."""
    problems = list(complaints(root))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def complaints(root: Path) -> Iterator[str]:
    """Everything wrong with the docs of the checkout at `root`."""
    files = tracked(root)
    texts = {name: (root / name).read_text("utf-8") for name in files if Path(name).suffix in READABLE}
    docs = {name: text for name, text in texts.items() if name.endswith(".md")}
    yield from broken_links(root, docs)
    yield from machine_paths(texts)
    yield from addresses_in_lock(texts.get("requirements.lock", ""))
    yield from undescribed(docs, [*settings(code_of(texts)), *server_settings()], heedback_commands(), wire_fields())


def undescribed(docs: Mapping[str, str], names: list[str], commands: list[str], fields: list[str]) -> Iterator[str]:
    """Settings, commands and wire fields that the page for them leaves out."""
    told = "\n".join(text for name, text in docs.items() if name == "README.md" or name.startswith("docs/"))
    yield from (f"docs/: the setting {name} is not described" for name in unnamed(names, told))
    for page, what in (("docs/commands.md", commands), ("docs/api.md", [f"`{name}`" for name in fields])):
        yield from (f"{page}: {name} is not described" for name in unnamed(what, docs.get(page, "")))


def code_of(texts: Mapping[str, str]) -> str:
    return "\n".join(text for name, text in texts.items() if re.match(r"(sdk|service|widgets)/.*\.py$", name))


def tracked(root: Path) -> list[str]:
    """The files git knows or would add, as posix paths; deleted ones are left out."""
    command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True).stdout.decode("utf-8")
    return sorted({name for name in listed.split("\0") if name and (root / name).is_file()})


def broken_links(root: Path, docs: Mapping[str, str]) -> Iterator[str]:
    """Relative links of `docs` (path from `root`: text) that lead to no file or to no heading."""
    for name, text in docs.items():
        for target in links(text):
            path, _, anchor = target.partition("#")
            file = (root / name).parent / unquote(path) if path else root / name
            if not file.exists():
                yield f"{name}: the link {target} leads nowhere"
            elif anchor and file.suffix == ".md" and unquote(anchor) not in anchors(file.read_text("utf-8")):
                yield f"{name}: {target}: there is no such heading"


def links(text: str) -> list[str]:
    """The relative targets of a Markdown text, in order; those in code are none."""
    prose = CODE.sub("", FENCE.sub("", text))
    found = LINK.findall(prose) + REFERENCE.findall(prose)
    return [target for target in found if not re.match(r"[a-z][a-z0-9+.-]*:|//", target)]


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives the headings of a Markdown text."""
    found = set(NAMED_ANCHOR.findall(text))
    for heading in HEADING.findall(FENCE.sub("", text)):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
        slug = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        # A second heading of the same words gets -1, a third -2.
        again = (f"{slug}-{number}" for number in range(1, 1000))
        found.add(slug if slug not in found else next(name for name in again if name not in found))
    return found


def settings(code: str) -> list[str]:
    """The environment variables that `code` names."""
    return sorted(set(SETTING.findall(code)))


def server_settings() -> list[str]:
    """Every setting of the service, which puts their names together from a prefix."""
    module = importlib.import_module("heedback_service.settings")
    return [module.PREFIX + name for name in module.NAMES]


def unnamed(names: Iterable[str], text: str) -> list[str]:
    """Those of `names` that `text` does not hold as whole words."""
    return [name for name in names if not re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text)]


def heedback_commands() -> list[str]:
    """Every command of the real command line, with its groups: "heedback project create"."""
    return sorted(leaves("heedback", importlib.import_module("heedback_service.cli").main))


def wire_fields() -> list[str]:
    """Every field that the OpenAPI document of the real service names."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HEEDBACK_SERVER_DATA"] = folder
        settings = importlib.import_module("heedback_service.settings").read_settings()
        db = importlib.import_module("heedback_service.store.migrate").open_database(settings.database_url)
        app = importlib.import_module("heedback_service.app").create_app(settings, db)
        document = app.test_client().get("/openapi.json").get_json()
        db.dispose()
    return sorted(set(properties(document)))


def properties(schema: object) -> Iterator[str]:
    """The names of all properties in a JSON Schema or a document that holds some."""
    if isinstance(schema, dict):
        named = schema.get("properties")
        yield from named if isinstance(named, dict) else ()
        for part in schema.values():
            yield from properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part)


def leaves(path: str, command: Any) -> Iterator[str]:
    """The commands below `command`, a click command or group that is called by `path`."""
    if not hasattr(command, "list_commands"):
        yield path
        return
    for name in command.list_commands(None):
        yield from leaves(f"{path} {name}", command.get_command(None, name))


def machine_paths(texts: Mapping[str, str]) -> Iterator[str]:
    """Places where somebody's own folders got into the text."""
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            if found := MACHINE_PATH.search(line):
                yield f"{name}:{number}: {found[0]} is a path of one machine"


def addresses_in_lock(text: str) -> Iterator[str]:
    if "://" in text:
        yield "requirements.lock: it names an address; versions are enough"


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
