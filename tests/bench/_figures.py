"""What every benchmark shares: how calls are timed, what a figure is, and the table that says what holds.

Standard library only: programs that run in the virtual environments of others import it too.
"""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Literal

Rule = Literal["times", "at_least", "exactly"]
_SIGNS: Final = {"times": "≤ {} x", "at_least": "≥ {}", "exactly": "= {}"}


@dataclass(frozen=True, slots=True)
class Row:
    """A figure beside the floor of the same run, and what it must reach.

    `rule` says what `target` is: the floor taken so many "times" at most, "at_least" so much, or "exactly" so many.
    """

    what: str
    ours: float
    target: float
    rule: Rule
    floor: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return self.ours / self.floor if self.floor else None

    @property
    def held(self) -> bool:
        match self.rule:
            case "times":
                return self.ratio is not None and self.ratio <= self.target
            case "at_least":
                return self.ours >= self.target
            case "exactly":
                return self.ours == self.target


def report(rows: Sequence[Row], **more: object) -> int:
    """Prints the table, then all of it and `more` as JSON. Returns the exit status: 1 when a row is missed."""
    show(rows)
    held = all(row.held for row in rows)
    found = [asdict(row) | {"ratio": row.ratio, "held": row.held} for row in rows]
    # How busy the machine was is part of what was found.
    print(json.dumps({"held": held, "load": os.getloadavg()[0], "rows": found, **more}), flush=True)
    return 0 if held else 1


def show(rows: Sequence[Row]) -> None:
    width = max(len(row.what) for row in rows) + 2
    print(f"{'':{width}}{'floor':>10}{'ours':>10}{'ratio':>8}{'target':>11}")
    for row in rows:
        ratio = "" if row.ratio is None else f"{row.ratio:.2f} x"
        target = _SIGNS[row.rule].format(_figure(row.target))
        said = f"{'held' if row.held else 'MISSED':8}{row.note}".rstrip()
        print(f"{row.what:{width}}{_figure(row.floor):>10}{_figure(row.ours):>10}{ratio:>8}{target:>11}  {said}")


def _figure(figure: float | None) -> str:
    """With as many digits as tell something."""
    if figure is None:
        return ""
    return f"{figure:.1f}".removesuffix(".0") if abs(figure) < 1000 else f"{figure:.0f}"


def timed(call: Callable[[], object], calls: int, pause: float = 0.0) -> list[float]:
    """Microseconds that each call took on this thread, the calls `pause` seconds apart."""
    taken = []
    for _ in range(calls):
        began = time.perf_counter_ns()
        call()
        taken.append((time.perf_counter_ns() - began) / 1000)
        if pause:
            time.sleep(pause)
    return taken


def quantiles(taken: Sequence[float]) -> dict[str, float]:
    cuts = statistics.quantiles(taken, n=100)
    return {"p50": cuts[49], "p99": cuts[98]}


def least(runs: Iterable[dict[str, float]]) -> dict[str, float]:
    """The least of each figure: other work on the machine only ever adds."""
    found = list(runs)
    return {name: min(each[name] for each in found) for name in found[0]}
