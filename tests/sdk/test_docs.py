"""docs/sdk.md is true: its snippets run, and it names every call, setting, field and count there is."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import heedback
from heedback import fields, limits, options, redaction, testing

TEXT = Path(__file__).parents[2].joinpath("docs/sdk.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)


def test_the_snippets_run(service: Any, spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, in one app, against a real service: each event they capture arrives, and nothing is dropped."""
    for name, value in {
        "HEEDBACK_URL": service.url,
        "HEEDBACK_KEY": "hb_sk_k1_notasecret",
        "HEEDBACK_SPOOL": str(spool),
        "HEEDBACK_USER_KEY": "salt",
    }.items():
        monkeypatch.setenv(name, value)
    app: dict[str, Any] = {
        "user_id": 42,
        "question": "Summarise this invoice.",
        "answer": "Total 1,200.00 EUR.",
        "ask": lambda question: ("Total 1,200.00 EUR.", SimpleNamespace(input=410, output=58)),
        "response": {"object": "response", "id": "resp_1", "model": "gpt-5.1", "status": "completed"},
        "chain": SimpleNamespace(invoke=lambda question, config: SimpleNamespace(content="Total 1,200.00 EUR.")),
        "render": lambda text, ticket: f"{text} {ticket}",
    }
    former = heedback._replace(None)
    try:
        for snippet in SNIPPETS:
            exec(compile(snippet, "docs/sdk.md", "exec"), app)
            assert heedback.flush(10)
            assert heedback.stats()["dropped"] == heedback.stats()["left_out"] == {}
        heedback.close()
    finally:
        heedback._replace(former)
    assert len(SNIPPETS) == 15
    assert [event["type"] for event in service.stored.values()].count("feedback") == 16


@pytest.mark.parametrize(
    "words",
    [
        pytest.param([name for name in heedback.__all__ if name.islower()], id="calls"),
        pytest.param(options.ClientOptions.__annotations__, id="settings"),
        pytest.param(fields.OutputFields.__annotations__, id="fields of an output"),
        pytest.param(fields.FeedbackFields.__annotations__, id="fields of feedback"),
        pytest.param(fields.SignalFields.__annotations__, id="fields of a signal"),
        pytest.param([*limits.SIGNALS, *limits.SOURCES], id="signals and sources"),
        pytest.param(redaction.MARKS, id="marks"),
        pytest.param(testing.memory_client().stats(), id="counts"),
        pytest.param(["invalid", "internal", "closed", "spool_full"], id="reasons of drops"),
        pytest.param(
            ["capturing", "memory_client", "MemoryTransport", "Client", "captured"]
            + [name for name in vars(testing.Sent) if not name.startswith("_") and name != "look"],
            id="the testing kit",
        ),
    ],
)
def test_everything_is_named(words: list[str]) -> None:
    """Who adds a name to the SDK adds it to the page."""
    code = set(re.findall(r"[\w\[\]]+", " ".join(re.findall(r"`([^`\n]+)`", TEXT)) + " ".join(SNIPPETS)))
    assert [word for word in words if word not in code] == []
