"""SIGTERM: what is waiting is sent, three seconds at most, and the process is killed by that signal as it always was;
but only where the app and everybody else has left the signal alone."""

from __future__ import annotations

import contextlib
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no process is told to end there, it is ended")

Start = Callable[..., subprocess.Popen[str]]

# The sender knows the way and lingers: what is captured now has not been sent when the signal comes.
CAPTURE = """
import os, signal, sys, threading, time, heedback.ending
OUTPUT = "019aa000-0000-7000-8000-000000000001"
def rate():
    return heedback.rate(OUTPUT, "up", feature="f")
def say(word):
    print(word, flush=True)
def capture():
    rate()
    assert heedback.flush(20), heedback.stats()
    for _ in range(5):
        say(rate())
def taken():
    return signal.getsignal(signal.SIGTERM) != signal.SIG_DFL
def end():
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)
"""
LEFTOVERS = "import heedback; heedback.start(); assert heedback.flush(20), heedback.stats()"
LEFT_ALONE = "assert not taken()"


@pytest.fixture
def start(start: Callable[..., subprocess.Popen[str]]) -> Start:
    """Processes of the host that know how to capture, and how to end."""
    return lambda code: start(CAPTURE + code)


@pytest.fixture
def spooled(spool: Path) -> Callable[[], int]:
    """How many events wait in the file."""

    def count() -> int:
        with contextlib.closing(sqlite3.connect(spool)) as db:
            return int(db.execute("SELECT count(*) FROM event").fetchone()[0])

    return count


def ending(process: subprocess.Popen[str]) -> tuple[int, str, list[str]]:
    """How it ended, what it said to nobody in particular, and the ids of what it captured."""
    out, err = process.communicate(timeout=60)
    return process.returncode, err, [word for word in out.split() if len(word) == 36]


def test_a_script_at_rest(start: Start, service: Any) -> None:
    """What it has just captured is sent, and it is still SIGTERM that killed it."""
    status, said, captured = ending(start("capture()\nend()"))
    assert (status, said, len(captured)) == (-signal.SIGTERM, "", 5)
    assert set(captured) <= service.stored.keys()
    assert service.duplicates == 0


def test_switched_off(start: Start, service: Any, spooled: Callable[[], int]) -> None:
    """With `on_sigterm=False` it is killed at once, and what it captured waits for the next process."""
    status, said, captured = ending(start(f"heedback.init(on_sigterm=False)\ncapture()\n{LEFT_ALONE}\nend()"))
    assert (status, said) == (-signal.SIGTERM, "")
    assert spooled() == len(captured) == 5
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert set(captured) <= service.stored.keys()


def test_in_the_middle_of_a_capture(start: Start, service: Any) -> None:
    """The signal finds the main thread inside the spool, and captures go on: nothing is stuck or lost."""
    process = start("heedback.ending.EXIT_SECONDS = 600\nwhile True: say(rate())")
    assert process.stdout is not None
    captured = [process.stdout.readline().strip() for _ in range(300)]
    process.terminate()
    status, said, rest = ending(process)
    assert (status, said) == (-signal.SIGTERM, "")
    assert set(captured) <= service.stored.keys()  # what was there when the signal came
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert {*captured, *rest[:-1]} <= service.stored.keys()  # the kill may have cut the last line short


def test_while_the_service_hangs(start: Start, service: Any, spooled: Callable[[], int]) -> None:
    """It ends after its three seconds, and the events are in the file for the next process."""
    process = start("capture()\nsay('now')\nrate()\ntime.sleep(60)")
    assert process.stdout is not None
    captured = [process.stdout.readline().strip() for _ in range(5)]
    service.delay = 30.0
    before = len(service.times)
    assert process.stdout.readline().strip() == "now"
    service.wait_for_a_request(before)  # which may have come by now, and no other does while it waits
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    assert spooled() > 0
    service.delay = 0.0
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert set(captured) <= service.stored.keys()
    assert len(service.stored) == 1 + 5 + 1


def test_while_nobody_listens(start: Start, environ: dict[str, str], service: Any, spooled: Callable[[], int]) -> None:
    """One warning, no wait for the three seconds to pass, nothing lost."""
    url, environ["HEEDBACK_URL"] = environ["HEEDBACK_URL"], "http://127.0.0.1:9"
    status, said, captured = ending(start("heedback.ending.EXIT_SECONDS = 600\nsay(rate())\nend()"))
    told = "heedback: events wait, the service is unreachable (ConnectionError); python -m heedback ping tells why"
    assert (status, said.strip()) == (-signal.SIGTERM, told)
    assert spooled() == len(captured) == 1
    environ["HEEDBACK_URL"] = url
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert list(service.stored) == captured


# On uvicorn: what is rated is answered with the event's id, and the app may close in its lifespan.
ASGI = """
import asyncio, heedback
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if CLOSES:
            await asyncio.to_thread(heedback.close)
        return await send({"type": "lifespan.shutdown.complete"})
    said = heedback.rate("019aa000-0000-7000-8000-000000000001", "up", feature="f").encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(said))]})
    await send({"type": "http.response.body", "body": said})
"""


@pytest.mark.parametrize("closes", [True, False], ids=["closed in its lifespan", "not closed"])
def test_a_server_that_ends_by_the_signal_itself(
    environ: dict[str, str], start: Start, service: Any, spooled: Callable[[], int], tmp_path: Path, closes: bool
) -> None:
    """uvicorn raises it again once the app is shut down, and no exit hook runs."""
    (tmp_path / "host.py").write_text(f"CLOSES = {closes}\n{ASGI}")
    command = [sys.executable, "-m", "uvicorn", "--app-dir", str(tmp_path), "--port", "0", "host:app"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        lines = iter(server.stderr.readline, "")
        url = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:[0-9]+", line)))
        service.delay = 1.0
        captured = [requests.get(url, timeout=30).text]
        service.wait_for_a_request()  # which takes its second; the others wait behind it
        captured += [requests.get(url, timeout=30).text for _ in range(3)]
        server.terminate()
        server.stderr.read()
        assert server.wait(20) == -signal.SIGTERM
    assert (spooled() == 0, captured[-1] in service.stored) == (closes, closes)
    service.delay = 0.0
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert sorted(service.stored) == sorted(captured)


def test_a_second_one(start: Start, service: Any, spooled: Callable[[], int]) -> None:
    """It does not wait: whoever sends two means it."""
    service.delay = 30.0
    process = start("""
heedback.ending.EXIT_SECONDS = 600
rate()
say("ready")
while taken(): time.sleep(0.01)
say("told")
time.sleep(60)
""")
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    service.wait_for_a_request()
    process.terminate()
    assert process.stdout.readline().strip() == "told"
    process.terminate()
    assert process.wait(20) == -signal.SIGTERM
    assert spooled() == 1


MINE = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))\n"


@pytest.mark.parametrize("code", [MINE + "capture()\n", "capture()\n" + MINE], ids=["before", "after"])
def test_an_app_with_a_handler_of_its_own(start: Start, service: Any, code: str) -> None:
    """Set before the first capture or after it: it alone runs. What it ends with an exit, sends at that exit."""
    status, said, captured = ending(start(f"{code}end()"))
    assert (status, said) == (3, "")
    assert set(captured) <= service.stored.keys()


def test_a_handler_that_goes_on_to_the_one_before(start: Start, service: Any) -> None:
    """The process ends as it would have ended without it."""
    status, said, captured = ending(
        start("""
capture()
before = signal.getsignal(signal.SIGTERM)
def mine(number, frame):
    say("mine")
    before(number, frame)
signal.signal(signal.SIGTERM, mine)
end()
""")
    )
    assert (status, said) == (-signal.SIGTERM, "")
    assert set(captured) <= service.stored.keys()


def test_who_does_not_want_to_hear_it(start: Start) -> None:
    """An ignored signal stays ignored."""
    code = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\ncapture()\nos.kill(os.getpid(), signal.SIGTERM)\nsys.exit(3)"
    assert ending(start(code))[:2] == (3, "")


def test_a_handler_that_python_knows_nothing_of(start: Start) -> None:
    """Servers and virtual machines set theirs in C, where `signal.getsignal` does not see it."""
    status, said, captured = ending(
        start("""
import ctypes
libc = ctypes.CDLL(None)
libc.signal.argtypes = [ctypes.c_int, ctypes.c_void_p]
libc.signal(signal.SIGTERM, ctypes.cast(libc._exit, ctypes.c_void_p))  # which gets the number of the signal
assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
capture()
end()
""")
    )
    assert (status, said, len(captured)) == (int(signal.SIGTERM), "", 5)


@pytest.mark.parametrize(
    "code",
    [
        pytest.param("heedback.init(disabled=True)\nheedback.start()\nrate()", id="disabled"),
        pytest.param("heedback.init()", id="only set up"),
        pytest.param("heedback.start()\nassert taken()\nheedback.close()", id="closed again"),
        pytest.param("heedback.start()\nheedback.init(on_sigterm=False)\nheedback.start()", id="set up anew without"),
        pytest.param("os.getpid = lambda: 1\nheedback.start()", id="number 1 of a container"),
        pytest.param(
            "thread = threading.Thread(target=rate)\nthread.start()\nthread.join()\nassert heedback.flush(9)",
            id="in another thread",
        ),
    ],
)
def test_it_is_left_alone(start: Start, code: str) -> None:
    """Nothing is sent from here, or it cannot or need not be done."""
    assert ending(start(f"{code}\n{LEFT_ALONE}"))[:2] == (0, "")


def test_first_in_another_thread_then_started_in_the_main_one(start: Start, service: Any) -> None:
    """`start()` makes good what a first capture in a server's thread could not do."""
    status, said, captured = ending(
        start("""
thread = threading.Thread(target=capture)
thread.start()
thread.join()
assert not taken()
heedback.start()
end()
""")
    )
    assert (status, said) == (-signal.SIGTERM, "")
    assert set(captured) <= service.stored.keys()


def test_while_the_process_ends_anyway(start: Start, service: Any, spooled: Callable[[], int]) -> None:
    """At exit, in the seconds for a service that hangs: it is killed at once, and nothing is lost."""
    process = start("heedback.ending.EXIT_SECONDS = 600\ncapture()\nsay('now')\nrate()")
    assert process.stdout is not None
    captured = [process.stdout.readline().strip() for _ in range(5)]
    service.delay = 30.0
    service.wait_for_a_request()
    process.terminate()
    status, said, _ = ending(process)
    assert (status, said) == (-signal.SIGTERM, "")
    assert spooled() > 0
    service.delay = 0.0
    assert ending(start(LEFTOVERS))[:2] == (0, "")
    assert set(captured) <= service.stored.keys()


def test_greenlets_at_rest(start: Start, service: Any) -> None:
    """Under gevent the signal finds no greenlet at work, and a handler that may not wait."""
    status, said, captured = ending(
        start("""
from gevent import monkey
monkey.patch_all()
capture()
os.kill(os.getpid(), signal.SIGTERM)
time.sleep(60)
""")
    )
    assert (status, said, len(captured)) == (-signal.SIGTERM, "", 5)
    assert set(captured) <= service.stored.keys()


def test_a_forked_child(start: Start, service: Any) -> None:
    """Its SIGTERM is as before, until it captures something itself; then both send their own."""
    status, said, captured = ending(
        start("""
capture()
idle = os.fork()
if idle == 0:
    assert not taken()
    end()
busy = os.fork()
if busy == 0:
    capture()
    assert taken()
    end()
assert [os.waitpid(pid, 0)[1] for pid in (idle, busy)] == [signal.SIGTERM, signal.SIGTERM]
assert taken()
say(rate())
end()
""")
    )
    assert (status, said) == (-signal.SIGTERM, "")
    assert len(captured) == 5 + 5 + 1
    assert set(captured) <= service.stored.keys()
    assert service.duplicates == 0


def test_a_fork_that_python_does_not_see(start: Start, service: Any, spooled: Callable[[], int]) -> None:
    """Some servers fork in C: the child holds its parent's handler, and ends at once, with nothing of the parent's."""
    status, said, captured = ending(
        start("""
import ctypes
heedback.ending.EXIT_SECONDS = 600
capture()
child = ctypes.PyDLL(None).fork()
if child == 0:
    end()
assert os.waitpid(child, 0)[1] == signal.SIGTERM
end()
""")
    )
    assert (status, said) == (-signal.SIGTERM, "")
    assert set(captured) <= service.stored.keys()
    assert service.duplicates == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_process_of_multiprocessing_that_is_terminated(
    start: Start, service: Any, tmp_path: Path, environ: dict[str, str], method: str
) -> None:
    """`terminate()` is SIGTERM: the child sends what it has, and its exit code is as ever."""
    (tmp_path / "host.py").write_text(CAPTURE + "def work():\n    capture()\n    say('now')\n    time.sleep(60)\n")
    script = tmp_path / "script.py"
    script.write_text(f"""
import multiprocessing, signal, sys, time, host
if __name__ == "__main__":
    host.rate()
    child = multiprocessing.get_context("{method}").Process(target=host.work)
    child.start()
    print(sys.stdin.readline())
    child.terminate()
    child.join(30)
    assert child.exitcode == -signal.SIGTERM, child.exitcode
""")
    pipe = subprocess.PIPE
    host = subprocess.Popen([sys.executable, script], env=environ, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert host.stdout is not None
    words = list(iter(lambda: host.stdout.readline().strip(), "now"))  # type: ignore[union-attr]
    _, said = host.communicate("end it\n", timeout=60)
    assert (host.returncode, said) == (0, "")
    assert len(words) == 5
    assert set(words) <= service.stored.keys()
