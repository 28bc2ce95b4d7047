"""The kit for tests of host apps."""

from __future__ import annotations

import pytest

import heedback
from heedback import Delivered, RetryAfter
from heedback.testing import MemoryTransport, capturing, memory_client


def test_capturing_takes_the_place_of_the_client_and_gives_it_back() -> None:
    """Inside the block the module's calls are seen; after it the former client is there again."""
    before = heedback._replace(None)
    try:
        with capturing() as outer:
            with capturing() as inner:
                heedback.output("inner")
                assert [event["feature"] for event in inner.outputs] == ["inner"]
            heedback.output("outer")
            assert [event["feature"] for event in outer.outputs] == ["outer"]
        assert heedback._client is None
    finally:
        heedback._replace(before)


def test_capturing_gives_the_client_back_when_the_block_fails() -> None:
    """A failed assertion of one test must not leak its client into the next."""
    before = heedback._client
    with pytest.raises(ZeroDivisionError), capturing():
        _ = 1 / 0
    assert heedback._client is before


def test_events_by_kind() -> None:
    """Outputs, feedback and signals each have their list."""
    with capturing() as sent:
        out = heedback.output("f")
        heedback.rate(out, "up")
        heedback.signal(out, "shown")
        assert [event["type"] for event in sent.outputs + sent.feedback + sent.signals] == [
            "output",
            "feedback",
            "signal",
        ]
        assert len(sent.events) == 3


def test_events_that_cannot_be_sent_are_said() -> None:
    """A look at what was sent never shows less than was captured without a word."""
    with capturing(jitter=lambda top: 60.0) as sent:
        sent.transport.answer_with(RetryAfter(60.0))
        heedback.output("f")
        with pytest.raises(AssertionError, match="still waiting"):
            sent.look(timeout=0.1)


def test_outcomes_come_in_order() -> None:
    """A host may rehearse a bad day: the event is sent again and arrives."""
    transport = MemoryTransport(RetryAfter(), Delivered(1))
    client = memory_client(transport=transport, jitter=lambda top: 0.0)
    out = client.output("f")
    assert client.flush(5.0)
    client.close()
    assert [event["id"] for event in transport.events] == [out.id, out.id]
