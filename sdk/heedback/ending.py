"""How a process ends: at exit, and at SIGTERM if the app leaves it to us, what can be sent at once still is.

SIGTERM is taken only where it would end the process as the kernel does it. Then it still ends it, and by that signal,
only a little later.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal  # here and not where it is needed: then there may be no descriptor left to load it
import threading
import time
import weakref
from typing import Any, Final, Protocol

EXIT_SECONDS: Final = 3.0
_SLACK_SECONDS: Final = 0.5  # for closing files, after the senders had their time
_STATUS: Final = "/proc/self/status"


class Closing(Protocol):
    """What wants to be closed in time. `on_sigterm`: at SIGTERM too."""

    @property
    def on_sigterm(self) -> bool: ...
    def close(self, timeout: float) -> None: ...


_living: Final[weakref.WeakSet[Closing]] = weakref.WeakSet()
_at_exit = False
_taken_by = 0  # the process whose SIGTERM comes to us


def enlist(closing: Closing) -> None:
    """Close it when this process ends. May be called again: SIGTERM can be taken from the main thread only."""
    global _at_exit
    _living.add(closing)
    if not _at_exit:
        _at_exit = True
        atexit.register(_exit)
    if closing.on_sigterm:
        _take_sigterm()


def resign(closing: Closing) -> None:
    """It is closed: if nobody else waits for SIGTERM, that is as it was."""
    _living.discard(closing)
    if not any(each.on_sigterm for each in _living):
        _give_sigterm_back()


def forked() -> None:
    """In a forked child, whose SIGTERM is the child's: it takes it when it captures something itself."""
    _give_sigterm_back()


def close_all(only_on_sigterm: bool = False) -> None:
    """What can be sent within three seconds, all clients together, is sent; the rest waits in the file."""
    deadline = time.monotonic() + EXIT_SECONDS
    for each in list(_living):
        if each.on_sigterm or not only_on_sigterm:
            with contextlib.suppress(Exception):
                each.close(max(0.0, deadline - time.monotonic()))


def _exit() -> None:
    """It sends already: a SIGTERM that comes meanwhile is in a hurry, and the files are safe."""
    _give_sigterm_back()
    close_all()


def _take_sigterm() -> None:
    global _taken_by
    # Number 1 of a container does not hear SIGTERM by default, and goes on sending until it is killed.
    if os.name == "nt" or os.getpid() == 1 or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        return
    if _is_handled_in_c(signal.SIGTERM):
        return
    with contextlib.suppress(ValueError):  # not the main thread, from which alone it can be taken
        signal.signal(signal.SIGTERM, _on_sigterm)
        _taken_by = os.getpid()


def _give_sigterm_back() -> None:
    if not _taken_by:
        return
    with contextlib.suppress(ValueError):
        if signal.getsignal(signal.SIGTERM) == _on_sigterm:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _is_handled_in_c(number: int) -> bool:
    """Whether the kernel knows of a handler where Python knows of none: uWSGI's, a virtual machine's."""
    with contextlib.suppress(OSError, ValueError), open(_STATUS, encoding="ascii", errors="replace") as lines:  # noqa: PTH123
        masks = [int(line.split()[1], 16) for line in lines if line.startswith(("SigCgt:", "SigIgn:"))]
        return any(mask >> (number - 1) & 1 for mask in masks)
    return False


def _on_sigterm(number: int, frame: Any) -> None:
    """Runs between two steps of the main thread, which may hold any lock: so it waits for nothing. Threads of its own
    send and then end the process; the main thread goes on until then. Another SIGTERM ends it at once."""
    import _thread

    signal.signal(number, signal.SIG_DFL)
    if _taken_by == os.getpid():  # else it was copied by a fork that Python did not see, and holds nothing of its own
        closed = threading.Event()
        with contextlib.suppress(RuntimeError):  # the interpreter is ending: no more threads
            # Not threading's, whose start waits: gevent, which may be who calls, cannot.
            _thread.start_new_thread(_close, (closed,))
            _thread.start_new_thread(_end, (closed, number))
            return
    os.kill(os.getpid(), number)


def _close(closed: threading.Event) -> None:
    close_all(only_on_sigterm=True)
    closed.set()


def _end(closed: threading.Event, number: int) -> None:
    closed.wait(EXIT_SECONDS + _SLACK_SECONDS)
    os.kill(os.getpid(), number)
