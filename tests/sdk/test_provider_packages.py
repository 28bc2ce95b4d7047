"""The packages themselves: openai against a server of its API, LangChain's own models and runs, OpenTelemetry's tracer.

`test_providers.py` plays their objects by hand, in shapes that these versions no longer make or do not make yet.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from langchain_core.language_models.fake_chat_models import (
    FakeListChatModel,
    FakeListChatModelError,
    FakeMessagesListChatModel,
)
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.runnables import RunnableLambda
from openai.types.chat import ChatCompletion
from openai.types.responses import Response
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

import heedback
from heedback import testing
from heedback.langchain import HeedbackCallback
from openai_answers import CHAT, CHAT_FIELDS

MESSAGE = {"type": "output_text", "text": "Hello!", "annotations": []}
RESPONSE: dict[str, Any] = {
    "id": "resp_67ccd2bed1ec",
    "object": "response",
    "created_at": 1741476542,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "instructions": None,
    "model": "gpt-4.1-2025-04-14",
    "output": [{"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [MESSAGE]}],
    "parallel_tool_calls": True,
    "temperature": 1.0,
    "tool_choice": "auto",
    "tools": [],
    "top_p": 1.0,
    "usage": {
        "input_tokens": 36,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 87,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 123,
    },
}
RESPONSE_FIELDS = {
    "response_id": "resp_67ccd2bed1ec",
    "response_model": "gpt-4.1-2025-04-14",
    "input_tokens": 36,
    "output_tokens": 87,
    "finish_reasons": ["completed"],
}


def chunk(delta: dict[str, str], reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return CHAT | {"object": "chat.completion.chunk", "choices": [choice], "usage": None}


STREAMS: dict[str, list[dict[str, Any]]] = {
    "/chat/completions": [
        chunk({"role": "assistant", "content": "Hel"}),
        chunk({"content": "lo!"}),
        chunk({}, "stop"),
        CHAT | {"object": "chat.completion.chunk", "choices": []},  # the last one: nothing but the usage
    ],
    "/responses": [
        {"type": "response.created", "sequence_number": 0,
         "response": RESPONSE | {"status": "in_progress", "usage": None}},
        {"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1", "output_index": 0,
         "content_index": 0, "delta": "Hello!", "logprobs": []},
        {"type": "response.completed", "sequence_number": 2, "response": RESPONSE},
    ],
}  # fmt: skip


class Api(BaseHTTPRequestHandler):
    """The two endpoints of OpenAI's API that say something about an output, streamed when asked to."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if asked["model"] == "broken":
            return self._send(400, "application/json", json.dumps({"error": {"message": "no such model"}}))
        if asked.get("stream"):
            events = [
                f"event: {event.get('type', 'chunk')}\ndata: {json.dumps(event)}\n\n" for event in STREAMS[self.path]
            ]
            return self._send(200, "text/event-stream", "".join(events) + "data: [DONE]\n\n")
        body = CHAT if self.path == "/chat/completions" else RESPONSE
        return self._send(200, "application/json", json.dumps(body))

    def _send(self, status: int, kind: str, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def api() -> Iterator[openai.OpenAI]:
    """The package's client, of a server on this machine."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Api)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    with openai.OpenAI(base_url=f"http://127.0.0.1:{server.server_port}", api_key="none", max_retries=0) as client:
        yield client
    server.shutdown()
    thread.join()
    server.server_close()


# --- openai ----------------------------------------------------------------------------------------------------------


def test_chat_completions(api: openai.OpenAI) -> None:
    """What the call returned, and what its JSON says, are the same fields; an output takes them as they are."""
    answer = api.chat.completions.create(model="gpt-4.1", messages=[{"role": "user", "content": "Hi"}])
    assert isinstance(answer, ChatCompletion)
    with testing.capturing() as sent:
        assert heedback.from_openai(answer) == heedback.from_openai(answer.model_dump()) == CHAT_FIELDS
        heedback.output("f", **heedback.from_openai(answer))
        assert CHAT_FIELDS.items() <= sent.outputs[0].items()


def test_responses(api: openai.OpenAI) -> None:
    """So too for the Responses API, whose status stands for the finish reason."""
    answer = api.responses.create(model="gpt-4.1", input="Hi")
    assert isinstance(answer, Response)
    with testing.capturing() as sent:
        assert heedback.from_openai(answer) == heedback.from_openai(answer.model_dump()) == RESPONSE_FIELDS
        heedback.output("f", **heedback.from_openai(answer))
        assert RESPONSE_FIELDS.items() <= sent.outputs[0].items()


def test_a_response_that_was_cut_short_or_failed() -> None:
    """Why it stopped, where it says so, else its status."""
    short = RESPONSE | {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    failed = RESPONSE | {"status": "failed", "usage": None, "error": {"code": "server_error", "message": "oh"}}
    client = testing.memory_client()
    reasons = [client.from_openai(Response.model_validate(each))["finish_reasons"] for each in (short, failed)]
    assert reasons == [["max_output_tokens"], ["failed"]]


def test_a_stream_of_chat_completions(api: openai.OpenAI) -> None:
    """The last chunk has the usage, the one before it the reason; `set` puts them together."""
    stream = api.chat.completions.create(
        model="gpt-4.1",
        messages=[{"role": "user", "content": "Hi"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    with testing.capturing() as sent:
        text = ""
        with heedback.track("f") as out:
            for part in stream:
                text += (part.choices and part.choices[0].delta.content) or ""
                out.set(**heedback.from_openai(part))
            out.set(output=text)
        assert (CHAT_FIELDS | {"output": "Hello!"}).items() <= sent.outputs[0].items()


def test_a_stream_of_a_response(api: openai.OpenAI) -> None:
    """Its last event holds the response."""
    *_, last = api.responses.create(model="gpt-4.1", input="Hi", stream=True)
    assert testing.memory_client().from_openai(last) == RESPONSE_FIELDS


def test_an_error_of_the_api_is_the_outputs_error_type(api: openai.OpenAI) -> None:
    """It goes on its way; what the server said stays out, it may quote the prompt."""
    with testing.capturing() as sent:
        with pytest.raises(openai.BadRequestError), heedback.track("f"):
            api.chat.completions.create(model="broken", messages=[])
        assert sent.outputs[0]["error_type"] == "openai.BadRequestError"
        assert "no such model" not in json.dumps(sent.outputs)


# --- LangChain -------------------------------------------------------------------------------------------------------

ANSWER = AIMessage(
    content="Hello!",
    id="run-made-up",
    usage_metadata={"input_tokens": 19, "output_tokens": 10, "total_tokens": 29},
    response_metadata={
        "model_name": "gpt-4.1",
        "finish_reason": "stop",
        "id": "chatcmpl-1",
        "system_fingerprint": "fp",
    },
)
ANSWERED = {
    "response_model": "gpt-4.1",
    "response_id": "chatcmpl-1",
    "system_fingerprint": "fp",
    "input_tokens": 19,
    "output_tokens": 10,
    "finish_reasons": ["stop"],
}


class Model(FakeMessagesListChatModel):
    """As an integration for a provider has it: it names its model, and streams usage with the last chunk."""

    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return super()._get_ls_params(stop, **kwargs) | {"ls_provider": "openai", "ls_model_name": "gpt-4.1-asked"}

    def _stream(self, messages: Any, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> Iterator[Any]:
        yield ChatGenerationChunk(message=AIMessageChunk(content="Hel"))
        yield ChatGenerationChunk(
            message=AIMessageChunk(
                content="lo!",
                usage_metadata=ANSWER.usage_metadata,
                response_metadata=ANSWER.response_metadata,
                chunk_position="last",
            )
        )


class Broken(FakeMessagesListChatModel):
    def _generate(self, *args: Any, **kwargs: Any) -> Any:
        raise TimeoutError("slow")

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionError("gone")


class Slow(FakeMessagesListChatModel):
    def _get_ls_params(self, stop: Any = None, **kwargs: Any) -> Any:
        return super()._get_ls_params(stop, **kwargs) | {"ls_model_name": "slow"}

    async def _agenerate(self, *args: Any, **kwargs: Any) -> Any:
        await asyncio.sleep(60)


class OldModel(LLM):
    """One of the older kind: text in, text out."""

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        return "Hello!"

    @property
    def _llm_type(self) -> str:
        return "old"


PROMPT = ChatPromptTemplate.from_messages([("user", "{question}")])


def with_handler(handler: HeedbackCallback) -> Any:
    return {"callbacks": [handler]}


def test_a_chain_fills_the_output_being_tracked() -> None:
    """Prompt, model and a step of the host's own, run as LangChain runs them."""
    chain = PROMPT | Model(responses=[ANSWER]) | RunnableLambda(lambda message: message.content)
    with testing.capturing() as sent:
        with heedback.track("f", user="alice") as out:
            answer = chain.invoke({"question": "Hi"}, config=with_handler(HeedbackCallback(out)))
            out.set(output=answer)
        (event,) = sent.outputs
    told = ANSWERED | {"output": "Hello!", "provider": "openai", "request_model": "gpt-4.1-asked", "error_type": None}
    assert told.items() <= event.items()


@pytest.mark.parametrize("how", ["invoke", "ainvoke", "stream", "astream", "batch", "abatch"])
def test_each_way_to_run_a_model(how: str) -> None:
    """Sync and async, whole and in parts, one and several at once: each call is an output with the same fields."""
    model = Model(responses=[ANSWER])
    handler = HeedbackCallback("f")
    with testing.capturing() as sent:
        asyncio.run(ran(model, how, with_handler(handler)))
        assert len(sent.outputs) == (3 if "batch" in how else 1)
        for event in sent.outputs:
            assert (ANSWERED | {"provider": "openai", "error_type": None}).items() <= event.items()
            assert event["latency_ms"] > 0
        assert isinstance(handler.last, heedback.Tracked)
        heedback.rate(handler.last, "up")
        assert sent.feedback[0]["output_id"] in {event["id"] for event in sent.outputs}


async def ran(model: Model, how: str, config: Any) -> None:
    match how:
        case "invoke":
            model.invoke("Hi", config=config)
        case "ainvoke":
            await model.ainvoke("Hi", config=config)
        case "stream":
            assert "".join(str(part.content) for part in model.stream("Hi", config=config)) == "Hello!"
        case "astream":
            parts: AsyncIterator[Any] = model.astream("Hi", config=config)
            assert "".join([str(part.content) async for part in parts]) == "Hello!"
        case "batch":
            model.batch(["1", "2", "3"], config=config)
        case "abatch":
            await model.abatch(["1", "2", "3"], config=config)


def test_tokens_of_a_batch_are_summed() -> None:
    """A batch's calls end on many threads, and none of their tokens is lost."""
    with testing.capturing() as sent:
        with heedback.track("f") as out:
            handler = HeedbackCallback(out)
            with ThreadPoolExecutor(4) as pool:
                list(
                    pool.map(lambda _: Model(responses=[ANSWER]).invoke("Hi", config=with_handler(handler)), range(40))
                )
        assert (sent.outputs[0]["input_tokens"], sent.outputs[0]["output_tokens"]) == (760, 400)


def test_tokens_are_those_of_the_block_however_many_handlers_it_has() -> None:
    """Each call may be given a handler of its own; and one handler's sum is no other block's."""
    with testing.capturing() as sent:
        for _ in range(2):
            with heedback.track("f") as out:
                for _ in range(2):
                    Model(responses=[ANSWER]).invoke("Hi", config=with_handler(HeedbackCallback(out)))
        assert [(event["input_tokens"], event["output_tokens"]) for event in sent.outputs] == [(38, 20)] * 2


def test_a_run_that_fails_says_so_and_goes_on_failing() -> None:
    """Sync, async, and in mid-stream."""
    torn = FakeListChatModel(responses=["Hello!"], error_on_chunk_number=2)
    with testing.capturing() as sent:
        handler = HeedbackCallback("f")
        with pytest.raises(TimeoutError):
            Broken(responses=[]).invoke("Hi", config=with_handler(handler))
        with pytest.raises(ConnectionError):
            asyncio.run(Broken(responses=[]).ainvoke("Hi", config=with_handler(handler)))
        with pytest.raises(FakeListChatModelError):
            list(torn.stream("Hi", config=with_handler(handler)))
        kinds = [event["error_type"].rpartition(".")[2] for event in sent.outputs]
        assert kinds == ["TimeoutError", "ConnectionError", "FakeListChatModelError"]


def test_a_run_that_is_cancelled_leaves_nothing_behind() -> None:
    """LangChain tells its handlers nothing then: the tracked block captures, and a long life gathers no such runs."""
    handler = HeedbackCallback("f")
    for number in range(3000):
        handler.on_chat_model_start({}, [[]], run_id=number)
    assert len(handler._running) <= 1000

    async def cancelled(out: heedback.Tracked) -> None:
        with out, pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await Slow(responses=[ANSWER]).ainvoke("Hi", config=with_handler(HeedbackCallback(out)))

    with testing.capturing() as sent:
        asyncio.run(cancelled(heedback.track("f")))
        assert sent.outputs[0]["request_model"] == "slow"


def test_a_fallback_that_made_good_leaves_no_error() -> None:
    """LangChain's own fallbacks: the second model's answer is what was shown."""
    chain = Broken(responses=[]).with_fallbacks([Model(responses=[ANSWER])])
    with testing.capturing() as sent:
        with heedback.track("f") as out:
            chain.invoke("Hi", config=with_handler(HeedbackCallback(out)))
        assert (ANSWERED | {"error_type": None}).items() <= sent.outputs[0].items()


def test_a_model_of_the_older_kind() -> None:
    """It tells nothing of itself, and its call is an output all the same."""
    with testing.capturing() as sent:
        OldModel().invoke("Hi", config=with_handler(HeedbackCallback("f", prompt_version="v3")))
        (event,) = sent.outputs
        assert (event["prompt_version"], event["error_type"]) == ("v3", None)
        assert "response_model" not in event


def test_a_handler_made_wrongly_does_not_stop_the_chain(caplog: pytest.LogCaptureFixture) -> None:
    """It is said once and counted; strict raises, and without a service nothing is wrong."""
    wrong: Any = 17
    with testing.capturing(strict=False) as sent:
        handler = HeedbackCallback(wrong)
        assert Model(responses=[ANSWER]).invoke("Hi", config=with_handler(handler)).content == "Hello!"
        assert handler.last is None
        sent.assert_nothing()
        assert heedback.stats()["left_out"] == {"callback": 1}
    assert ["callback: takes an output being tracked" in record.getMessage() for record in caplog.records] == [True]
    with testing.capturing(), pytest.raises(heedback.UsageError, match="callback: takes an output being tracked"):
        HeedbackCallback(wrong)
    HeedbackCallback(wrong, client=heedback.Client(disabled=True, strict=True))


# --- OpenTelemetry ---------------------------------------------------------------------------------------------------


def test_an_output_belongs_to_the_tracers_current_span() -> None:
    """The innermost one; one that is not sampled has ids all the same; outside of spans there is none."""
    tracer = TracerProvider().get_tracer("test")
    with testing.capturing() as sent:
        with tracer.start_as_current_span("request") as request, tracer.start_as_current_span("answer") as span:
            heedback.output("f")
            tracked = heedback.track("f")
        with tracked:
            pass
        with TracerProvider(sampler=ALWAYS_OFF).get_tracer("test").start_as_current_span("unsampled") as unsampled:
            heedback.output("f")
        heedback.output("f")
        ids = [(event.get("trace_id"), event.get("span_id")) for event in sent.outputs]
    assert ids == [hexadecimal(span), hexadecimal(span), hexadecimal(unsampled), (None, None)]
    assert ids[0][0] == hexadecimal(request)[0]


def test_a_span_goes_with_the_code_across_await() -> None:
    """Two handlers on one loop, each in its own span."""
    tracer = TracerProvider().get_tracer("test")

    async def handler(name: str) -> tuple[str, tuple[str, str]]:
        with tracer.start_as_current_span(name) as span:
            await asyncio.sleep(0)
            return heedback.output("f").id, hexadecimal(span)

    async def both() -> list[tuple[str, tuple[str, str]]]:
        return await asyncio.gather(handler("one"), handler("other"))

    with testing.capturing() as sent:
        expected = dict(asyncio.run(both()))
        assert {event["id"]: (event["trace_id"], event["span_id"]) for event in sent.outputs} == expected


def hexadecimal(span: Any) -> tuple[str, str]:
    context = span.get_span_context()
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"
