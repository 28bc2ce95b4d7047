"""What a sender and a client ask of a spool, whether it lies in a file, in memory, or now here and now there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Told = Callable[[str, int], None]
Row = tuple[str, bool, int | None, float]  # body, dear, redactor, at


@dataclass(frozen=True, slots=True)
class Lease:
    """Rows that are ours until the lease ends. All were redacted by the same version of the rules (None: by none)."""

    token: int
    seqs: tuple[int, ...]
    bodies: tuple[str, ...]
    redactor: int | None
    dropped: Mapping[str, int]
    tries: int = 0  # how often these rows were put aside


@dataclass(frozen=True, slots=True)
class Load:
    """What moves from one spool to another, all of it or nothing."""

    rows: Sequence[Row] = ()
    seqs: Sequence[int] = ()  # of the rows, where they come from
    held: Sequence[tuple[str, Row]] = ()  # texts, by output
    wanted: Mapping[str, float] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.rows or self.held or self.wanted or self.dropped)


class Spool(Protocol):
    """What a sender and a client need of a spool; every method may be called from any thread."""

    def put(self, body: str, dear: bool, redactor: int | None, at: float) -> None: ...
    def hold(self, output_id: str, body: str, redactor: int | None, at: float) -> None: ...
    def want(self, output_id: str, at: float) -> None: ...
    def lease(self, count: int, now: float) -> Lease | None: ...
    def settle(self, lease: Lease, rejected: Mapping[int, str], now: float, told: bool = True) -> None: ...
    def release(self, lease: Lease) -> None: ...
    def put_aside(self, lease: Lease, until: float) -> None: ...
    def drop(self, reason: str, n: int = 1) -> None: ...
    def last(self) -> Any: ...
    def waiting(self, upto: Any) -> bool: ...
    def facts(self) -> dict[str, Any]: ...
    def before_fork(self) -> None: ...
    def after_fork(self) -> None: ...
    def abandon(self) -> None: ...
    def rescue(self, deadline: float = 0.0) -> int: ...
    def close(self) -> None: ...


def split(count: int, tries: int) -> int:
    """How many rows travel together that were put aside `tries` times: half as many each time, until each is alone."""
    return min(count, max(1, count >> tries))
