"""Heedback's reason keys in the words this app uses. Keys are stable; labels belong to whoever shows them."""

from __future__ import annotations

from typing import Final

from heedback.limits import REASONS

_LABELS: Final = {
    "down": {
        "incorrect": "Not correct",
        "instructions": "Not what I asked",
        "incomplete": "Something is missing",
        "style": "Style or length",
        "sources": "Wrong source",
        "refused": "Did not answer",
        "slow_or_broken": "Slow or broken",
        "other": "Something else",
    },
    "flag": {
        "harmful": "Could do harm",
        "biased_or_offensive": "Insulting or biased",
        "private_data": "Shows private data",
        "security": "Security risk",
        "legal": "Legal problem",
        "other": "Something else",
    },
    "up": {
        "accurate": "Correct",
        "followed": "Just what I asked",
        "clear": "Clear",
        "thorough": "Thorough",
        "other": "Something else",
    },
}
LABELS: Final = {kind: {key: _LABELS[kind][key] for key in keys} for kind, keys in REASONS.items()}
