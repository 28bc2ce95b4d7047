"""Through an OpenAI-compatible endpoint: a real server on the loopback answers, stumbles, or is not there."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from assistant import PROMPTS, Assistant
from endpoint import Endpoint, EndpointError
from retrieval import RANKERS, Library, read_passages
from start import DOCS, PAGES

Serve = Callable[[Callable[[str, Any], tuple[int, Any]]], Any]  # the fixture
QUESTION = "Can an event be counted twice?"
COMPLETION = {
    "id": "chatcmpl-1",
    "model": "tiny-2026-10-01",
    "system_fingerprint": "fp_tiny",
    "choices": [{"message": {"role": "assistant", "content": " No, never. "}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 210, "completion_tokens": 4},
}


def through(endpoint: Endpoint) -> Assistant:
    return Assistant(Library(read_passages(DOCS, PAGES), RANKERS["2026-10"]), PROMPTS["v13"], endpoint)


def test_without_a_base_url_there_is_no_endpoint() -> None:
    assert Endpoint.from_environment({"OPENAI_API_KEY": "k"}) is None


def test_the_environment_names_the_endpoint() -> None:
    environ = {"OPENAI_BASE_URL": "http://h/v1/", "OPENAI_API_KEY": "k", "OPENAI_MODEL": "tiny"}
    assert Endpoint.from_environment(environ) == Endpoint("http://h/v1", "tiny", "k")


def test_the_endpoint_answers_from_the_passages(serve: Serve) -> None:
    server = serve(lambda path, body: (200, COMPLETION))
    answer = through(Endpoint(f"{server.url}/v1", "tiny", "secret")).answer(QUESTION)
    path, headers, body = server.posts[0]
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer secret"
    assert body["model"] == "tiny"
    prompt = body["messages"][-1]["content"]
    assert QUESTION in prompt
    assert "the service stores an id once" in prompt
    assert answer.text == "No, never."
    assert answer.facts == {
        "provider": "openai",
        "request_model": "tiny",
        "response_model": "tiny-2026-10-01",
        "system_fingerprint": "fp_tiny",
        "response_id": "chatcmpl-1",
        "input_tokens": 210,
        "output_tokens": 4,
        "finish_reasons": ["stop"],
        "prompt_name": "docs-answer",
        "prompt_version": "v13",
    }


def test_a_summary_goes_through_the_endpoint_too(serve: Serve) -> None:
    server = serve(lambda path, body: (200, COMPLETION))
    answer = through(Endpoint(server.url, "tiny")).summarise("privacy")
    _, headers, body = server.posts[0]
    assert "Authorization" not in headers
    assert "HEEDBACK_USER_KEY" in body["messages"][-1]["content"]
    assert answer.facts["prompt_name"] == "docs-summary"


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ((500, {"error": "oh"}), "http_500"),
        ((401, {"error": "who"}), "http_401"),
        ((200, b"not json"), "malformed"),
        ((200, {"choices": []}), "malformed"),
        ((200, {"choices": [{"message": None}]}), "malformed"),
        ((200, ["a list"]), "malformed"),
    ],
)
def test_retrieval_answers_when_the_endpoint_fails(serve: Serve, answer: tuple[int, Any], kind: str) -> None:
    server = serve(lambda path, body: answer)
    got = through(Endpoint(server.url, "tiny")).answer(QUESTION)
    assert got.facts["error_type"] == kind
    assert got.facts["response_model"] == "bm25-docs-2026-10"
    assert got.text.startswith("No. Every event has its own id")


def test_an_endpoint_that_is_not_there_is_a_connection_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    with pytest.raises(EndpointError, match="connection"):
        Endpoint(f"http://127.0.0.1:{port}", "tiny").complete("hello")


def test_an_endpoint_that_takes_too_long_is_a_timeout(serve: Serve) -> None:
    release = threading.Event()

    def slow(path: str, body: Any) -> tuple[int, Any]:
        release.wait(5)
        return 200, COMPLETION

    server = serve(slow)
    with pytest.raises(EndpointError, match="timeout"):
        Endpoint(server.url, "tiny", timeout_s=0.1).complete("hello")
    release.set()
