"""Processes of the service that start at once: forked from one that has imported it before.

Most of what a short command takes is importing, and tests start hundreds. Each is a process of its own, with its
environment, its output and its end, and can be killed like any other. That commands start from nothing as well is what
the tests of `./dev run`, of the examples and of restoring see.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerContext
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final, Self

COMMAND: Final = "from heedback_service.cli import main; main()"
_IMPORTED: Final = [f"heedback_service.{name}" for name in ("cli.data", "app", "jobs", "serving")]


class Process:
    """Runs `code` with `words` as its arguments; what tests use of `subprocess.Popen`.

    Args:
        stdin: whether the attribute of that name writes text to it; else it reads nothing.
        stdout, stderr: an open file; or `subprocess.PIPE`, which gives the attribute of that name something to read
            text from; or None, where those of this process go.
    """

    def __init__(
        self,
        code: str,
        words: Sequence[str],
        environment: Mapping[str, str],
        *,
        stdin: bool = False,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
    ) -> None:
        ends = [None if given is None else _End(given) for given in (stdout, stderr)]
        self.stdout, self.stderr = (end and end.reading for end in ends)
        its_stdin, ours = os.pipe()
        self.stdin: Final = os.fdopen(ours, "w")
        told = [_Fd(its_stdin), *(end and end.writing for end in ends)]
        self._process: Final = _forks().Process(
            target=_become, args=(code, list(words), dict(environment), str(Path.cwd()), *told), daemon=True
        )
        self._process.start()
        os.close(its_stdin)
        if not stdin:
            self.stdin.close()
        for end in ends:
            if end is not None and end.reading is not None:
                os.close(end.writing)

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if (code := self.returncode) is None:
            raise subprocess.TimeoutExpired("heedback", timeout or 0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.returncode is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self.stdin, self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def run(
    words: Sequence[str], environment: Mapping[str, str], timeout: float = 60, code: str = COMMAND
) -> subprocess.CompletedProcess[str]:
    """The command to its end, or killed after `timeout` seconds, with what it wrote."""
    with TemporaryFile("w+") as stdout, TemporaryFile("w+") as stderr:
        with Process(code, words, environment, stdout=stdout, stderr=stderr) as process:
            try:
                code = process.wait(timeout)
            finally:
                process.kill()
        stdout.seek(0)
        stderr.seek(0)
        return subprocess.CompletedProcess(["heedback", *words], code, stdout.read(), stderr.read())


def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_IMPORTED)
    return context


class _Fd(int):
    """A file descriptor that goes to the other process with what is said to it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _Fd._arrived, (DupFd(self),)

    @staticmethod
    def _arrived(sent: Any) -> int:
        return int(sent.detach())


class _End:
    """Where one of its streams goes."""

    def __init__(self, given: IO[Any] | int) -> None:
        self.reading: IO[str] | None = None
        if given == subprocess.PIPE:
            reading, writing = os.pipe()
            self.reading, self.writing = os.fdopen(reading), _Fd(writing)
        else:
            assert not isinstance(given, int)
            self.writing = _Fd(given.fileno())


def _become(code: str, words: list[str], environment: dict[str, str], folder: str, *streams: int | None) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for its, given in enumerate(streams):
        if given is not None:
            os.dup2(given, its)
            os.close(given)
    sys.stdin = open(0, closefd=False)  # noqa: SIM115 - these three for as long as it lives
    sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", closefd=False, buffering=1)  # noqa: SIM115
    sys.argv = ["heedback", *words]
    exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
