"""The crash run: processes that share a spool are killed and restarted, answers get lost, each event is stored once.

What a call acknowledged is what stands in a file beside: it is written there after the call has returned.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from heedback.limits import BATCH_EVENTS
from processes import until

EVENTS = 150  # a process that is let live
OUTPUT = "019aa000-0000-7000-8000-000000000001"
CAPTURE = f"""
import os, sys, time, heedback
name, count = sys.argv[1], int(sys.argv[2])
beside = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
for number in range(count):
    said = f"{{name}} {{number}}"
    event_id = heedback.rate("{OUTPUT}", "down", comment=said, feature="f", user="alice")
    os.write(beside, f"{{event_id}} {{said}}\\n".encode())
    time.sleep(0.002)
"""
FOR_EVER = 10**9
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(30), heedback.stats()"

Start = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start(environ: dict[str, str]) -> Iterator[Start]:
    """Processes of one host; those still running when the test ends are killed."""
    running: list[subprocess.Popen[bytes]] = []

    def run(code: str, *args: object) -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "-c", code, *map(str, args)], env=environ))
        return running[-1]

    yield run
    for process in running:
        process.kill()
        process.wait()


def acknowledged(beside: Path) -> dict[str, str]:
    """Ids and what was said under them. A line that a kill has cut short is none."""
    whole = beside.read_text().rpartition("\n")[0] if beside.exists() else ""
    return dict(line.split(" ", 1) for line in whole.splitlines())


def test_two_of_four_are_killed_and_answers_are_lost(start: Start, service: Any, tmp_path: Path) -> None:
    """All that was acknowledged is stored; nothing is stored under two ids; only lost answers bring an id again."""
    service.stumbles_every = 20
    service.delay = 0.02  # so that a kill finds requests on their way
    files = {name: tmp_path / name for name in ("a", "b", "victim", "second victim")}
    living = [start(CAPTURE, name, EVENTS, files[name]) for name in ("a", "b")]
    for name in ("victim", "second victim"):
        victim = start(CAPTURE, name, FOR_EVER, files[name])
        until(lambda name=name: len(acknowledged(files[name])) >= EVENTS // 2)  # type: ignore[misc]
        victim.kill()
        victim.wait()
        living.append(start(CAPTURE, f"{name} restarted", EVENTS // 2, files[name]))
    living.append(start(LEFTOVERS))
    assert [process.wait(60) for process in living] == [0] * len(living)
    assert start(LEFTOVERS).wait(60) == 0

    told = {event_id: said for beside in files.values() for event_id, said in acknowledged(beside).items()}
    stored = {event_id: event["comment"] for event_id, event in service.stored.items()}
    assert len(told) >= 4 * EVENTS
    assert told.items() <= stored.items()
    # A kill between the commit of a capture and the line beside leaves one event that nobody was told of.
    assert len(stored) <= len(told) + 2
    assert [said for said, times in Counter(stored.values()).items() if times > 1] == []
    assert service.stumbles > 0
    again = sum(times - 1 for times in service.taken.values())
    assert again <= (service.stumbles + 2) * BATCH_EVENTS
