"""For tests of host apps: see what would have been sent, without sockets, files or waiting.

from heedback import testing

def test_a_thumb_is_captured():
    with testing.capturing() as sent:
        answer_page.click("thumb down")
    assert sent.feedback[0]["rating"] == {"value": 0, "scale": "thumbs"}
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Unpack

import heedback
from heedback.client import Client
from heedback.options import ClientOptions
from heedback.refuge import MEMORY
from heedback.transport import Batch, Delivered, Outcome

URL: Final = "http://heedback.test"
KEY: Final = "hb_sk_test_notasecret"


class MemoryTransport:
    """A transport that keeps what it is sent. `outcomes` are given first, one a batch; then everything is delivered."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.batches: list[Batch] = []
        self._outcomes = list(outcomes)

    def answer_with(self, *outcomes: Outcome) -> None:
        """Answer the next batches with these."""
        self._outcomes.extend(outcomes)

    def send(self, batch: Batch) -> Outcome:
        self.batches.append(batch)
        return self._outcomes.pop(0) if self._outcomes else Delivered(accepted=len(batch.bodies))

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event of every batch, in the order of sending; one sent again after a failure is here again."""
        return [event for batch in self.batches for event in batch.events]


class Sent:
    """What a client captured. Each list flushes first, so that nothing captured before is missing."""

    def __init__(self, client: Client, transport: MemoryTransport) -> None:
        self.client = client
        self.transport = transport

    def look(self, timeout: float = 5.0) -> list[dict[str, Any]]:
        """Every event sent so far.

        Raises:
            AssertionError: after `timeout` seconds some that were captured are still waiting.
        """
        if not self.client.flush(timeout):
            raise AssertionError(f"events are still waiting: {self.client.stats()}")
        return self.transport.events

    @property
    def events(self) -> list[dict[str, Any]]:
        return self.look()

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return self._of_type("output")

    @property
    def feedback(self) -> list[dict[str, Any]]:
        return self._of_type("feedback")

    @property
    def signals(self) -> list[dict[str, Any]]:
        return self._of_type("signal")

    def _of_type(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["type"] == kind]


def memory_client(**options: Unpack[ClientOptions]) -> Client:
    """A strict client that keeps its events in memory, and sends them to a MemoryTransport unless told otherwise."""
    given: ClientOptions = {
        "spool": MEMORY,
        "user_key": "test",
        "strict": True,
        "transport": MemoryTransport(),
        **options,
    }
    return Client(URL, KEY, **given)


@contextmanager
def capturing(**options: Unpack[ClientOptions]) -> Iterator[Sent]:
    """Let the module's functions (`heedback.rate` …) go to a client of memory for the length of a block."""
    options["transport"] = transport = MemoryTransport()
    client = memory_client(**options)
    former = heedback._replace(client)
    try:
        yield Sent(client, transport)
    finally:
        heedback._replace(former)
        client.close()
