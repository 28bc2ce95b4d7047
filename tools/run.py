"""`./dev run`: the whole product at work, from a clean checkout, by one command.

Without `--once` it stays up with its data in `.heedback/`; with it, it happens in a folder that is gone afterwards,
and everything sent is looked for where it must be found.
"""

from __future__ import annotations

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tools import verify
from tools.demo import PROJECT, Demo, kept_home, passing_home
from tools.environment import Environment
from tools.processes import Family, Stopped, family, until

PORT: Final = 8700
SETTLE_S: Final = 5.0  # long enough for a comment to follow its click, short enough to watch it arrive
ARRIVE_S: Final = 20.0


def stay(environment: Environment, port: int, data: Path) -> int:
    """Runs until Ctrl-C or SIGTERM, with its data in the folder `data`.

    Returns 0 if everything then ended well, which includes that requests in flight were answered.
    """
    with kept_home(data) as home, family() as children:
        try:
            show(Demo(environment, home, SETTLE_S), children, port)
            children.watch()
        except Stopped:
            print("\nStopping", flush=True)
        return 0 if children.stop() else 1


def show(demo: Demo, children: Family, port: int) -> None:
    url = demo.start_service(children, port)
    fresh = not demo.finished()
    if fresh:
        print("Playing five weeks of sample feedback", flush=True)
        demo.create()
    else:
        print(f"Using the data in {demo.home.name}/ (remove the folder to begin anew)", flush=True)
    with ThreadPoolExecutor(1) as aside:
        link = aside.submit(demo.admit_owner, url)
        if fresh:
            demo.finish(demo.play(url))
            demo.work()
        digest = demo.digest()
        host = demo.start_host(children, url)
    print(f"\n  Queue     {link.result()}  (signs you in, once)")
    print(f"            {url}/p/{PROJECT}/queue")
    print(f"  Host app  {host}")
    print(f"  Digest    {url}{digest['url_path']}  ({digest['period']})")
    print("\nCtrl-C stops everything", flush=True)


def once(environment: Environment, port: int, begun: float) -> int:
    """Does everything once, and looks for what was sent. Returns 0 if all of it was found.

    `begun` is the monotonic time, in seconds, from which the duration counts.
    """
    with passing_home() as home, family() as children:
        try:
            found = rehearse(Demo(environment, home, settle_s=0), children, port)
        except Stopped:
            raise SystemExit("Stopped before everything was looked for.") from None
        except LookupError as error:
            raise SystemExit(f"Missing: {error}") from error
        missing = found.missing if children.stop() else (*found.missing, "the end of a process was no good one")
    for line in missing:
        print(f"Missing: {line}", file=sys.stderr)
    print(json.dumps({**found.told, "seconds": round(time.monotonic() - begun, 1)}), flush=True)
    return 1 if missing else 0


@dataclass(frozen=True, slots=True)
class Found:
    """What came of one run, and what was looked for in vain, a line each."""

    told: dict[str, Any]
    missing: tuple[str, ...]


def rehearse(demo: Demo, children: Family, port: int) -> Found:
    url = demo.start_service(children, port)
    project = f"{url}/p/{PROJECT}"
    demo.create()
    # Starting a program takes longer than what it does here, so a second one starts meanwhile.
    with ThreadPoolExecutor(1) as aside:
        link = aside.submit(demo.admit_owner, url)
        print("Playing the sample feedback", flush=True)
        sent = demo.play(url)["events"]
        print("Asking the host app a question, and telling it what is wrong with the answer", flush=True)
        said = verify.use_host(demo.start_host(children, url))
        browser = verify.sign_in(link.result())
        until(verify.appears(browser, f"{project}/feedback", said), ARRIVE_S)
        exported = aside.submit(demo.stored)
        demo.work()
        recounted = aside.submit(demo.recount)
        digest = demo.digest()
        print("Looking for all of it", flush=True)
        stored = exported.result()
        queue = verify.items(browser, f"{project}/queue")
        missing = (
            *verify.events([*sent, said.output_id], stored),
            *verify.feedback(browser, f"{project}/feedback", stored),
            *verify.comment(browser, project, queue, said),
            *verify.digest(browser, url, digest),
        )
        recounted.result()
    counts = {"sent": len(sent) + 1, "stored": len(verify.stored_ids(stored)), "items": len(queue)}
    return Found({**counts, "digest": digest["period"], "queue_url": f"{project}/queue"}, missing)


def refuse_busy(port: int) -> None:
    """Says in one line that `port` is taken, before anything is started."""
    with socket.socket() as probe:
        # What the service itself will do: a port whose last owner has just gone is free.
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise SystemExit(
                f"Port {port}: {error.strerror}. Give another with --port N; 0 takes a free one."
            ) from None
