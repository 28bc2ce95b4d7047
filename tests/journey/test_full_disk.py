"""An app whose disk is full: what it captures waits in memory, is sent from there, and goes to the file when it can."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from crashing import OUTPUT
from processes import Run, Service
from sending import stored_ids

NOBODY: Final = "http://127.0.0.1:9"
CAPTURES: Final = 150

# The kernel refuses to let a file of this process grow, as it refuses on a full disk.
FULL: Final = f"""
import os, resource, sys, time, heedback
path, count = os.environ["HEEDBACK_SPOOL"], {CAPTURES}
heedback.start()
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(path) + 200_000, hard))
for number in range(count):
    print(heedback.rate("{OUTPUT}", "down", comment="x" * 3000, feature="f"), flush=True)
assert heedback.stats()["spool"] == "memory", heedback.stats()
def wait_for(what):
    give_up = time.monotonic() + 30
    while not what():
        assert time.monotonic() < give_up, heedback.stats()
        time.sleep(0.02)
def room_again():
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
"""
LEFTOVERS: Final = "import heedback; heedback.start(); assert heedback.flush(30), heedback.stats()"


def test_a_full_disk_costs_what_is_in_memory_at_the_end_and_no_more(
    service: Service, project: dict[str, str], environment: dict[str, str], run: Run, tmp_path: Path
) -> None:
    told = {"KEY": project["key"], "USER_KEY": project["user_key"], "SPOOL": str(tmp_path / "state" / "spool.db")}
    environ = environment | {f"HEEDBACK_{name}": value for name, value in told.items()}

    def app(code: str, url: str) -> tuple[list[str], str]:
        """The ids it was told, and what its log says."""
        command = [sys.executable, "-c", code]
        done = subprocess.run(
            command, env=environ | {"HEEDBACK_URL": url}, capture_output=True, text=True, timeout=90, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.split(), done.stderr

    saved, log = app(f"{FULL}room_again()", NOBODY)
    assert ("cannot be written" in log, "lost" in log) == (True, False)

    ended, log = app(FULL, NOBODY)
    found = re.search(r"the process ends with (\d+) events in memory, which are lost", log)
    assert found is not None
    lost = int(found[1])
    assert 0 < lost < CAPTURES

    sent, log = app(f"{FULL}wait_for(lambda: heedback.stats()['delivered'])\nroom_again()", service.url)
    assert "lost" not in log
    assert app(LEFTOVERS, service.url) == ([], "")

    stored = stored_ids(run)
    assert set(saved) | set(sent) <= stored.keys()
    assert len(set(ended) - stored.keys()) == lost
    assert len(stored) == 3 * CAPTURES - lost
    assert set(stored.values()) == {1}
