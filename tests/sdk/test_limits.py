"""The limits hold together, and the golden file says the same."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from heedback import limits

GOLDEN = json.loads(Path(__file__).parents[1].joinpath("contract/limits.json").read_text(encoding="utf-8"))


def test_the_golden_file_holds_the_same_numbers() -> None:
    """Readers in other languages, and the service, get exactly what the SDK keeps to."""
    ours = {name: getattr(limits, name) for name in dir(limits) if name.isupper()}
    assert json.loads(json.dumps(ours)) == GOLDEN


@pytest.mark.parametrize("piece", ["[email] ", "é", "🙂", "x", "[", "[note: ", "[private_key]"])
@pytest.mark.parametrize(("cut", "size"), [(limits.cut, len), (limits.cut_utf8, lambda text: len(text.encode()))])
def test_a_cut_text_fits_and_ends_whole(cut: Callable[[str, int], str], size: Callable[[str], int], piece: str) -> None:
    """Wherever it falls, a cut goes through no character and no mark, and takes no more than it must."""
    text = piece * 100
    assert cut(text, size(text)) == text
    for most in range(60, 80):
        short = cut(text, most)
        kept = short.removesuffix(limits.TRUNCATION_MARK)
        assert kept != short
        assert most - len("[private_key") <= size(short) <= most
        assert text.startswith(kept)
        assert kept.count("[") == kept.count("]") or "]" not in piece


def test_a_full_batch_fits_a_request() -> None:
    """A batch that is not closed yet has room for the largest event and the envelope."""
    most = limits.BATCH_BYTES + limits.MAX_EVENT_BYTES + limits.ENVELOPE_BYTES
    assert most < limits.MAX_BODY_BYTES
    assert limits.BATCH_EVENTS <= limits.MAX_EVENTS


def test_a_day_of_the_largest_numbers_fits_64_bits() -> None:
    """The service sums microseconds and billionths of a dollar by day and slice: more outputs than any day has."""
    room = 2**63
    assert room > limits.MAX_LATENCY_MS * 1000 * 100_000_000
    assert room > limits.MAX_TOKENS * 9_000_000_000
    assert room > limits.MAX_COST_USD * 1_000_000_000 * 9_000_000
    assert room > limits.MAX_DROPPED * 9_000_000_000


@pytest.mark.parametrize(
    ("value", "scale", "expected"),
    [(1, "thumbs", 1), (0, "thumbs", -1), (5, "stars", 1), (4, "stars", 1), (3, "stars", 0), (2, "stars", -1),
     (0.7, "score", 1), (0.5, "score", 0), (0.3, "score", -1)],
)  # fmt: skip
def test_polarity(value: float, scale: str, expected: int) -> None:
    """What is up, down and neutral on each scale is part of the contract."""
    assert limits.polarity(value, scale) == expected


def test_an_unknown_scale_is_an_error() -> None:
    """Nobody guesses a polarity."""
    with pytest.raises(ValueError, match="unknown rating scale"):
        limits.polarity(1, "hearts")
