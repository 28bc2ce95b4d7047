"""The answer "no", the same wherever somebody asks for a change."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was changed; `why` is a sentence for the person who asked, `see` the number of an item to turn to."""

    why: str
    see: int | None = None
