"""Servers and pools that fork or spawn: what each process captured arrives once, and all of them end in peace."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from processes import until

REQUESTS = 60
# The output is captured where the module is imported: with --preload in the master, whose sender is then at work.
APP = """
import os, flask, heedback
app = flask.Flask(__name__)
out = heedback.output("f", user="alice")

@app.get("/")
def rate():
    return {"pid": os.getpid(), "output": out.id, "said": heedback.rate(out, "up")}
"""
SPAWN = """
import multiprocessing, heedback
def work(number):
    return heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
if __name__ == "__main__":
    heedback.output("f")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(*pool.map(work, range(60)), sep="\\n", flush=True)
"""
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With the folder in which the app's module lies."""
    return environ | {"PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), environ.get("PYTHONPATH"))))}


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")
@pytest.mark.parametrize("threads", [1, 4], ids=["sync", "gthread"])
@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["each makes its own", "made before the fork"])
def test_two_workers_of_gunicorn(
    environ: dict[str, str], service: Any, tmp_path: Path, threads: int, more: list[str]
) -> None:
    """SIGTERM right after the last answer: what both captured arrives once, now or with the next process."""
    (tmp_path / "host.py").write_text(APP)
    with Gunicorn([*more, "--threads", str(threads)], environ) as gunicorn:
        with ThreadPoolExecutor(4) as people:
            answers = list(people.map(lambda _: gunicorn.get(), range(REQUESTS)))
        for _ in range(REQUESTS * 10):  # the kernel chooses the worker, and may like one
            if len({answer["pid"] for answer in answers}) == 2:
                break
            answers.append(gunicorn.get())
        assert gunicorn.end() == (0, "")
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    captured = [answer["said"] for answer in answers] + [gunicorn.first["said"]]
    outputs = {answer["output"] for answer in answers}
    assert len(outputs) == (1 if more else 2)
    assert sorted(service.stored) == sorted({*captured, *outputs})
    assert len(service.stored) == len(captured) + len(outputs)


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")
def test_gunicorn_ends_though_the_service_hangs(environ: dict[str, str], service: Any, tmp_path: Path) -> None:
    """A worker waits three seconds for its sender and ends well; the events wait for the next process."""
    (tmp_path / "host.py").write_text(APP)
    with Gunicorn([], environ) as gunicorn:
        service.delay = hangs = 20.0
        captured = [gunicorn.get()["said"] for _ in range(5)]
        began = time.monotonic()
        assert gunicorn.end() == (0, "")
        assert time.monotonic() - began < hangs
    service.delay = 0.0
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    assert set(captured) <= service.stored.keys()


def test_a_pool_of_spawned_workers(environ: dict[str, str], service: Any, tmp_path: Path) -> None:
    """They share nothing with their parent but the file: what they captured waits there, though they are terminated."""
    script = tmp_path / "pool.py"
    script.write_text(SPAWN)
    pool = subprocess.run([sys.executable, script], env=environ, capture_output=True, text=True, timeout=60)
    assert (pool.returncode, pool.stderr) == (0, "")
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    captured = pool.stdout.split()
    assert len(set(captured)) == 60
    assert set(captured) <= service.stored.keys()
    assert len(service.stored) == 61


class Gunicorn:
    """Two workers on a free port, after their first answer."""

    def __init__(self, more: list[str], environment: dict[str, str]) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", self._address, "--workers", "2"]
        command += ["--no-control-socket", "--log-level", "error", *more, "host:app"]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self.first: dict[str, Any] = {}

    def __enter__(self) -> Gunicorn:
        until(self._answers, 30)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def get(self) -> dict[str, Any]:
        return requests.get(f"http://{self._address}/", timeout=30).json()  # type: ignore[no-any-return]

    def end(self) -> tuple[int, str]:
        """The exit code after SIGTERM, and all that was said."""
        self._process.terminate()
        _, said = self._process.communicate(timeout=60)
        return self._process.returncode, said

    def _answers(self) -> bool:
        try:
            self.first = self.get()
        except requests.ConnectionError:
            return False
        return True
