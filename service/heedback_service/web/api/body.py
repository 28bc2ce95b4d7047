"""Reading a request's body: its type, its encoding, and never more of it than the wire allows."""

from __future__ import annotations

import json
import math
import re
import zlib
from typing import Any, Final, NoReturn

import orjson
from marshmallow import Schema, ValidationError
from webargs.flaskparser import FlaskParser
from werkzeug import Request

from heedback.limits import MAX_BODY_BYTES
from heedback_service.web.api.problems import Refusal, flattened

_GZIP: Final = 16 + zlib.MAX_WBITS
_DEEPEST: Final = 32  # nothing on the wire is nested more than five deep: what lies deeper is refused whatever it is
_TOKENS: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)  # possessive: linear on any input


class BodyParser(FlaskParser):
    """webargs, reading JSON through `read_json`, answering 400 with every field's message."""

    DEFAULT_VALIDATION_STATUS = 400

    def load_json(self, req: Request, schema: Any) -> Any:
        return read_json(req)

    def handle_error(self, error: ValidationError, req: Request, schema: Schema, **_: Any) -> NoReturn:
        messages: Any = error.messages
        raise unfit(messages.get("json", messages))


def unfit(messages: Any) -> Refusal:
    """The refusal of a body that is JSON and yet not what was asked for."""
    return Refusal(400, "The body does not fit.", errors=flattened(messages, "body"))


def read_json(request: Request) -> Any:
    """The JSON in the body.

    Raises:
        Refusal: 400 not JSON in any Unicode encoding, 413 larger than `MAX_BODY_BYTES`, 415 another type or encoding.
    """
    if request.mimetype not in ("application/json", "text/plain"):
        raise Refusal(415, "Send application/json.")
    try:
        return _parsed(_plain(request))
    except ValueError as error:
        raise Refusal(400, f"The body is not JSON: {error}") from None


def _parsed(plain: bytes) -> Any:
    """The JSON. What the quick parser does not take is left to Python's own, which has the last word."""
    try:
        return orjson.loads(plain)
    except orjson.JSONDecodeError:
        return _parsed_slowly(plain)


def _parsed_slowly(plain: bytes) -> Any:
    """The JSON, also where one event is such that Python's parser gives up on all: its neighbours are to be kept.

    So are NaN and Infinity, which are not JSON, but what Python's `json.dumps` writes unless told otherwise: they are
    read as the numbers that no field takes.
    """
    try:
        return json.loads(plain)
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise
    except (RecursionError, ValueError):
        shallow = _cut_off(plain.decode(json.detect_encoding(plain), "surrogatepass"), _DEEPEST)
        return json.loads(shallow, parse_int=_an_integer)


def _cut_off(text: str, deepest: int) -> str:
    """`text` without what is nested deeper than `deepest`, in time linear in its length."""
    kept: list[str] = []
    depth = done = 0
    for token in _TOKENS.finditer(text):
        if token[0] in "[{":
            depth += 1
            if depth == deepest + 1:
                kept.append(text[done : token.start()] + "0")
        elif token[0] in "]}":
            depth -= 1
            if depth == deepest:
                done = token.end()
    if depth > deepest:
        raise ValueError("it ends in the middle of something nested too deeply")
    return "".join([*kept, text[done:]])


def _an_integer(digits: str) -> int | float:
    # Python reads no integer of thousands of digits. No field takes one: like 1e400 it counts as infinite.
    return int(digits) if len(digits) < 4000 else math.inf


def _plain(request: Request) -> bytes:
    if (request.content_length or 0) > MAX_BODY_BYTES:
        raise _too_large()
    raw = request.stream.read(MAX_BODY_BYTES + 1)
    if len(raw) > MAX_BODY_BYTES:
        raise _too_large()
    match request.headers.get("Content-Encoding", "identity").lower():
        case "identity":
            return raw
        case "gzip":
            return _unzipped(raw)
    raise Refusal(415, "Content-Encoding is gzip or nothing.", headers={"Accept-Encoding": "gzip, identity"})


def _unzipped(raw: bytes) -> bytes:
    unzip = zlib.decompressobj(_GZIP)
    try:
        plain = unzip.decompress(raw, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise Refusal(400, f"The body is not gzip: {error}") from None
    if len(plain) > MAX_BODY_BYTES:
        raise _too_large()
    if not unzip.eof or unzip.unused_data:
        raise Refusal(400, "The body is not one whole gzip stream.")
    return plain


def _too_large() -> Refusal:
    return Refusal(413, f"At most {MAX_BODY_BYTES} bytes, after gzip is undone.")
