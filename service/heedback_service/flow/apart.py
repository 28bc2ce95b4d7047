"""Arithmetic on all texts of a feature, in a process of its own.

It takes minutes at worst and most of a gigabyte, and libraries that take half a second to load. Beside
requests it would hold up each of them; here the system shares the processors out, and the memory goes back when it is
done.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from base64 import b64decode, b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

SECONDS: Final = 240.0  # then it is given up: a hundred thousand texts took 166 on a busy machine

_log: Final = logging.getLogger(__name__)


class GaveUpError(RuntimeError):
    """The process ended badly or took too long; it says which, and nothing of the texts."""


@dataclass(frozen=True, slots=True)
class Found:
    """For each text, its theme (a number; None without words) and its candidates: (place, score, words)."""

    themes: list[int | None]
    candidates: list[list[tuple[int, float, list[str]]]]


def overview_apart(
    texts: Sequence[str],
    meanings: bytes | None = None,
    *,
    apart: Sequence[tuple[int, int]] = (),
    model: str | None = None,
    seconds: float = SECONDS,
) -> Found:
    """`core.overview` of these texts, the oldest first.

    Args:
        meanings: a row of 32-bit numbers for each text, one after the other, all equally long.
        apart: the places of two texts that are not about the same.
        model: where there are none, the name or folder of a model of the package sentence-transformers that reads the
            texts. If it cannot, that is logged, and words alone decide.

    Raises:
        GaveUpError: it could not be worked out.
    """
    if sum(map(bool, texts)) < 2:  # nothing to compare: not worth a process
        return Found([0 if text else None for text in texts], [[] for _ in texts])
    asked = json.dumps(
        {
            "texts": list(texts),
            "apart": list(apart),
            "meanings": meanings and b64encode(meanings).decode(),
            "model": model,
        }
    ).encode()
    command = [sys.executable, "-m", __name__]
    try:
        done = subprocess.run(command, input=asked, capture_output=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise GaveUpError(f"took longer than {seconds:.0f} s") from error.__cause__
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or [""])[-1]
        kind = last.partition(":")[0]  # what comes behind it may quote what was said
        raise GaveUpError(f"ended with {done.returncode}" + (f" ({kind})" if kind.isidentifier() else ""))
    said = json.loads(done.stdout.splitlines()[-1])  # a model may chat
    if said["unread"]:
        _log.warning("themes go by words alone: the model %s could not be used (%s)", model, said["unread"])
    return Found(said["themes"], [[(at, score, why) for at, score, why in its] for its in said["candidates"]])


def _answer() -> None:
    import numpy as np

    from heedback_service.core.overview import overview

    with suppress(AttributeError, OSError):  # requests go first; Windows has no such call
        os.nice(10)
    asked = json.load(sys.stdin.buffer)
    texts, rows, unread = asked["texts"], None, None
    if asked["meanings"]:
        rows = np.frombuffer(b64decode(asked["meanings"]), np.float32).reshape(len(texts), -1)
    elif asked["model"]:
        try:
            rows = _read(asked["model"], texts)
        except Exception as error:  # whatever a package of that size may raise, words are left
            unread = type(error).__name__
    found = overview(texts, rows, [(one, other) for one, other in asked["apart"]])
    candidates = [[(each.other, each.score, each.why) for each in its] for its in found.candidates]
    print()
    json.dump({"themes": found.themes, "candidates": candidates, "unread": unread}, sys.stdout)


def _read(model: str, texts: list[str]) -> Any:
    from sentence_transformers import SentenceTransformer

    return SentenceTransformer(model).encode(texts, show_progress_bar=False)


if __name__ == "__main__":
    _answer()
