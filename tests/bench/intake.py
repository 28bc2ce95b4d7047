"""What taking feedback in costs the server, beside the floor measured in the same run.

The floor is a bare Flask route that commits the same events as SQLite rows, on the same server. Both are processes of
their own, loaded in turns over connections kept open, redaction on. Each figure is the best of the rounds: other work
on the machine only ever adds. Prints a table and a last line of JSON; exits 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from _alone import store_ms
from _load import Measured, Server, floor, granian, gunicorn, load, ours, project, show_outputs


@dataclass(frozen=True, slots=True)
class Kind:
    """A way to load a server."""

    name: str
    requests: int
    how: dict[str, Any]


ONE, ALONE, LARGE, BATCHES, TWO, GRANIAN = (
    Kind("one by one, 16 connections", 1600, {"connections": 16}),
    Kind("one by one, 1 connection", 400, {"connections": 1}),
    Kind("one by one, 2 kB", 1600, {"connections": 16, "size": 2048}),
    Kind("batches of 100", 40, {"connections": 2, "batch": 100}),
    Kind("two gunicorn workers", 1600, {"connections": 16}),
    Kind("one granian worker", 1600, {"connections": 16}),
)
EVENTS = 100_000  # after which memory is looked at
Rows = dict[tuple[str, str], Measured]  # floor or ours, kind


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    of: Callable[[Rows], float]
    reach: float
    at_least: bool = False

    def missed(self, got: float) -> bool:
        return got < self.reach if self.at_least else got > self.reach


def times_the_floor(kind: Kind) -> Callable[[Rows], float]:
    return lambda rows: rows["ours", kind.name].cpu_ms / rows["floor", kind.name].cpu_ms


def figure(kind: Kind, name: str) -> Callable[[Rows], float]:
    return lambda rows: getattr(rows["ours", kind.name], name)


TARGETS = (
    Target("one by one, times the floor's CPU", times_the_floor(ONE), 1.5),
    Target("batches of 100, ms CPU an event", figure(BATCHES, "cpu_ms"), 0.10),
    Target("serve, requests/s", figure(ONE, "per_second"), 900, at_least=True),
    Target("serve, p99 ms", figure(ONE, "p99_ms"), 150),
    # Either would do. One process that commits for all who wait holds this; two get in each other's way.
    Target("one granian worker, requests/s", figure(GRANIAN, "per_second"), 1500, at_least=True),
    Target("one granian worker, p99 ms", figure(GRANIAN, "p99_ms"), 50),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each kind of load, floor and ours in turns")
    options = parser.parse_args()
    rows: Rows = {}
    with project() as (environment, key), floor(environment) as bare, ours(environment) as served:
        start = served.start_s
        in_turns(rows, bare, served, key, (ONE, ALONE, LARGE, BATCHES), options.rounds)
        memory = after_many(served, key)
    for kind, on in ((TWO, gunicorn), (GRANIAN, granian)):
        with (
            project() as (environment, key),
            on("floor:app", environment) as bare,
            on("heedback_service.app:wsgi()", environment) as served,
        ):
            in_turns(rows, bare, served, key, (kind,), options.rounds)
    alone = store_ms(20, options.rounds, BATCHES.how["batch"], 500)
    print(f"the rows of {BATCHES.name}, written by SQLite alone: {alone:.3f} ms an event")
    return report(rows, {"memory after 100 k events, MB": (memory, 150.0), "start, s": (start, 2.0)})


def in_turns(rows: Rows, bare: Server, served: Server, key: str, kinds: tuple[Kind, ...], rounds: int) -> None:
    for server in (bare, served):
        show_outputs(server, key)
    for kind in kinds * rounds:
        for whose, server in (("floor", bare), ("ours", served)):
            measured = load(server, key, kind.requests, **kind.how)
            rows[whose, kind.name] = best(rows.get((whose, kind.name), measured), measured)


def best(a: Measured, b: Measured) -> Measured:
    return Measured(
        min(a.cpu_ms, b.cpu_ms), max(a.per_second, b.per_second), min(a.p50_ms, b.p50_ms), min(a.p99_ms, b.p99_ms)
    )


def after_many(server: Server, key: str) -> float:
    """Memory in MB once the service has taken in a hundred thousand events."""
    load(server, key, EVENTS // 500, connections=2, batch=500)
    return server.peak_mb()


def report(rows: Rows, plain: dict[str, tuple[float, float]]) -> int:
    print(f"{'':34}{'CPU ms/event':>14}{'x floor':>9}{'requests/s':>12}{'p50 ms':>9}{'p99 ms':>9}")
    for (whose, kind), row in sorted(rows.items(), key=lambda item: (item[0][1], item[0][0])):
        times = row.cpu_ms / rows["floor", kind].cpu_ms
        print(f"{whose + ', ' + kind:34}{row.cpu_ms:14.3f}{times:9.2f}", end="")
        print(f"{row.per_second:12.0f}{row.p50_ms:9.1f}{row.p99_ms:9.1f}")
    reached = {target.name: target.of(rows) for target in TARGETS} | {name: got for name, (got, _) in plain.items()}
    missed = [target.name for target in TARGETS if target.missed(reached[target.name])]
    missed += [name for name, (got, most) in plain.items() if got > most]
    limits = {target.name: target.reach for target in TARGETS} | {name: most for name, (_, most) in plain.items()}
    for name, got in reached.items():
        print(f"{name}: {got:.2f} (to reach {limits[name]:g}){'  MISSED' if name in missed else ''}")
    print(json.dumps({"load": os.getloadavg()[0], **reached}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
