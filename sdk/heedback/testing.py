"""For tests of host apps: see what would have been sent, without sockets, files or waiting.

from heedback import testing

def test_a_thumb_is_captured():
    with testing.capturing() as sent:
        answer_page.click("thumb down")
        sent.assert_feedback(rating="down", user="alice")

With pytest, `heedback.fixtures` has the same as a fixture.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Unpack

import heedback
from heedback import events, shapes
from heedback.client import About, Client
from heedback.errors import UsageError
from heedback.options import ClientOptions
from heedback.refuge import MEMORY
from heedback.transport import Batch, Delivered, Outcome

URL: Final = "http://heedback.test"
KEY: Final = "hb_sk_test_notasecret"
_SHAPING: Final = ("environment", "app_version", "redact", "phones", "text", "user_key")
_THUMBS: Final = {"up": 1, "down": 0}


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
    """What a client captured. Each look flushes first, so that nothing captured before is missing.

    The assertions take what the calls take: `rating="down"`, `stars=4`, `user="alice"`; each other field as it is on
    the wire. They return the one event that has all of it, and fail with everything that was captured. What no event
    could have, such as another thumb, is a UsageError.
    """

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

    def about(self, output: About) -> list[dict[str, Any]]:
        """What was said about one output, in order: feedback, signals and texts."""
        return [event for event in self.events if event.get("output_id") == _id(output)]

    def assert_output(self, feature: str | None = None, **fields: Any) -> dict[str, Any]:
        """Exactly one output with these fields was captured; its event."""
        __tracebackhide__ = True
        return self._only("output", _given(feature=feature) | fields)

    def assert_feedback(self, about: About | None = None, **fields: Any) -> dict[str, Any]:
        """Exactly one piece of feedback with these fields, on this output if one is given; its event."""
        __tracebackhide__ = True
        return self._only("feedback", _given(output_id=about and _id(about)) | fields)

    def assert_signal(self, about: About | None = None, name: str | None = None, **fields: Any) -> dict[str, Any]:
        """Exactly one signal of this name, with these fields; its event."""
        __tracebackhide__ = True
        return self._only("signal", _given(output_id=about and _id(about), name=name) | fields)

    def assert_nothing(self) -> None:
        """Nothing was captured at all."""
        __tracebackhide__ = True
        if self.events:
            raise AssertionError(f"something was captured:\n{_listed(self.events)}")

    def _only(self, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        __tracebackhide__ = True  # pytest shows the host's line, not ours
        wanted = self._on_the_wire(fields)
        found = [event for event in self._of_type(kind) if _has(event, wanted)]
        if len(found) != 1:
            what = f"{kind} with {_told(wanted)}" if wanted else kind
            raise AssertionError(f"{len(found) or 'no'} {what}; captured was:\n{_listed(self.events)}")
        return found[0]

    def _on_the_wire(self, fields: dict[str, Any]) -> dict[str, Any]:
        wanted = dict(fields)
        if isinstance(thumb := wanted.get("rating"), str):
            if thumb not in _THUMBS:
                raise UsageError("rating", 'takes "up" or "down", or what is on the wire', thumb)
            wanted["rating"] = {"value": _THUMBS[thumb], "scale": "thumbs"}
        for scale in wanted.keys() & {"stars", "score"}:
            wanted["rating"] = {"value": wanted.pop(scale), "scale": scale}
        if "user" in wanted and self.client.enabled:
            wanted["user"] = shapes.user("user", wanted["user"], self.client._policy)
        return wanted

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
    """Let the module's functions (`heedback.rate` …) go to a client of memory for the length of a block.

    An app that calls `heedback.init` inside it gets a new client of memory, seen by the same `Sent`. Of what it asks
    for only what shapes an event counts: `environment`, `app_version`, `redact`, `phones`, `text` and `user_key`, where
    `options` does not say them.
    """
    options["transport"] = transport = MemoryTransport()
    sent = Sent(memory_client(**options), transport)

    def make(url: object, key: object, **asked: Any) -> Client:
        shaping: Any = {name: asked[name] for name in _SHAPING if asked.get(name) is not None}
        sent.client = memory_client(**(shaping | options))
        return sent.client

    former, heedback._stand_in = heedback._stand_in, make
    replaced = heedback._replace(sent.client)
    try:
        yield sent
    finally:
        heedback._stand_in = former
        heedback._replace(replaced)
        sent.client.close()


def _given(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _id(about: About) -> str:
    return events.checked_id(getattr(about, "id", about), about)


def _has(event: dict[str, Any], wanted: dict[str, Any]) -> bool:
    """None stands for a null, which takes something back; a field that was never given is another thing."""
    return all(name in event and event[name] == value for name, value in wanted.items())


def _listed(events: list[dict[str, Any]]) -> str:
    """A line each, without what no test asks for."""
    hidden = {"type", "occurred_at", "reasons_version"}
    lines = [
        f"  {event['type']}: {_told({name: value for name, value in event.items() if name not in hidden})}"
        for event in events
    ]
    return "\n".join(lines) or "  nothing"


def _told(fields: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in fields.items())
