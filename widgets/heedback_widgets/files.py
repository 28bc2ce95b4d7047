"""The files a browser loads, under an address that changes with them, so that they can be kept for good. Pure.

The address holds the digest of all files: modules and labels refer to one another, and must be of one piece. Under
another address, of an older page or `latest`, one is led to the newest.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

FOREVER: Final = "public, max-age=31536000, immutable"
ELEMENT: Final = "heedback.min.js"
STYLE: Final = "heedback.css"
_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
}
TEXT: Final = "text/plain; charset=utf-8"
_NOSNIFF: Final = {"X-Content-Type-Options": "nosniff"}
_GZIP: Final = re.compile(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", re.IGNORECASE)  # RFC 9110, section 12.5.3
_SMALL: Final = 512  # bytes that are not worth packing


class Answer(NamedTuple):
    """What a framework sends."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


class File(NamedTuple):
    """A file as it is sent; `packed` is it after gzip, where that is shorter."""

    content_type: str
    plain: bytes
    packed: bytes | None


@cache
def version() -> str:
    """16 hex digits that stand for all files together."""
    digest = hashlib.sha256()
    for name in names():
        data = (_FOLDER / name).read_bytes()
        digest.update(f"{name}\0{len(data)}\0".encode() + data)
    return digest.hexdigest()[:16]


@cache
def names() -> tuple[str, ...]:
    """Every file that is served, as its path below `static`."""
    found = (path.relative_to(_FOLDER).as_posix() for path in _FOLDER.rglob("*") if path.is_file())
    return tuple(sorted(name for name in found if PurePosixPath(name).suffix in _TYPES))


@cache
def file(name: str) -> File | None:
    """One of them, or None."""
    if name not in names():
        return None
    plain = (_FOLDER / name).read_bytes()
    packed = gzip.compress(plain, 9, mtime=0) if len(plain) >= _SMALL else None
    return File(_TYPES[PurePosixPath(name).suffix], plain, packed)


def answer(version_asked: str, name: str, accepted: str | None) -> Answer:
    """GET VERSION/NAME: a file, to be kept for good under its own version's address; else the way to it, or 404.

    Args:
        version_asked: of the address.
        name: path below `static`.
        accepted: the request's `Accept-Encoding`.
    """
    found = file(name)
    if found is None:
        return Answer(404, {"Content-Type": TEXT, **_NOSNIFF}, b"There is no such file.")
    if version_asked != version():
        up = "../" * (name.count("/") + 1)
        where = {"Location": f"{up}{version()}/{name}", "Cache-Control": "no-cache"}
        return Answer(302, {"Content-Type": TEXT, **where})
    headers = {"Content-Type": found.content_type, "Cache-Control": FOREVER, "Vary": "Accept-Encoding", **_NOSNIFF}
    if found.packed is None or not _GZIP.search(accepted or ""):
        return Answer(200, headers, found.plain)
    return Answer(200, headers | {"Content-Encoding": "gzip"}, found.packed)


@cache
def integrity(name: str = ELEMENT) -> str:
    """What a page may say the file has to be: https://www.w3.org/TR/sri-2/.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return "sha384-" + base64.b64encode(hashlib.sha384((_FOLDER / name).read_bytes()).digest()).decode()
