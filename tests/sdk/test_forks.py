"""Servers and pools that fork or spawn: what each process captured arrives once, and all of them end in peace."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
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
# Here a worker's first capture is a request's, whatever the master has done before.
LATE_APP = """
import flask, heedback
app = flask.Flask(__name__)

@app.get("/ready")
def ready():
    return {}

@app.get("/")
def rate():
    return {"said": heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")}
"""
# It hung once in hundreds of runs, nobody knows where: the next time each of its processes says so.
SPAWN = """
import faulthandler, multiprocessing, heedback
faulthandler.dump_traceback_later(30)
def work(number):
    return heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
if __name__ == "__main__":
    heedback.output("f")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        print(*pool.map(work, range(60)), sep="\\n", flush=True)
"""
BUSY = "(database is locked): events wait in memory"
LATE_PATCH = """
import heedback
heedback.init()
from gevent import monkey
monkey.patch_all()
import gevent
def rate(number):
    return heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
first = [gevent.spawn(rate, number) for number in range(5)]
others = [gevent.spawn(heedback.start), gevent.spawn(heedback.flush, 20)]
gevent.joinall(first + others)
print(*(each.value for each in first), sep="\\n")
"""
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path) -> dict[str, str]:
    """With the folder in which the app's module lies."""
    return environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), environ.get("PYTHONPATH")))),
        # Without it gevent advises to patch before the master loads the app: so does the page, and either way works.
        "PYTHONWARNINGS": environ["PYTHONWARNINGS"] + ",ignore:Monkey-patching ssl:RuntimeWarning",
    }


not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="gunicorn does not run there")


@not_on_windows
@pytest.mark.parametrize("kind", [[], ["--threads", "4"], ["-k", "gevent"]], ids=["sync", "gthread", "gevent"])
@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["each makes its own", "made before the fork"])
def test_two_workers_of_gunicorn(
    environ: dict[str, str], service: Any, tmp_path: Path, kind: list[str], more: list[str]
) -> None:
    """SIGTERM right after the last answer: what both captured arrives once, now or with the next process."""
    (tmp_path / "host.py").write_text(APP)
    with Gunicorn([*more, *kind], environ) as gunicorn:
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


@not_on_windows
@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["each makes its own", "made before the fork"])
def test_workers_of_gevent_answer_while_the_service_hangs(
    environ: dict[str, str], service: Any, tmp_path: Path, more: list[str]
) -> None:
    """The sender is a greenlet there, and waits for the service as greenlets do: all others go on."""
    (tmp_path / "host.py").write_text(APP)
    with Gunicorn([*more, "-k", "gevent"], environ) as gunicorn:
        service.delay = hangs = 60.0
        began = time.monotonic()
        captured = [gunicorn.get()["said"]]
        service.wait_for_a_request()
        with ThreadPoolExecutor(4) as people:
            captured += [answer["said"] for answer in people.map(lambda _: gunicorn.get(), range(REQUESTS))]
        assert time.monotonic() - began < hangs
        assert gunicorn.end() == (0, "")
        assert time.monotonic() - began < hangs
    service.delay = 0.0
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    assert set(captured) <= service.stored.keys()
    assert len(set(captured)) == 1 + REQUESTS


@not_on_windows
@pytest.mark.parametrize("kind", [["--threads", "4"], ["-k", "gevent"]], ids=["gthread", "gevent"])
@pytest.mark.parametrize("more", [[], ["--preload"]], ids=["each makes its own", "made before the fork"])
def test_workers_answer_while_another_process_holds_the_spool(
    environ: dict[str, str], service: Any, spool: Path, tmp_path: Path, kind: list[str], more: list[str]
) -> None:
    """Several requests at once make the first capture: none of them waits for the lock, nor for one that does."""
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    (tmp_path / "host.py").write_text(LATE_APP + ("heedback.start()" if more else ""))
    with Gunicorn([*more, *kind], environ, "ready") as gunicorn:
        with holding(spool), ThreadPoolExecutor(4) as people:
            captured = [answer["said"] for answer in people.map(lambda _: gunicorn.get(), range(REQUESTS))]
        status, said = gunicorn.end()
        assert status == 0
        assert {line.rpartition(" cannot be written ")[2] for line in said.splitlines()} == {BUSY}
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    assert len(set(captured)) == REQUESTS
    assert set(captured) <= service.stored.keys()


@not_on_windows
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
    with (tmp_path / "said").open("w+") as said:  # a pipe would be lost with who hangs
        try:
            pool = subprocess.run(
                [sys.executable, script], env=environ, stdout=subprocess.PIPE, stderr=said, timeout=60
            )
        except subprocess.TimeoutExpired:
            pytest.fail((tmp_path / "said").read_text())
    assert (pool.returncode, (tmp_path / "said").read_text()) == (0, "")
    assert subprocess.run([sys.executable, "-c", LEFTOVERS], env=environ, timeout=60).returncode == 0
    captured = pool.stdout.decode().split()
    assert len(set(captured)) == 60
    assert set(captured) <= service.stored.keys()
    assert len(service.stored) == 61


@not_on_windows
def test_gevent_that_comes_after_the_import(environ: dict[str, str], service: Any) -> None:
    """Locks made before are those of threads: no greenlet waits for one that another holds while it rests."""
    host = subprocess.run(
        [sys.executable, "-c", LATE_PATCH], env=environ, capture_output=True, text=True, check=False, timeout=60
    )
    assert (host.returncode, host.stderr) == (0, "")
    assert sorted(service.stored) == sorted(host.stdout.split())
    assert len(service.stored) == 5


@contextlib.contextmanager
def holding(spool: Path) -> Iterator[None]:
    """Write to the file as another process would, and not come to an end."""
    with contextlib.closing(sqlite3.connect(spool, isolation_level=None)) as db:
        db.execute("BEGIN IMMEDIATE")
        yield
        db.execute("ROLLBACK")


class Gunicorn:
    """Two workers on a free port, after their first answer."""

    def __init__(self, more: list[str], environment: dict[str, str], ready: str = "") -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._address = f"127.0.0.1:{free.getsockname()[1]}"
        command = [sys.executable, "-m", "gunicorn", "--bind", self._address, "--workers", "2"]
        command += ["--no-control-socket", "--log-level", "error", *more, "host:app"]
        self._process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        self._ready = ready
        self.first: dict[str, Any] = {}

    def __enter__(self) -> Gunicorn:
        until(self._answers, 30)
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def get(self, path: str = "") -> dict[str, Any]:
        return requests.get(f"http://{self._address}/{path}", timeout=30).json()  # type: ignore[no-any-return]

    def end(self) -> tuple[int, str]:
        """The exit code after SIGTERM, and all that was said."""
        self._process.terminate()
        _, said = self._process.communicate(timeout=60)
        return self._process.returncode, said

    def _answers(self) -> bool:
        try:
            self.first = self.get(self._ready)
        except requests.ConnectionError:
            return False
        return True
