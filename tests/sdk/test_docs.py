"""docs/sdk.md is true: its snippets run, and it has every name, setting, count, reason and message there is."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import heedback
from heedback import delivery, errors, fields, limits, memory, options, phones, redaction, spool, testing, transport

TEXT = Path(__file__).parents[2].joinpath("docs/sdk.md").read_text(encoding="utf-8")
PRIVACY = Path(__file__).parents[2].joinpath("docs/privacy.md").read_text(encoding="utf-8")
CODE = {path.name: path.read_text("utf-8") for path in Path(heedback.__file__).parent.glob("*.py")}
SNIPPETS = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)

DROPS = r'(?:drop|_count|_told)\((?:\w+, )?"([a-z_]+)"|BY_HAND: Final = "([a-z_]+)"'


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
    assert len(SNIPPETS) == 16
    assert [event["type"] for event in service.stored.values()].count("feedback") == 16


def messages(text: str) -> Iterator[str]:
    """The texts of warnings, and of what cannot be used, in the code of a module."""
    place = {"warn": 1, "_warn": 1, "ConfigurationError": 0}
    for call in ast.walk(ast.parse(text)):
        if isinstance(call, ast.Call):
            name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            if name in place and len(call.args) > place[name]:
                yield as_told(call.args[place[name]])
            if name == "RetryAfter":
                whys = [*call.args[1:2], *(each.value for each in call.keywords if each.arg == "why")]
                yield from ("events wait, " + as_told(why) for why in whys)


def as_told(said: ast.expr) -> str:
    if isinstance(said, ast.JoinedStr):
        return "".join(as_told(part) for part in said.values)
    return str(said.value) if isinstance(said, ast.Constant) else "…"


@pytest.mark.parametrize(
    "words",
    [
        pytest.param(heedback.__all__, id="public names"),
        pytest.param(["url", "key", *options.ClientOptions.__annotations__], id="settings"),
        pytest.param(set(re.findall(r'environ(?:\.get\(|\[)"([A-Z_]+)"', "".join(CODE.values()))), id="environment"),
        pytest.param(fields.OutputFields.__annotations__, id="fields of an output"),
        pytest.param(fields.FeedbackFields.__annotations__, id="fields of feedback"),
        pytest.param(fields.SignalFields.__annotations__, id="fields of a signal"),
        pytest.param([*limits.SIGNALS, *limits.SOURCES], id="signals and sources"),
        pytest.param(redaction.MARKS, id="marks"),
        pytest.param(testing.memory_client().stats(), id="counts"),
        pytest.param(set(re.findall(DROPS, "".join(CODE.values()))), id="reasons of drops"),
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
    flat = ["".join(word) for word in words]  # of alternatives in a pattern, one matched
    assert flat
    assert [word for word in flat if word not in code] == []


@pytest.mark.parametrize("said", sorted({said for text in CODE.values() for said in messages(text)}))
def test_every_message_is_told(said: str) -> None:
    """What the log says, and what a setting that cannot be used says, word by word; `…` is what varies."""
    assert said in TEXT


def test_the_messages_were_found() -> None:
    """The test above reads code: it must not pass because it no longer finds any."""
    found = [said for text in CODE.values() for said in messages(text)]
    assert {"a call was dropped, …", "events wait, …", "user_key takes text, not …"} <= set(found)
    assert len(found) > 25


def test_the_defaults_are_those_of_the_code() -> None:
    """The third column of the table of settings."""
    table = TEXT[TEXT.index("| argument | environment |") :].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    told = {name: row[2] for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    settings = inspect.signature(heedback.Client).parameters
    for name in ("redact", "phones", "text", "disabled", "strict", "synchronous"):
        default = settings[name].default
        assert told[name] == (f'`"{default}"`' if isinstance(default, str) else f"`{default}`")
    bounds = [spaced(spool.MAX_EVENTS), f"{spool.MAX_BYTES // 2**20} MiB", f"{spool.MAX_AGE_DAYS:g}"]
    assert told["max_events"] == told["max_age_days"] == ", ".join(bounds)


def test_the_numbers_are_those_of_the_code() -> None:
    """Limits, waits and sizes, where the page says them."""
    flush, close = (inspect.signature(call).parameters["timeout"].default for call in (heedback.flush, heedback.close))
    for words in (
        f"`flush(timeout={flush})`",
        f"`close(timeout={close})`",
        f"1 to {limits.NAME_CHARS} characters",
        f"texts, cut at {limits.TEXT_BYTES // 1024} KiB of UTF-8 each",
        f"texts, cut at {spaced(limits.COMMENT_CHARS)} and {spaced(limits.CORRECTION_CHARS)} characters",
        f"at most {limits.METADATA_KEYS} keys of 1 to {limits.METADATA_KEY_CHARS} characters",
        f"cut at {limits.METADATA_VALUE_CHARS} characters",
        f"a list of names, of which {limits.MAX_REASONS} are kept",
        f"US dollars, at most {limits.MAX_COST_USD:,}",
        f"{spaced(memory.MEMORY_EVENTS)} events, {memory.MEMORY_BYTES // 2**20} MiB",
        f"Of more than {phones._LOOKED_AT:,} characters of numbers",
        f"rests {delivery._BREATH_SECONDS * 1000:.0f} ms after each batch of {limits.BATCH_EVENTS}, "
        f"{delivery._LONG_BREATH_SECONDS * 1000:.0f} ms while you go on capturing",
        f"To connect it has {transport.CONNECT_SECONDS:.0f} seconds, to answer {transport.ANSWER_SECONDS:.0f} in all",
        str(errors.__doc__).partition("\n\n")[2].strip(),
    ):
        assert words in TEXT


def test_how_many_rejected_events_are_kept() -> None:
    """One number in the code, told on both pages."""
    assert f"the newest {spool.KEPT_DEAD:,}" in TEXT
    assert f"over {spool.KEPT_DEAD:,} or an eighth of `max_bytes`" in TEXT
    assert spool.DEAD_SHARE == 8
    assert f"the last {spool.KEPT_DEAD:,}, until newer ones push them out" in PRIVACY


def spaced(number: int) -> str:
    return f"{number:,}".replace(",", " ")
