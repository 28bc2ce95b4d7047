"""Plays the sample through the SDK against the assistant's real answers, and keeps its dates.

    HEEDBACK_URL=… HEEDBACK_KEY=… python examples/docs_assistant/play.py

Prints one line of JSON: the ids of all events, and what they were. Exits 1 if not everything was delivered.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from assistant import PROMPTS, Answer, Assistant
from retrieval import RANKERS, Library, read_passages
from sample import FILE, Sample, Visit, last_sunday
from start import DOCS, PAGES

import heedback

SAMPLE: Final = {"sample": "true"}
CLICK: Final = timedelta(seconds=40)  # after the answer came
SECOND_THOUGHTS: Final = timedelta(minutes=2)


def main() -> int:
    args = _arguments()
    started = time.monotonic()
    now = datetime.now(args.timezone)
    sample = Sample(args.file, args.anchor or last_sunday(now.date()), args.timezone)
    player = Player(sample)
    if not heedback.init().enabled:
        print("Set HEEDBACK_URL and HEEDBACK_KEY: there is nowhere to play to.", file=sys.stderr)
        return 1
    for visit in sample.visits(until=args.until or now - 2 * SECOND_THOUGHTS):
        player.play(visit)
    delivered = heedback.flush(timeout=args.timeout)
    print(json.dumps(player.report() | {"seconds": round(time.monotonic() - started, 2)}))
    if not delivered:
        print(f"Not everything was delivered: {heedback.stats()}", file=sys.stderr)
    return 0 if delivered else 1


class Player:
    """Shows one answer after the other, and passes on what people say; keeps the ids of all events."""

    def __init__(self, sample: Sample) -> None:
        self._people = sample.people
        self._passages = read_passages(DOCS, PAGES)
        self._answer = cache(self._compute)
        self._assistant = cache(self._make_assistant)
        self.events: list[str] = []
        self.outputs = 0
        self.rated: list[str] = []

    def play(self, visit: Visit) -> None:
        answer, latency_ms = self._answer(visit.feature, visit.asked, **visit.release)
        facts: dict[str, Any] = self._people[visit.person] | answer.facts
        out = heedback.output(
            visit.feature,
            user=visit.person,
            input=visit.asked,
            output=answer.text,
            latency_ms=latency_ms,
            surface="web",
            metadata=SAMPLE,
            occurred_at=visit.at,
            **facts,
        )
        self.outputs += 1
        self._keep(out.id)
        if visit.said:
            self.rated.append(visit.person)
            self._say(out, visit.said, visit.at + CLICK)

    def _say(self, out: heedback.Output, said: dict[str, Any], at: datetime) -> None:
        rated = "rating" in said
        along: dict[str, Any] = {"metadata": SAMPLE, "occurred_at": at}
        words = {key: said[key] for key in ("reasons", "comment", "correction", "asked") if key in said}
        if rated:
            self._keep(heedback.rate(out, said["rating"], **along, **words))
        elif "correction" in said:
            self._keep(heedback.correct(out, said["correction"], **along))
        if "flag_reasons" in said:
            words = ({} if rated else words) | {"reasons": said["flag_reasons"]}
            self._keep(heedback.flag(out, **along, **words))
        if said.get("retracted"):
            self._keep(heedback.retract(out, occurred_at=at + SECOND_THOUGHTS))

    def report(self) -> dict[str, Any]:
        return {
            "events": self.events,
            "outputs": self.outputs,
            "feedback": len(self.rated),
            "people": len(set(self.rated)),
        }

    def _keep(self, event_id: str | None) -> None:
        if event_id:
            self.events.append(event_id)

    def _compute(self, feature: str, asked: str, prompt: str, model: str) -> tuple[Answer, float]:
        assistant = self._assistant(prompt, model)
        started = time.perf_counter()
        answer = assistant.summarise(asked) if feature == "docs-summary" else assistant.answer(asked)
        return answer, round((time.perf_counter() - started) * 1000, 2)

    def _make_assistant(self, prompt: str, model: str) -> Assistant:
        return Assistant(Library(self._passages, RANKERS[model]), PROMPTS[prompt])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="play.py", description="Plays the sample feedback through the SDK.")
    parser.add_argument("--anchor", type=date.fromisoformat, help="the Sunday that ends week five; default: the last")
    parser.add_argument("--timezone", type=_zone, default="UTC", help="the people's time zone, such as Europe/Berlin")
    parser.add_argument("--until", type=_instant, help="leave out what happens later; default: now")
    parser.add_argument("--file", type=Path, default=FILE, help="the sample to play")
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds to wait for delivery")
    return parser.parse_args()


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise argparse.ArgumentTypeError("needs a time zone, such as 2026-11-23T09:00Z")
    return at


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise argparse.ArgumentTypeError(f"{name!r} is no time zone") from None


if __name__ == "__main__":
    raise SystemExit(main())
