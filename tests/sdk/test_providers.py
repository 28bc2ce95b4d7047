"""Responses of OpenAI and LangChain, and OpenTelemetry's span, played by hand: none of them is required here.

The JSON is written after OpenAI's API reference, the calls of LangChain's handler protocol after its documentation.
"""

from __future__ import annotations

import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

import heedback
from heedback import testing
from heedback.langchain import HeedbackCallback
from openai_answers import CHAT, CHAT_FIELDS

RESPONSE: dict[str, Any] = {
    "id": "resp_67ccd2bed1ec",
    "object": "response",
    "created_at": 1741476542,
    "status": "incomplete",
    "error": None,
    "incomplete_details": {"reason": "max_output_tokens"},
    "model": "gpt-4.1-2025-04-14",
    "output": [],
    "usage": {"input_tokens": 36, "output_tokens": 87, "total_tokens": 123},
}
RESPONSE_FIELDS = {
    "response_id": "resp_67ccd2bed1ec",
    "response_model": "gpt-4.1-2025-04-14",
    "input_tokens": 36,
    "output_tokens": 87,
    "finish_reasons": ["max_output_tokens"],
}


def as_object(value: Any) -> Any:
    """JSON as the attribute objects that the openai package makes of it."""
    if isinstance(value, dict):
        return SimpleNamespace(**{key: as_object(each) for key, each in value.items()})
    return [as_object(each) for each in value] if isinstance(value, list) else value


@pytest.mark.parametrize("form", [dict, as_object], ids=["json", "object"])
@pytest.mark.parametrize(
    ("response", "fields"), [(CHAT, CHAT_FIELDS), (RESPONSE, RESPONSE_FIELDS)], ids=["chat", "responses"]
)
def test_an_openai_response_becomes_fields(form: Any, response: dict[str, Any], fields: dict[str, Any]) -> None:
    """Both APIs, as JSON and as objects; and what comes of it is what an output takes, with strict."""
    with testing.capturing() as sent:
        found = heedback.from_openai(form(response))
        heedback.output("f", **found)
        assert found == fields
        assert fields.items() <= sent.outputs[0].items()


def test_a_finished_response_says_so() -> None:
    """The Responses API has a status where chat completions have a finish reason."""
    done = RESPONSE | {"status": "completed", "incomplete_details": None}
    assert testing.memory_client().from_openai(done)["finish_reasons"] == ["completed"]


def test_a_response_without_usage_leaves_it_away() -> None:
    """The chunks of a stream have none, and None is no number of tokens."""
    chunk = CHAT | {"object": "chat.completion.chunk", "usage": None, "system_fingerprint": None}
    assert testing.memory_client().from_openai(chunk) == {
        key: CHAT_FIELDS[key] for key in ("response_id", "response_model", "finish_reasons")
    }


class Hostile:
    @property
    def object(self) -> str:
        raise RuntimeError("not today")


STRANGERS = [None, "text", 7, {}, {"object": "list"}, SimpleNamespace(model="m"), Hostile()]


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda value: type(value).__name__)
def test_a_stranger_is_said_and_counted_and_nothing_is_lost(stranger: Any) -> None:
    """The output is worth more than what the response would have said of it."""
    with testing.capturing(strict=False) as sent:
        heedback.output("f", **heedback.from_openai(stranger))
        assert len(sent.outputs) == 1
        assert heedback.stats()["left_out"] == {"from_openai": 1}
        assert "Chat Completions or Responses" in heedback.stats()["problem"]


@pytest.mark.parametrize("stranger", STRANGERS, ids=lambda value: type(value).__name__)
def test_a_stranger_raises_when_strict(stranger: Any) -> None:
    with pytest.raises(heedback.UsageError, match="from_openai"):
        testing.memory_client().from_openai(stranger)


def test_disabled_is_quiet() -> None:
    assert heedback.Client(disabled=True, strict=True).from_openai(object()) == {}


# --- LangChain -------------------------------------------------------------------------------------------------------


def result(model: str = "gpt-4.1", tokens: tuple[int, int] = (19, 10)) -> Any:
    """An `LLMResult` of a chat model: one message with its metadata."""
    message = SimpleNamespace(
        id="run-1",
        usage_metadata={"input_tokens": tokens[0], "output_tokens": tokens[1]},
        response_metadata={
            "model_name": model,
            "finish_reason": "stop",
            "id": "chatcmpl-1",
            "system_fingerprint": "fp",
        },
    )
    return SimpleNamespace(generations=[[SimpleNamespace(message=message, generation_info=None)]], llm_output=None)


ASKED = {"invocation_params": {"model": "gpt-4.1"}, "metadata": {"ls_provider": "openai"}}


def test_a_model_call_fills_the_output_being_tracked() -> None:
    """Tokens of a chain's calls are summed; the latest call names the model; a failure that was made good is past."""
    with testing.capturing() as sent:
        with heedback.track("f") as out:
            handler = HeedbackCallback(out)
            for answer in (result("small", (1, 2)), TimeoutError(), result()):
                run = uuid.uuid4()
                handler.on_chat_model_start({}, [[]], run_id=run, **ASKED)
                if isinstance(answer, Exception):
                    handler.on_llm_error(answer, run_id=run)
                else:
                    handler.on_llm_end(answer, run_id=run)
        (event,) = sent.outputs
    told = {
        "provider": "openai",
        "request_model": "gpt-4.1",
        "response_model": "gpt-4.1",
        "response_id": "chatcmpl-1",
        "system_fingerprint": "fp",
        "input_tokens": 20,
        "output_tokens": 12,
        "finish_reasons": ["stop"],
        "error_type": None,
    }
    assert told.items() <= event.items()
    assert event["latency_ms"] > 0


def test_with_a_feature_each_model_call_is_an_output() -> None:
    """For chains that no block can be put around: latency and error are the call's own."""
    with testing.capturing() as sent:
        handler = HeedbackCallback("f", user="alice")
        handler.on_llm_start({}, ["hello"], run_id=1, **ASKED)
        handler.on_llm_start({}, ["hello"], run_id=2, **ASKED)
        handler.on_llm_error(TimeoutError(), run_id=2)
        handler.on_llm_end(result(), run_id=1)
        assert handler.last is not None
        heedback.rate(handler.last, "up")
        failed, good = sent.outputs
        assert (failed["error_type"], good["error_type"]) == ("TimeoutError", None)
        assert sent.feedback[0]["output_id"] == failed["id"]
        assert good["latency_ms"] > 0
        assert good["user"] == failed["user"]


def test_older_integrations_and_nonsense_do_no_harm() -> None:
    """What `llm_output` says is read; what nobody understands is left away, and the chain goes on."""
    with testing.capturing() as sent:
        handler = HeedbackCallback("f")
        handler.on_llm_start({}, [], run_id=1)
        usage = {"token_usage": {"prompt_tokens": 3, "completion_tokens": 4}, "model_name": "davinci"}
        handler.on_llm_end(SimpleNamespace(generations=[[]], llm_output=usage), run_id=1)
        handler.on_llm_start({}, [], run_id=2)
        handler.on_llm_end(None, run_id=2)
        handler.on_llm_end(None, run_id="never began")
        first, second = sent.outputs
        assert (first["response_model"], first["input_tokens"], first["output_tokens"]) == ("davinci", 3, 4)
        assert "response_model" not in second


# --- OpenTelemetry ---------------------------------------------------------------------------------------------------


@contextmanager
def span_of(trace_id: int, span_id: int, valid: bool = True) -> Iterator[None]:
    """`opentelemetry.trace` as far as the SDK looks at it."""
    module = ModuleType("opentelemetry.trace")
    context = SimpleNamespace(trace_id=trace_id, span_id=span_id, is_valid=valid)
    module.get_current_span = lambda: SimpleNamespace(get_span_context=lambda: context)  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "opentelemetry.trace", module)
        yield


def test_an_output_belongs_to_the_current_span() -> None:
    """A tracked one to the span it began in; an explicit trace stands; feedback names no span, it comes later."""
    with testing.capturing() as sent:
        with span_of(0xABC, 0xDEF):
            out = heedback.output("f")
            heedback.output("f", trace_id="1" * 32)
            heedback.rate(out, "up")
            tracked = heedback.track("f")
        with tracked, span_of(1, 2):
            pass
        with span_of(0, 0, valid=False):
            heedback.output("f")
        ids = [(event.get("trace_id"), event.get("span_id")) for event in sent.outputs]
        ours = (f"{0xABC:032x}", f"{0xDEF:016x}")
        assert ids == [ours, ("1" * 32, None), ours, (None, None)]
        assert "trace_id" not in sent.feedback[0]


def test_another_version_of_opentelemetry_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    with testing.capturing() as sent:
        monkeypatch.setitem(sys.modules, "opentelemetry.trace", ModuleType("opentelemetry.trace"))
        heedback.output("f")
        assert "trace_id" not in sent.outputs[0]


def test_nothing_of_theirs_is_imported() -> None:
    """In a process of its own: reading a response and capturing an output load none of these packages."""
    code = f"""
import sys
from heedback import testing
client = testing.memory_client()
client.output("f", **client.from_openai({CHAT!r}))
print(sorted(sys.modules.keys() & {{"openai", "langchain_core", "opentelemetry"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
