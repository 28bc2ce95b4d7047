"""The element's words in Python, for the plain form: read from the language files that browsers load.

These are modules of JavaScript, each an object of texts and no code; so they are read, not run.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import PurePosixPath
from typing import Any, Final

from heedback_widgets import files

ENGLISH: Final = "en"
_FOLDER: Final = "locales"
_ALIAS: Final = re.compile(r"export \{ default \} from '\./(\w+)\.js'")
_OBJECT: Final = re.compile(r"const labels = (\{.*?^\});", re.DOTALL | re.MULTILINE)
# What JSON writes otherwise, or does not have: comments, texts in apostrophes, bare keys, commas after the last.
_UNLIKE_JSON: Final = re.compile(r"/\*.*?\*/|'((?:[^'\\]|\\.)*)'|(\w+)(?=:)|,(?=\s*\})", re.DOTALL)
_SUBTAGS: Final = re.compile(r"[-_.@]")  # of de-AT, and of what Python's locales are called


@cache
def languages() -> frozenset[str]:
    """The languages there are, as the first part of a BCP 47 tag."""
    return frozenset(PurePosixPath(name).stem for name in files.names() if name.startswith(f"{_FOLDER}/"))


@cache
def words(tag: str) -> Mapping[str, Any]:
    """The words of the language that a BCP 47 tag names, as `locales/en.js` has them; English, if we speak it not.

    Raises:
        ValueError: the file of that language holds more than texts.
    """
    code = _SUBTAGS.split(tag, maxsplit=1)[0].lower()
    found = files.file(f"{_FOLDER}/{code if code in languages() else ENGLISH}.js")
    text = found.plain.decode() if found else ""
    if alias := _ALIAS.search(text):
        return words(alias[1])
    stated = _OBJECT.search(text)
    read: dict[str, Any] = json.loads(_UNLIKE_JSON.sub(_as_json, stated[1] if stated else ""))
    return read


def _as_json(part: re.Match[str]) -> str:
    text, key = part.groups()
    if text is not None:
        return json.dumps(re.sub(r"\\(.)", r"\1", text))
    return "" if key is None else f'"{key}"'
