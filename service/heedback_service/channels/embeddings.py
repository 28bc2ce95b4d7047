"""What texts mean, as rows of numbers, from any endpoint that speaks as OpenAI's `/v1/embeddings` does."""

from __future__ import annotations

import logging
import threading
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, Final

import requests

from heedback_service.channels.endpoint import ask, why

_TOGETHER: Final = 64  # texts a request
_CHARACTERS: Final = 2000  # of a text; some 500 tokens, which every model takes
_ANSWER: Final = 30.0  # seconds that one request may take
_PATIENCE: Final = 120.0  # seconds that all requests may take
_KEPT_BYTES: Final = 64 * 1024 * 1024  # of what is remembered: 40,000 texts at 384 numbers, 10,000 at 1,536

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class Embeddings:
    """Rows for texts, remembered by the digest of the text, so that only what is new is asked for.

    Attributes:
        url: what `/embeddings` is appended to, such as `https://api.example.com/v1`.
        key: goes as a bearer token; None for an endpoint that wants none.
    """

    url: str
    model: str
    key: str | None = None
    clock: Callable[[], float] = time.monotonic
    _known: OrderedDict[bytes, array[float]] = field(default_factory=OrderedDict)
    _failing: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def rows(self, texts: Sequence[str]) -> bytes | None:
        """A row of 32-bit numbers for each text, one after the other; all are equally long.

        None if the endpoint cannot be used, whatever the reason: it is logged, once until it works again, and who asked
        does without.
        """
        with self._lock:
            try:
                found = self._found([text[:_CHARACTERS] for text in texts])
            except (requests.RequestException, ValueError, TypeError, KeyError, OverflowError) as error:
                if not self._failing:
                    _log.warning("embeddings are left out until they can be had again: %s", why(error))
                self._failing = True
                return None
            self._failing = False
            return found

    def _found(self, texts: Sequence[str]) -> bytes:
        digests = [blake2b(text.encode("utf-8", "replace"), digest_size=16).digest() for text in texts]
        rows = {digest: self._known[digest] for digest in digests if digest in self._known}
        new = [(digest, text) for digest, text in dict(zip(digests, texts, strict=True)).items() if digest not in rows]
        until = self.clock() + _PATIENCE
        with requests.Session() as session:
            for start in range(0, len(new), _TOGETHER):
                if self.clock() > until:
                    raise requests.Timeout  # what has come so far is remembered, and the next turn begins there
                some = new[start : start + _TOGETHER]
                answer = self._asked(session, [text or " " for _, text in some])
                rows |= zip((digest for digest, _ in some), answer, strict=True)
                self._remember({digest: rows[digest] for digest, _ in some})
        if len({len(row) for row in rows.values()}) > 1:
            self._known.clear()  # the model is another than it was
            raise ValueError("rows of different lengths")
        return b"".join(rows[digest].tobytes() for digest in digests)

    def _asked(self, session: requests.Session, texts: list[str]) -> list[array[float]]:
        body = {"model": self.model, "input": texts, "encoding_format": "float"}
        answer = ask(session.post, self.url, "/embeddings", self.key, body, seconds=_ANSWER)
        data: list[dict[str, Any]] = answer.json()["data"]
        rows = {each["index"]: array("f", each["embedding"]) for each in data}
        if sorted(rows) != list(range(len(texts))) or not all(rows.values()):
            raise ValueError("not one row for each text")
        return [rows[at] for at in range(len(texts))]

    def _remember(self, rows: dict[bytes, array[float]]) -> None:
        self._known |= rows
        width = 4 * len(next(iter(rows.values())))
        while len(self._known) * width > _KEPT_BYTES:
            self._known.popitem(last=False)
