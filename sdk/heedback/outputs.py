"""An AI output as the host holds it: after it was captured, and while it is being made."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, Unpack

if TYPE_CHECKING:
    from heedback.client import Client
    from heedback.fields import OutputFields


@dataclass(frozen=True, slots=True)
class Output:
    """One AI output shown to somebody. `user` is their pseudonym, None when nobody is known."""

    id: str
    feature: str
    user: str | None = None
    _client: Client | None = field(default=None, repr=False, compare=False)

    def ticket(self, may: Sequence[str] | None = None, seconds: int | None = None) -> str:
        """What lets a browser rate this output: see `heedback.ticket`."""
        if self._client is None:  # made by hand
            import heedback

            return heedback.ticket(self, may=may, seconds=seconds)
        return self._client.ticket(self, may=may, seconds=seconds)


class Tracked:
    """An output in the making: `with track(feature) as out`. It can be rated, and its ticket made, at any time."""

    def __init__(
        self,
        shown: Output,
        fields: dict[str, Any],
        capture: Callable[[Output, dict[str, Any]], None],
        person: Callable[[object], str | None],
        stopwatch: Callable[[], int],
    ) -> None:
        self._shown = shown
        self._fields = fields
        self._capture = capture
        self._person = person
        self._stopwatch = stopwatch
        self._started = stopwatch()
        self._used = {"input_tokens": 0, "output_tokens": 0}
        self._adding = threading.Lock()

    @property
    def id(self) -> str:
        return self._shown.id

    @property
    def feature(self) -> str:
        return self._shown.feature

    @property
    def user(self) -> str | None:
        return self._shown.user

    def set(self, **fields: Unpack[OutputFields]) -> None:
        """Add what became known on the way: `output`, tokens, `response_model` … A later word replaces an earlier."""
        self._fields.update(fields)
        if "user" in fields:  # of what is said about it from here on, as well
            self._shown = replace(self._shown, user=self._person(fields["user"]))

    def _add(self, fields: OutputFields) -> None:
        """What one of several model calls says: its tokens are added to those of the others, all else is as in `set`.

        The calls of a batch end on many threads, and a block may have several handlers.
        """
        with self._adding:
            for name in self._used.keys() & fields.keys():
                self._used[name] += fields[name]  # type: ignore[literal-required]
                fields[name] = self._used[name]  # type: ignore[literal-required]
            self.set(**fields)

    def ticket(self, may: Sequence[str] | None = None, seconds: int | None = None) -> str:
        return self._shown.ticket(may, seconds)

    def __enter__(self) -> Self:
        self._started = self._stopwatch()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Capture, with the latency and the error's type; the error goes on its way."""
        elapsed_ms = (self._stopwatch() - self._started) / 1e6
        known = {"latency_ms": elapsed_ms, "error_type": None if kind is None else type_name(kind)}
        self._capture(self._shown, known | self._fields)


def type_name(kind: type[BaseException]) -> str:
    """As OpenTelemetry's `error.type` has it: the class, with its module unless it is built in."""
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
