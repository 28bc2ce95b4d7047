"""What the wire allows, with the arithmetic beside it. Read by the SDK (which cuts) and the service (which refuses, and
cuts what its own redaction has made longer).

Sizes of texts are bytes of UTF-8; lengths of short strings are characters. `tests/contract/limits.json` holds the same
numbers for readers in other languages, and a test compares the two.
"""

from __future__ import annotations

import re
from typing import Final

WIRE_VERSION: Final = 1

# One request.
MAX_EVENTS: Final = 500
MAX_BODY_BYTES: Final = 1024 * 1024  # after gzip is undone
# The SDK closes a batch here. An event never exceeds MAX_EVENT_BYTES, so a batch that is still below
# BATCH_BYTES has room for one more and for the envelope: 640 KiB + 320 KiB + 4 KiB < 1 MiB.
BATCH_EVENTS: Final = 250
BATCH_BYTES: Final = 640 * 1024
MAX_EVENT_BYTES: Final = 320 * 1024
ENVELOPE_BYTES: Final = 4 * 1024

# One event. Two texts of 64 KiB can double when JSON escapes them (quotes, newlines, backslashes): 256 KiB, which
# leaves 64 KiB of MAX_EVENT_BYTES for everything else. Control characters grow sixfold: the SDK cuts those further.
TEXT_BYTES: Final = 64 * 1024  # `input`, `output`
TRUNCATION_MARK: Final = "\n[cut by heedback]"
COMMENT_CHARS: Final = 4096
CORRECTION_CHARS: Final = 32768
NAME_CHARS: Final = 200  # models, prompts, versions, users, sessions, keys: every short string
FEATURE_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}$"
REASON_PATTERN: Final = r"^[a-z][a-z0-9_]{0,63}$"
MAX_REASONS: Final = 20
METADATA_KEYS: Final = 16
METADATA_KEY_CHARS: Final = 64
METADATA_VALUE_CHARS: Final = 512

# Numbers. Those of a day and slice are summed in 64 bits, which end at 2^63 = 9.2 * 10^18: room for
#   9.2 * 10^9 outputs of MAX_TOKENS each,
#   1.06 * 10^8 outputs of MAX_LATENCY_MS each (8.64 * 10^10 microseconds): 1,200 a second that all took a day,
#   9.2 * 10^6 outputs of MAX_COST_USD each (10^12 billionths of a dollar): nine billion dollars,
#   9.2 * 10^9 requests that each tell of MAX_DROPPED events for the same reason.
# What lies above them is no measurement but a mistake of units. The SDK leaves such a number out, and cuts MAX_DROPPED.
MAX_TOKENS: Final = 1_000_000_000  # `input_tokens`, `output_tokens`
MAX_LATENCY_MS: Final = 24 * 3600 * 1000
MAX_COST_USD: Final = 1000
MAX_DROPPED: Final = 1_000_000_000  # by reason, in one request
MAX_VALUE: Final = 10**15  # of a signal; never summed
MAX_REASONS_VERSION: Final = 1_000_000

# One browser.
EDITS_PER_FEEDBACK: Final = 50
# One request of one: a queue of 50, each an edit. A correction of 32 768 characters takes at most 128 KiB as UTF-8, or
# 192 KiB as JSON when each is a control character that takes six bytes; with a comment it fits once.
WIDGET_EVENTS: Final = 50
WIDGET_BYTES: Final = 256 * 1024
TICKET_SECONDS: Final = 7 * 24 * 3600

# Reasons, version 1: stable keys; labels and translations belong to whoever shows them. A key is (list, key).
REASONS_VERSION: Final = 1
REASONS: Final[dict[str, tuple[str, ...]]] = {
    "down": (
        "incorrect",
        "instructions",
        "incomplete",
        "style",
        "sources",
        "refused",
        "slow_or_broken",
        "other",
    ),
    "flag": ("harmful", "biased_or_offensive", "private_data", "security", "legal", "other"),
    "up": ("accurate", "followed", "clear", "thorough", "other"),
}

# Implicit evidence on an output, and who may be the source of feedback.
SIGNALS: Final = ("shown", "asked", "copied", "edited", "regenerated", "accepted", "dismissed")
SOURCES: Final = ("end_user", "reviewer", "code", "llm")

# Polarity is part of the contract: what counts as up and what as down on each scale; the rest is neutral.
STARS_UP: Final = 4
STARS_DOWN: Final = 2
SCORE_UP: Final = 0.7
SCORE_DOWN: Final = 0.3


def cut(text: str, most: int, mark: str = TRUNCATION_MARK) -> str:
    """`text` with at most `most` characters, which end in `mark` when something was cut away."""
    return text if len(text) <= most else whole(text[: most - len(mark)]) + mark


def cut_utf8(text: str, most: int, mark: str = TRUNCATION_MARK) -> str:
    """The same for bytes of UTF-8. No character is cut through."""
    if len(text) <= most and (text.isascii() or len(text.encode()) <= most):
        return text
    return whole(text.encode()[: most - len(mark)].decode(errors="ignore")) + mark


def whole(text: str) -> str:
    """`text`, of which something was cut away, without what is left of a mark such as [email] at its end."""
    opening = text.rfind("[", -21)
    return text[:opening] if opening >= 0 and re.fullmatch("[a-z_]*", text[opening + 1 :]) else text


def polarity(value: float, scale: str) -> int:
    """+1, 0 or -1 for a rating `value` on `scale`.

    `thumbs` takes 1 (up) or 0 (down), `stars` 1 to 5, `score` 0.0 to 1.0.

    Raises:
        ValueError: the scale is none of these.
    """
    match scale:
        case "thumbs":
            up, down = 1.0, 0.0
        case "stars":
            up, down = STARS_UP, STARS_DOWN
        case "score":
            up, down = SCORE_UP, SCORE_DOWN
        case _:
            raise ValueError(f"unknown rating scale {scale!r}: use thumbs, stars or score")
    return 1 if value >= up else -1 if value <= down else 0
