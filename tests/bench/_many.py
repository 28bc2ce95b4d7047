"""Themes and candidates of as many texts as a feature may come to have: how long they take, and how much memory."""

from __future__ import annotations

import random
import resource
import time
from itertools import accumulate

from _copies import near_copy

from heedback_service.flow.apart import overview_apart

SECONDS, MEGABYTES = 60, 1000  # of CPU and of memory, that a hundred thousand may take
_VOCABULARY = 20_000


def measure_many(size: int) -> dict[str, float]:
    """`size` pieces of feedback in the process of its own that the service starts for them."""
    texts = _said(size)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    found = overview_apart(texts, seconds=1800)
    wall = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    memory = after.ru_maxrss // 1024
    themes = len(set(found.themes))
    print(f"\n{'pieces of feedback':>18}{'different':>11}{'themes':>8}{'CPU s':>8}{'wall s':>8}{'MB':>7}   to reach")
    told = f"{size:18}{len(set(texts)):11}{themes:8}{cpu:8.0f}{wall:8.0f}{memory:7}"
    held = "held" if cpu <= SECONDS and memory <= MEGABYTES else "MISSED"
    print(f"{told}   {SECONDS} s of CPU and {MEGABYTES} MB: {held}", flush=True)
    return {"feedback": size, "themes": themes, "cpu_seconds": cpu, "wall_seconds": wall, "megabytes": memory}


def _said(size: int) -> list[str]:
    """Sentences of 4 to 24 words, as unevenly common as words are (Zipf 1949); a third are near-copies of others."""
    rng = random.Random(7)
    words = ["".join(rng.choices("abcdefghijklmnoprstu", k=rng.randint(2, 10))) for _ in range(_VOCABULARY)]
    common = list(accumulate(1 / (rank + 10) for rank in range(_VOCABULARY)))
    said: list[str] = []
    for at in range(size):
        copied = at % 3 == 2
        said.append(
            near_copy(rng.choice(said), rng)
            if copied
            else " ".join(rng.choices(words, cum_weights=common, k=rng.randint(4, 24)))
        )
    return said
