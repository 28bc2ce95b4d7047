"""The files a browser loads, under an address that changes with them, so that they can be kept for good. Pure.

The address holds the digest of all files: modules and labels refer to one another, and must be of one piece. Under
another address, of an older page or `latest`, one is led to the newest.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Final, NamedTuple

FOREVER: Final = "public, max-age=31536000, immutable"
ELEMENT: Final = "heedback.min.js"
_FOLDER: Final = Path(__file__).with_name("static")
_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
}
_SMALL: Final = 512  # bytes that are not worth packing


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


@cache
def integrity(name: str = ELEMENT) -> str:
    """What a page may say the file has to be: https://www.w3.org/TR/sri-2/.

    Raises:
        FileNotFoundError: there is no such file.
    """
    return "sha384-" + base64.b64encode(hashlib.sha384((_FOLDER / name).read_bytes()).digest()).decode()
