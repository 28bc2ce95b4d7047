"""Requests whose answers end in time. requests limits the wait for each byte: whoever drips would hold us for ever.

Imported when it is first needed, as requests is.
"""

from __future__ import annotations

import http.client
import io
import time
from functools import lru_cache
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

MAX_ANSWER_BYTES: Final = 8 * 1024 * 1024  # far above the longest of the service's, whatever it is that answers


def session() -> requests.Session:
    """A session whose read timeout, in seconds, holds for the whole answer."""
    made = requests.Session()
    for scheme in ("http://", "https://"):
        made.mount(scheme, _Adapter())
    return made


class _Adapter(HTTPAdapter):
    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        pool.ConnectionCls = _punctual(type(pool).ConnectionCls)
        return pool


@lru_cache(8)
def _punctual(connection: type[Any]) -> type[Any]:
    """Connections of this kind (plain, TLS, by a proxy), reading their answers our way."""
    return type(f"Punctual{connection.__name__}", (connection,), {"response_class": _Response})


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp: Any = io.BufferedReader(_Reader(self.fp.detach(), sock))


class _Reader(io.RawIOBase):
    """What comes from a socket, until its timeout has passed since the beginning, not since the last byte."""

    def __init__(self, raw: io.RawIOBase, sock: Any) -> None:
        self._raw = raw
        self._sock = sock
        self._seconds: float | None = sock.gettimeout()
        self._ends = time.monotonic() + (self._seconds or 0.0)
        self._room = MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self._seconds is not None:
            left = self._ends - time.monotonic()
            if left <= 0:
                raise TimeoutError("timed out")
            self._sock.settimeout(left)
        try:
            came: int | None = self._raw.readinto(buffer)
        finally:
            self._sock.settimeout(self._seconds)  # the next request on this connection has all of it
        self._room -= came or 0
        if self._room < 0:
            raise OSError(f"the answer is longer than {MAX_ANSWER_BYTES:,} bytes")
        return came

    def close(self) -> None:
        try:
            self._raw.close()
        finally:
            super().close()
