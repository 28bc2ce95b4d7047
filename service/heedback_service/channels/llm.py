"""What a language model answers, from any endpoint that speaks as OpenAI's `/v1/chat/completions` does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
import requests

from heedback_service.channels.endpoint import ask, why

_ANSWER: Final = 30.0  # seconds until all is said
_BYTES: Final = 64 * 1024  # of an answer; ours takes a few hundred

_log: Final = logging.getLogger(__name__)


@dataclass(slots=True)
class LanguageModel:
    """Asks a model, one question at a time, and takes nothing from it but a JSON object.

    Attributes:
        url: what `/chat/completions` is appended to, such as `https://api.example.com/v1`.
        key: goes as a bearer token; None for an endpoint that wants none.
    """

    url: str
    model: str
    key: str | None = None
    clock: Callable[[], float] = time.monotonic
    _failing: bool = False

    def answer(self, messages: Sequence[Mapping[str, str]]) -> dict[str, Any] | None:
        """The JSON object that the model answers these messages (`role`, `content`) with. Who it is from, is not what
        it says: the caller checks every value.

        None if it cannot be had, whatever the reason: it is logged, once until one can be had again.
        """
        try:
            found = _object_in(self._said(messages))
        except (requests.RequestException, ValueError, TypeError, KeyError, IndexError) as error:
            if not self._failing:
                _log.warning("a language model is done without until it can be asked again: %s", why(error))
            self._failing = True
            return None
        self._failing = False
        return found

    def _said(self, messages: Sequence[Mapping[str, str]]) -> str:
        until = self.clock() + _ANSWER
        body = {"model": self.model, "messages": list(messages)}  # what one endpoint wants more, another refuses
        with ask(requests.post, self.url, "/chat/completions", self.key, body, seconds=_ANSWER, stream=True) as answer:
            said: Any = orjson.loads(self._read(answer, until))
        content = said["choices"][0]["message"]["content"]
        if not isinstance(content, str):
            raise TypeError("no text")
        return content

    def _read(self, answer: requests.Response, until: float) -> bytes:
        """The body, if it is neither huge nor long in coming. `timeout` alone allows for a byte every half minute."""
        body = bytearray()
        for byte in answer.iter_content(1):  # asked for more, it waits until so many are there
            body += byte
            if len(body) > _BYTES:
                raise ValueError("an answer without an end")
            if self.clock() > until:
                raise requests.Timeout
        return bytes(body)


def _object_in(content: str) -> dict[str, Any]:
    """The object, also where it stands in a fence, or behind what the model thought aloud."""
    said = content.rpartition("</think>")[2]
    found = orjson.loads(said[said.find("{") : said.rfind("}") + 1])
    if not isinstance(found, dict):
        raise TypeError("no object")
    return found
