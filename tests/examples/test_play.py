"""The sample is played through the real SDK: what arrives is what the file says, at the times it says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sample import FILE, Sample

PLAY = Path(__file__).parents[2] / "examples" / "docs_assistant" / "play.py"
SUNDAY = date(2026, 3, 29)  # summer time begins in Berlin on this very day
UNTIL = datetime(2026, 4, 4, tzinfo=UTC)


def play(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(PLAY), *args], env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def played(environment: dict[str, str], receiver: Any) -> dict[str, Any]:
    """What a play of the whole file prints, and what the receiver got from it."""
    done = play(environment, "--anchor", f"{SUNDAY}", "--until", UNTIL.isoformat())
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    return dict(json.loads(line)) | {"received": receiver.events}


def when(event: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(event["occurred_at"])


def test_every_event_arrives_once_and_is_reported(played: dict[str, Any]) -> None:
    assert sorted(played["events"]) == sorted(event["id"] for event in played["received"])
    kinds = Counter(event["type"] for event in played["received"])
    assert kinds["output"] == played["outputs"]
    assert played["people"] == 30
    assert played["seconds"] < 30


def test_the_numbers_are_those_of_the_file(played: dict[str, Any]) -> None:
    entries = [line for line in Sample(FILE, SUNDAY, UTC).lines if "person" in line]
    assert played["feedback"] == len(entries)
    ratings = Counter(event["rating"]["value"] for event in played["received"] if event.get("rating"))
    assert ratings == {
        1: sum(line.get("rating") == "up" for line in entries),
        0: sum(line.get("rating") == "down" for line in entries),
    }
    about = {event["output_id"] for event in played["received"] if event["type"] == "feedback"}
    assert len(about) == len(entries)


def test_dates_are_kept_and_count_back_from_the_anchor(played: dict[str, Any]) -> None:
    outputs = [event for event in played["received"] if event["type"] == "output"]
    days = {(when(event).date() - SUNDAY).days for event in outputs}
    assert min(days) == -34
    assert max(days) == 3
    first = min(outputs, key=when)
    assert when(first).date() == SUNDAY - timedelta(days=34)


def test_every_output_says_that_it_is_sample_data(played: dict[str, Any]) -> None:
    assert all(event["metadata"] == {"sample": "true"} for event in played["received"] if event["type"] == "output")


def test_model_and_prompt_change_on_their_days(played: dict[str, Any]) -> None:
    answers = [event for event in played["received"] if event.get("feature") == "docs-answer" and "input" in event]
    for event in answers:
        day = (when(event).date() - SUNDAY).days
        assert event["prompt_version"] == ("v13" if day >= -9 else "v12")
        assert event["response_model"] == ("bm25-docs-2026-10" if day >= -18 else "bm25-docs-2026-09")
    assert len({event["system_fingerprint"] for event in answers}) == 2
    assert {event["request_model"] for event in answers} == {"bm25-docs"}


def test_the_answers_are_real(played: dict[str, Any]) -> None:
    cut = {
        event["id"]
        for event in played["received"]
        if event["type"] == "output" and "…" in event["output"] and event["prompt_version"] == "v13"
    }
    complained = [
        event["output_id"]
        for event in played["received"]
        if event["type"] == "feedback" and "stops in the middle" in str(event.get("comment")).lower()
    ]
    assert len(complained) >= 15
    assert set(complained) <= cut


def test_a_time_zone_moves_the_local_times(environment: dict[str, str], serve: Any) -> None:
    receiver = serve(lambda path, body: (200, {"accepted": len(body["events"]), "duplicates": 0, "rejected": []}))
    args = ("--anchor", f"{SUNDAY}", "--until", UTC_MIDNIGHT, "--timezone", "Europe/Berlin")
    assert play(environment | {"HEEDBACK_URL": receiver.url}, *args).returncode == 0
    first = min((event for event in receiver.events if event["type"] == "output"), key=when)
    entry = Sample(FILE, SUNDAY, UTC).visits(UNTIL)[0]
    assert when(first) == entry.at - timedelta(hours=1)  # winter time in February


UTC_MIDNIGHT = (datetime.combine(SUNDAY, datetime.min.time(), UTC) - timedelta(days=33)).isoformat()


def test_it_fails_when_not_everything_was_delivered(environment: dict[str, str], serve: Any) -> None:
    down = serve(lambda path, body: (503, {}))
    args = ("--anchor", f"{SUNDAY}", "--until", UTC_MIDNIGHT, "--timeout", "0.5")
    done = play(environment | {"HEEDBACK_URL": down.url}, *args)
    assert done.returncode == 1
    assert json.loads(done.stdout)["outputs"] > 0
    assert "Not everything was delivered" in done.stderr


def test_it_needs_to_know_where_to_play_to(environment: dict[str, str]) -> None:
    done = play({name: value for name, value in environment.items() if name != "HEEDBACK_URL"})
    assert (done.returncode, done.stdout) == (1, "")
    assert "HEEDBACK_URL" in done.stderr
