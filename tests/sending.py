"""A host app that sends batches to a real service until it has taken them, and what is stored of them in the end."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Self

import requests

from processes import Run, an_event, envelope, until

BATCH: Final = 60  # outputs, each with a piece of feedback


def a_batch(number: int) -> list[dict[str, Any]]:
    """Outputs, and what six people say about them."""
    first = number * BATCH + 1
    shown = [an_event(n) | {"prompt_version": f"v{n % 3}"} for n in range(first, first + BATCH)]
    rating = {"value": 0, "scale": "thumbs"}
    said = [
        an_event(n + 0x100000)
        | {"type": "feedback", "output_id": an_event(n)["id"], "user": f"u-{n % 6}", "rating": rating}
        | {"comment": f"The total of batch {number} leaves out the tax of case {n % 6}"}  # much of the same is spam
        for n in range(first, first + BATCH)
    ]
    return shown + said


def post(url: str, key: str, events: list[dict[str, Any]], seconds: float = 15) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}"}
    return requests.post(f"{url}/v1/events", json=envelope(*events), headers=headers, timeout=seconds)


@dataclass
class Sender:
    """While it is entered, it sends batches in their order, each again until it is acknowledged, as the SDK does.

    `begun` is set whenever a batch is on its way.
    """

    key: str
    url: str = ""
    acknowledged: list[str] = field(default_factory=list)
    refused: list[requests.Response] = field(default_factory=list)
    unanswered: int = 0
    begun: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Send no more; what is on its way is waited for."""
        self._stop.set()
        self._thread.join()

    def wait_for_one_more(self) -> None:
        _grows(lambda: len(self.acknowledged))

    def wait_for_a_refusal(self) -> None:
        _grows(lambda: len(self.refused))

    def _run(self) -> None:
        numbers = count()
        batch = a_batch(next(numbers))
        while not self._stop.is_set():
            if self._sent(batch):
                batch = a_batch(next(numbers))
            else:
                time.sleep(0.02)

    def _sent(self, events: list[dict[str, Any]]) -> bool:
        self.begun.set()
        try:
            answer = post(self.url, self.key, events)
        except requests.RequestException:
            self.unanswered += 1
            return False
        if answer.ok:
            assert answer.json()["accepted"] + answer.json()["duplicates"] == len(events)
            self.acknowledged += [event["id"] for event in events]
        else:
            self.refused.append(answer)
        return answer.ok


def _grows(number: Callable[[], int]) -> None:
    before = number()
    until(lambda: number() > before, pause=0.002)


def stored_ids(run: Run) -> Counter[str]:
    """How often the ids of outputs and of feedback events are stored."""
    lines = [json.loads(line) for line in run("export", "acme").stdout.splitlines()]
    outputs = [line["id"] for line in lines if line["type"] == "output"]
    return Counter(outputs + [event for line in lines if line["type"] == "feedback" for event in line["events"]])
