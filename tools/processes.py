"""The processes that `./dev run` starts: each in a group of its own, with a log, told to stop in order.

Ctrl-C in a terminal reaches every process of the foreground group at once; in groups of their own the children are
told by us alone, the last started first, and each may finish what it is doing.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final

POLL_S: Final = 0.05
START_S: Final = 60.0
DRAIN_S: Final = 30.0
LAST_LINES: Final = 15
OWN_GROUP: Final[dict[str, Any]] = (
    {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
    if os.name == "nt"
    else {"start_new_session": True}
)
STOP_SIGNAL: Final = getattr(signal, "CTRL_BREAK_EVENT", signal.SIGTERM)


class Stopped(BaseException):
    """Somebody pressed Ctrl-C or sent SIGTERM; no `except Exception` may keep that from us."""


@dataclass(slots=True)
class Child:
    """A running process whose output, both streams, goes to `log`."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    ready: bool = False

    def announced(self, pattern: str) -> str:
        """Waits until the child prints a line with `pattern`, and returns the pattern's first group.

        Raises:
            SystemExit: it ended, or said nothing for a minute; the message has its last lines.
        """
        give_up = time.monotonic() + START_S
        while time.monotonic() < give_up:
            ended = has_ended(self.process)  # before reading, so that the last words are not missed
            if found := re.search(pattern, self.log.read_text("utf-8", "replace")):
                self.ready = True
                return found[1]
            if ended:
                break
            time.sleep(POLL_S)
        raise SystemExit(self.obituary())

    def obituary(self) -> str:
        """What happened to it, with the last lines it printed."""
        status = self.process.poll()
        fate = "is not ready yet" if status is None else f"ended early with status {status}"
        lines = self.log.read_text("utf-8", "replace").splitlines()[-LAST_LINES:]
        return "\n".join([f"{self.name} {fate}. Its last lines:", *(f"  {line}" for line in lines)])

    def stop(self) -> bool:
        """Tells it to end and waits; False if it had to be killed, or was at work and its exit status is not 0."""
        with suppress(ProcessLookupError):
            self.process.send_signal(STOP_SIGNAL)
        try:
            return self.process.wait(DRAIN_S) == 0 or not self.ready
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return False


@dataclass(slots=True)
class Family:
    """The children that run, in the order in which they were started."""

    children: list[Child] = field(default_factory=list)
    stopping: bool = False
    _held: bool = False
    _asked: bool = False

    def start(self, name: str, command: list[str], *, log: Path, env: Mapping[str, str]) -> Child:
        # A signal between the start and our noting it would leave a process that nobody stops.
        self._held = True
        with log.open("wb") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, env=env, **OWN_GROUP
            )
        child = Child(name, process, log)
        self.children.append(child)
        self._held = False
        if self._asked:
            raise Stopped
        return child

    def watch(self) -> None:
        """Returns only by an exception: `Stopped`, or SystemExit when a child ends by itself."""
        while True:
            for child in self.children:
                if has_ended(child.process):
                    raise SystemExit(child.obituary())
            time.sleep(POLL_S)

    def stop(self) -> bool:
        """Stops the children, the last started first; True if every one that still ran ended well."""
        self.stopping = True
        good = True
        for child in reversed(self.children):
            if child.process.poll() is None and not child.stop():
                print(f"{child.name} did not end well (status {child.process.returncode}).", flush=True)
                good = False
        return good

    def heed(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler: the first signal ends the work, a further one does not wait for anybody."""
        if self.stopping:
            for child in self.children:
                child.process.kill()
        elif self._held:
            self._asked = True
        elif not self._asked:
            self._asked = True
            raise Stopped


def has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it runs no more.

    Not asked by `poll`: `Stopped`, raised in the middle of that, would leave its lock taken, and the wait for the end
    of the process would never come back.
    """
    if os.name == "nt":  # where there is no such lock
        return process.poll() is not None
    try:
        return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:  # it is known already
        return True


@contextmanager
def family() -> Iterator[Family]:
    """Children that end with the block, however it ends. Ctrl-C and SIGTERM end it with `Stopped`."""
    mine = Family()
    before = {signum: signal.signal(signum, mine.heed) for signum in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield mine
    finally:
        mine.stop()
        for signum, handler in before.items():
            signal.signal(signum, handler)


def until(good: Callable[[], bool], seconds: float) -> bool:
    """Asks until the answer is yes, for at most `seconds`; returns the last answer."""
    give_up = time.monotonic() + seconds
    while not good():
        if time.monotonic() > give_up:
            return False
        time.sleep(POLL_S * 4)
    return True
