"""A process that has no file descriptor left: calls stay quiet, and all goes on once there are some again."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such limit there")

HOST = """
import json, os, resource, heedback
def exhaust():
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    held = []
    try:
        while True:
            held.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return held
def all_calls():
    out = heedback.output("exhausted", user="alice", output="text")
    with heedback.track("exhausted") as tracked:
        tracked.set(output="text")
        heedback.ticket(tracked)
        tracked.ticket()
    heedback.rate(out, "down", comment="No.")
    heedback.flag(out)
    heedback.signal(out, "copied")
    heedback.state("ticket")
    heedback.from_openai({"object": "response"})
    heedback.start()
    assert heedback.flush(0.05) is False
    assert len(out.id) == len(tracked.id) == 36
    return heedback.stats()
def settled():
    heedback.output("late")
    assert heedback.flush(30), heedback.stats()
    print(json.dumps(heedback.stats()))
"""


@pytest.mark.parametrize("before", ["", "heedback.init(app_version='4.2.0')", "heedback.flush(1)"])
def test_an_app_without_descriptors(start: Callable[..., subprocess.Popen[str]], service: Any, before: str) -> None:
    """Before the first call, after `init`, and with a sender at work: nothing is raised, what is dropped is counted."""
    host = start(
        f"{HOST}\n{before}\nheld = exhaust()\nstats = all_calls()\nfor each in held: os.close(each)\nsettled()"
    )
    out, err = host.communicate(timeout=60)
    assert (host.returncode, "Traceback" in err) == (0, False), err
    stats = json.loads(out)
    assert stats["pending"] == 0
    features = [event["feature"] for event in service.stored.values() if event["type"] == "output"]
    assert features.count("late") == 1
    assert stats["captured"] == len(service.stored)
    assert stats["dropped"].keys() <= {"internal"}
    if before:
        assert features.count("exhausted") == 2
    else:
        assert stats["dropped"] == {"internal": 5}
        assert service.requests[0]["dropped"] == {"internal": 5}
    assert [line for line in err.splitlines() if "Too many open files" in line]


def test_what_init_asked_for_counts_once_it_can_be_had(
    start: Callable[..., subprocess.Popen[str]], service: Any
) -> None:
    """A `redact` function of the app must not be forgotten on the way."""
    host = start(
        f"{HOST}\nheld = exhaust()\nassert not heedback.init(redact=lambda text: 'mine', app_version='4.2.0').enabled\n"
        "for each in held: os.close(each)\nheedback.output('f', output='text')\nsettled()"
    )
    _, err = host.communicate(timeout=60)
    assert host.returncode == 0, err
    first = next(iter(service.stored.values()))
    assert (first["output"], first["app_version"]) == ("mine", "4.2.0")
    assert err.count("heedback: a call failed, OSError: [Errno 24] Too many open files") == 1
