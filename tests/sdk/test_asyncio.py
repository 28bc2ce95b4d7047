"""Captures on the thread of an event loop: the loop goes on, whatever the service and the spool are doing.

The app counts the beats of its loop between two captures, and an audit hook sees which thread speaks to the network.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CAPTURES = 100
APP = f"""
import asyncio, json, sys, threading, heedback
speakers = set()
def listen(event, args):
    if event in ("socket.connect", "socket.getaddrinfo"):
        speakers.add(threading.current_thread().name)
def rate():
    return heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
async def handler():
    captured = []
    for _ in range({CAPTURES}):
        captured.append(rate())
        await asyncio.sleep(0.005)
    return captured
async def main():
    loop = asyncio.get_running_loop()
    longest, last, work = 0.0, loop.time(), asyncio.ensure_future(handler())
    while not work.done():
        await asyncio.sleep(0.001)
        longest, last = max(longest, loop.time() - last), loop.time()
    return {{"captured": work.result(), "longest": longest, "speakers": sorted(speakers)}}
if sys.argv[1:]:
    rate()
    assert heedback.flush(20)
print("ready", flush=True)
sys.stdin.readline()
sys.addaudithook(listen)
print(json.dumps(asyncio.run(main())), flush=True)
sys.stdin.readline()
heedback.flush(20)
"""
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"
HANGS = 120.0
SECONDS = 5.0  # ten times what a call may wait, for a machine that has other things to do


@pytest.fixture(params=[[], ["had captured before"]], ids=["first capture", "later ones"])
def app(request: pytest.FixtureRequest, environ: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    """The host, about to start its loop; killed when the test ends."""
    pipe = subprocess.PIPE
    subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60, check=True)  # the file is there
    command = [sys.executable, "-c", APP, *request.param]
    with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        process.kill()


def looped(app: subprocess.Popen[str]) -> set[str]:
    """What was captured from the loop's start to its end, which all the while went on and spoke to nobody."""
    assert app.stdin is not None
    assert app.stdout is not None
    app.stdin.write("go\n")
    app.stdin.flush()
    seen = json.loads(app.stdout.readline())
    captured = set(seen["captured"])
    assert len(captured) == CAPTURES
    assert seen["longest"] < SECONDS
    assert set(seen["speakers"]) <= {"heedback-sender"}
    return captured


@contextlib.contextmanager
def held(spool: Path) -> Iterator[None]:
    """As if another process were writing to it."""
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


def test_while_the_service_hangs(app: subprocess.Popen[str], environ: dict[str, str], service: Any) -> None:
    """The sender's thread waits, and it alone: no other speaks to the network."""
    service.delay = HANGS
    captured = looped(app)
    app.kill()
    app.wait()  # else its lease has an owner still
    service.delay = 0.0
    subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60, check=True)
    assert captured <= service.stored.keys()


def test_while_another_process_holds_the_spool(app: subprocess.Popen[str], service: Any, spool: Path) -> None:
    """One capture waits for it a moment, the others do not; all go to memory, and from there to the service."""
    with held(spool):
        captured = looped(app)
    _, said = app.communicate("end\n", timeout=60)
    assert app.returncode == 0
    assert said.strip().endswith("(database is locked): events wait in memory")
    assert captured <= service.stored.keys()


def test_while_both_are_sick(app: subprocess.Popen[str], service: Any, spool: Path) -> None:
    """A service that hangs and a spool that is held: the loop goes on, and memory has what it captured."""
    service.delay = HANGS
    with held(spool):
        looped(app)  # and all the captures were acknowledged
