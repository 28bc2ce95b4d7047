"""The crash run: processes that share a spool are killed and restarted, answers get lost, each event is stored once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from crashing import VICTIMS, crash, host
from heedback.limits import BATCH_EVENTS

CAPTURES = 150


def late(take: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def taking(envelope: Any) -> Any:
        time.sleep(0.1)
        return take(envelope)

    return taking


def test_two_of_four_are_killed_and_answers_are_lost(service: Any, environ: dict[str, str], tmp_path: Path) -> None:
    """All that was acknowledged is stored; nothing is stored under two ids; only lost answers bring an id again."""
    service.stumbles_every = 20
    service.take = late(service.take)  # so that a kill finds requests on their way,
    service.delay = 0.02  # and answers
    with host(environ) as start:
        told = crash(start, tmp_path / "told", CAPTURES, kill_at=(CAPTURES * 2 // 3, CAPTURES * 4 // 5))
    stored = {event_id: event["comment"] for event_id, event in service.stored.items()}
    assert len(told.said) >= 4 * CAPTURES
    assert (told.missing(stored), told.twice(stored)) == (0, 0)
    assert told.untold(stored) <= len(VICTIMS)
    assert service.stumbles > 0
    again = sum(times - 1 for times in service.taken.values())
    assert again <= (service.stumbles + len(VICTIMS)) * BATCH_EVENTS
