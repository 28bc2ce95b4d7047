"""Celery's prefork pool: what tasks capture arrives once, though children are copied, replaced and told to end.

The broker is a folder, so the test needs no server. What a task's call returned stands in a file beside.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from processes import until

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Celery does not run there")

TASKS = 60
APP = """
import os, celery, heedback
folder = os.environ["QUEUE"]
app = celery.Celery("host", broker="filesystem://", broker_transport_options={
    "data_folder_in": folder, "data_folder_out": folder, "control_folder": folder + "-control"})

def rate():
    event_id = heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f")
    beside = os.open(os.environ["BESIDE"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(beside, f"{os.getpid()} {event_id}\\n".encode())
    os.close(beside)

@app.task(name="work", ignore_result=True)
def work(number):
    rate()
"""
BEFORE_THE_FORK = "\nheedback.init()\nrate()\n"  # the master's sender is at work while it is copied
ORDER = "import sys, host\nfor number in range(int(sys.argv[1])): host.work.delay(number)\nhost.heedback.close()"
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    return tmp_path / "beside"


@pytest.fixture
def environ(environ: dict[str, str], tmp_path: Path, beside: Path) -> dict[str, str]:
    """With the folder in which the app's module lies, and the one that is the queue."""
    (tmp_path / "queue").mkdir()
    return environ | {
        "PYTHONPATH": os.pathsep.join(filter(None, (str(tmp_path), environ.get("PYTHONPATH")))),
        "QUEUE": str(tmp_path / "queue"),
        "BESIDE": str(beside),
    }


@contextmanager
def working(environ: dict[str, str], *more: str) -> Iterator[subprocess.Popen[str]]:
    """A worker with two children; killed at the end of the block, if it is there still."""
    command = [sys.executable, "-m", "celery", "-A", "host", "worker", "-P", "prefork", "-c", "2", "-l", "error"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat", *more]
    process = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(environ: dict[str, str], code: str, *args: object) -> None:
    command = [sys.executable, "-c", code, *map(str, args)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def captured(beside: Path) -> dict[str, str]:
    """The event's id, and the process that captured it."""
    lines = beside.read_text().splitlines() if beside.exists() else []
    return {event_id: pid for pid, event_id in map(str.split, lines)}


def end(process: subprocess.Popen[str]) -> None:
    """A warm shutdown, about which the SDK had nothing to say."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert (process.returncode, "heedback" in said, "Traceback" in said) == (0, False, False), said


@pytest.mark.parametrize("more", ["", BEFORE_THE_FORK], ids=["set up by each child", "set up before the fork"])
def test_two_children(environ: dict[str, str], service: Any, tmp_path: Path, beside: Path, more: str) -> None:
    """SIGTERM to the master right after the last task: each event arrives once, now or with the next process."""
    (tmp_path / "host.py").write_text(APP + more)
    run(environ, ORDER, TASKS)
    ordered = len(captured(beside))
    with working(environ) as worker:
        until(lambda: len(captured(beside)) >= ordered + TASKS)
        end(worker)
    run(environ, LEFTOVERS)
    assert len(set(captured(beside).values())) >= 2  # else nothing was forked
    assert sorted(service.stored) == sorted(captured(beside))
    assert service.duplicates == 0


def test_children_that_are_replaced(environ: dict[str, str], service: Any, tmp_path: Path, beside: Path) -> None:
    """With `--max-tasks-per-child` one child follows the other: what each leaves in the file, the others send."""
    (tmp_path / "host.py").write_text(APP + BEFORE_THE_FORK)
    run(environ, ORDER, TASKS)
    ordered = len(captured(beside))
    with working(environ, "--max-tasks-per-child", "5") as worker:
        until(lambda: len(captured(beside)) >= ordered + TASKS)
        end(worker)
    run(environ, LEFTOVERS)
    assert len(set(captured(beside).values())) >= TASKS // 5
    assert sorted(service.stored) == sorted(captured(beside))


def test_a_service_that_hangs(environ: dict[str, str], service: Any, tmp_path: Path, beside: Path) -> None:
    """Neither a task nor the shutdown waits for it; nothing is lost."""
    service.delay = hangs = 40.0
    (tmp_path / "host.py").write_text(APP)
    run(environ, ORDER, TASKS)
    with working(environ) as worker:
        until(lambda: len(captured(beside)) >= TASKS, hangs)
        service.delay = 0.0  # for the next process; those on their way still hang
        end(worker)
    run(environ, LEFTOVERS)
    assert sorted(service.stored) == sorted(captured(beside))
