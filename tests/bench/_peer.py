"""One SDK at work, ours or a peer's, in a process of its own: `peers.py` starts it in the SDK's virtual environment.

    _peer.py NAME URL calls|doomed|reborn [NUMBER ...]

Each is used as its own documentation says, with the server's address told and nothing else set. It may speak to this
machine only: whatever else it tries is refused, and told.
"""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from itertools import count
from typing import Any

from _figures import quantiles, timed
from _sink import said

OURS = "heedback"


@dataclass(frozen=True, slots=True)
class Peer:
    """`start(url)` gives two functions: the call for feedback with a comment, and `flush`, which waits for delivery."""

    package: str
    imports: str  # what its documentation imports
    call: str  # the call that is measured, for people
    start: Callable[[str], tuple[Callable[[str], object], Callable[[], object]]]


def heedback(url: str) -> tuple[Callable[[str], object], Callable[[], object]]:
    import heedback

    heedback.init(url, "hb_sk_bench_secret", user_key="bench")
    out = heedback.output("bench", user="alice", output="An answer.")
    heedback.start()
    return (
        lambda comment: heedback.rate(out, "down", reasons=["incorrect"], comment=comment),
        lambda: heedback.flush(60.0),
    )


def langfuse(url: str) -> tuple[Callable[[str], object], Callable[[], object]]:
    from langfuse import Langfuse

    client = Langfuse(public_key="pk-lf-bench", secret_key="sk-lf-bench", base_url=url)
    trace = client.create_trace_id()
    return (
        lambda comment: client.create_score(
            name="user-feedback", value=0, data_type="NUMERIC", trace_id=trace, comment=comment
        ),
        client.flush,
    )


def posthog(url: str) -> tuple[Callable[[str], object], Callable[[], object]]:
    from posthog import Posthog

    client = Posthog("phc_bench", host=url)
    trace = str(uuid.uuid4())
    return (
        lambda comment: client.capture(
            "answer rated",
            distinct_id="alice",
            properties={"trace": trace, "rating": "down", "reasons": ["incorrect"], "comment": comment},
        ),
        client.flush,
    )


def langsmith(url: str) -> tuple[Callable[[str], object], Callable[[], object]]:
    from langsmith import Client

    client = Client(api_url=url, api_key="lsv2_bench")
    trace, session = uuid.uuid4(), uuid.uuid4()
    return (
        # With `trace_id`, which its documentation asks for where a call must not wait.
        lambda comment: client.create_feedback(
            key="user-feedback", score=0, trace_id=trace, session_id=session, comment=comment
        ),
        client.flush,
    )


def sentry(url: str) -> tuple[Callable[[str], object], Callable[[], object]]:
    import sentry_sdk

    sentry_sdk.init(dsn=f"{url.replace('://', '://public@')}/1")
    event = sentry_sdk.capture_message("shown")
    return (
        # The SDK for Python has no `capture_feedback`: it is an event with this context, as its protocol says.
        lambda comment: sentry_sdk.capture_event(
            {"level": "info", "contexts": {"feedback": {"message": comment, "associated_event_id": event}}}
        ),
        lambda: sentry_sdk.flush(timeout=10),
    )


PEERS = {
    OURS: Peer("heedback", "import heedback", "rate", heedback),
    "langfuse": Peer("langfuse", "from langfuse import Langfuse", "create_score", langfuse),
    "posthog": Peer("posthog", "from posthog import Posthog", "capture", posthog),
    "langsmith": Peer("langsmith", "from langsmith import Client", "create_feedback", langsmith),
    "sentry": Peer("sentry-sdk", "import sentry_sdk", "capture_event", sentry),
}


def main(name: str, url: str, action: str, *numbers: str) -> None:
    peer = PEERS[name]
    elsewhere = stay_on_this_machine()
    logging.disable(logging.ERROR)
    match action:
        case "calls":
            calls(peer, url, int(numbers[0]), int(numbers[1]), elsewhere)
        case "doomed":
            doomed(peer, url, int(numbers[0]))
        case "reborn":
            _, flush = peer.start(url)
            flush()
            tell(elsewhere=sorted(elsewhere))


def stay_on_this_machine() -> set[str]:
    """From here on no other host is spoken to or looked up. Returns the set of those that somebody tried."""
    tried: set[str] = set()

    def refuse(event: str, arguments: tuple[Any, ...]) -> None:
        match event, arguments:
            case (("socket.connect" | "socket.sendto"), (_, (host, *_))):
                pass
            case "socket.getaddrinfo", (host, *_):
                pass
            case _:
                return
        if host not in ("127.0.0.1", "::1", "localhost"):
            tried.add(str(host))
            raise ConnectionRefusedError(f"{host}: this is a benchmark")

    sys.addaudithook(refuse)
    return tried


def calls(peer: Peer, url: str, tight: int, paced: int, elsewhere: set[str]) -> None:
    """What a call costs its thread: in a tight loop and paced 1 ms apart, each from an empty queue."""
    capture, flush = peer.start(url)
    comments = map(said, count())
    found = {}
    for loop, (number, pause) in {"warm": (50, 0.0), "tight": (tight, 0.0), "paced": (paced, 0.001)}.items():
        found[loop] = quantiles(timed(lambda: capture(next(comments)), number, pause))
        flush()
    tell(
        version=metadata.version(peer.package), elsewhere=sorted(elsewhere), tight=found["tight"], paced=found["paced"]
    )


def doomed(peer: Peer, url: str, number: int) -> None:
    """Captures while the server is down, and waits for its end."""
    capture, flush = peer.start(url)
    capture("warm")
    flush()
    tell(step="ready")
    sys.stdin.readline()  # the server is down now
    for each in range(number):
        with contextlib.suppress(Exception):  # one that raises has captured nothing
            capture(said(each))
    tell(step="captured")
    sys.stdin.readline()


def tell(**found: object) -> None:
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
