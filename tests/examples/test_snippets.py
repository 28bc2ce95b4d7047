"""What README and the first pages show is run, strictly, and arrives."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
BEFORE = """
import heedback
heedback.init(strict=True)
user_id, question, answer, ask_the_model = "ana", "Why?", "Because.", str.upper
"""
AFTER = "\nassert heedback.flush(timeout=10), heedback.stats()\n"


def snippets(page: str) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", (ROOT / page).read_text("utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(
    ("page", "events"),
    [
        ("README.md", {"output": 1, "feedback": 1}),
        ("docs/getting-started.md", {"output": 2, "feedback": 1}),
    ],
)
def test_the_lines_that_a_page_shows_run(
    environment: dict[str, str], receiver: Any, page: str, events: dict[str, int]
) -> None:
    before = Counter(event["type"] for event in receiver.events)
    script = BEFORE + "\n".join(snippets(page)) + AFTER
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    assert Counter(event["type"] for event in receiver.events) - before == events


def test_calls_in_running_text_name_what_the_sdk_has() -> None:
    """Every `heedback.name(…)` in the docs is a public name of the SDK."""
    import heedback

    pages = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    named = {name for page in pages for name in re.findall(r"`heedback\.(\w+)\(", page.read_text("utf-8"))}
    assert named
    assert {name for name in named if not hasattr(heedback, name)} == set()
