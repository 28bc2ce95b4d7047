"""The answers that were shown, so that people can come back to them. In memory: a restart forgets them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from threading import Lock
from typing import Any, Final

from assistant import Answer

import heedback

KEPT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Said:
    """What the person said about one answer, as the page shows it back."""

    rating: str | None = None
    flagged: bool = False
    reasons: Sequence[str] | None = None
    flag_reasons: Sequence[str] | None = None
    comment: str = ""
    correction: str = ""


NOTHING: Final = asdict(Said())


@dataclass(frozen=True, slots=True)
class Shown:
    """One answer on one person's page. `output_id` is Heedback's id of the output."""

    output_id: str
    feature: str
    person: str
    question: str
    answer: Answer
    said: Said = Said()
    notice: str = ""

    @property
    def out(self) -> heedback.Output:
        """What a ticket is made for."""
        return heedback.Output(self.output_id, self.feature, self.person)


class Shelf:
    """The newest `kept` answers; each can be read only by the person it was made for."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._lock = Lock()

    def put(self, shown: Shown) -> None:
        with self._lock:
            self._shown[shown.output_id] = shown
            while len(self._shown) > self._kept:
                self._shown.popitem(last=False)

    def get(self, output_id: str, person: str | None) -> Shown | None:
        """The answer, or None if it is gone or somebody else's."""
        with self._lock:
            shown = self._shown.get(output_id)
        return shown if shown and shown.person == person else None

    def note(self, shown: Shown, notice: str, **changes: Any) -> None:
        """Keep what was said (`changes` are fields of `Said`) and the `notice` to show for it."""
        self.put(replace(shown, said=replace(shown.said, **changes), notice=notice))
