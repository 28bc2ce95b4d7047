"""A language model's answer: an object or nothing, in bounded time and size, and failures told of once."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from heedback_service.channels import llm
from heedback_service.channels.llm import LanguageModel
from model_server import ModelServer, completed

ASKED = [{"role": "user", "content": "a secret"}]


@pytest.fixture
def endpoint() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


def test_the_object_that_the_model_wrote_comes_back(endpoint: ModelServer) -> None:
    endpoint.says = lambda _: {"title": "Ærlig talt"}
    assert LanguageModel(endpoint.url, "small", "key").answer(ASKED) == {"title": "Ærlig talt"}
    assert endpoint.asked == [{"model": "small", "messages": ASKED}]
    assert endpoint.keys == ["Bearer key"]


def test_without_a_key_none_is_sent_and_a_slash_at_the_end_does_not_matter(endpoint: ModelServer) -> None:
    assert LanguageModel(f"{endpoint.url}/", "small").answer(ASKED) == {}
    assert endpoint.keys == [None]


@pytest.mark.parametrize(
    "content",
    [
        '```json\n{"title": "x"}\n```',
        'Sure! {"title": "x"} Anything else?',
        '<think>{"a": 1} or {}?</think>{"title": "x"}',
    ],
)
def test_what_models_put_around_the_object_is_left_out(endpoint: ModelServer, content: str) -> None:
    endpoint.says = lambda _: content
    assert LanguageModel(endpoint.url, "small").answer(ASKED) == {"title": "x"}


@pytest.mark.parametrize(
    "bad",
    [
        (500, b"a secret"),
        (401, b'{"error": "a secret"}'),
        (307, b""),
        (200, b"no JSON, but a secret"),
        (200, b'["a secret"]'),
        (200, b'{"choices": []}'),
        (200, b'{"choices": [{"message": {"content": null, "refusal": "a secret"}}]}'),
        (200, b'{"choices": [{"message": {"content": [{"text": "{}"}]}}]}'),
        (200, b"[" * 2_000),
        "no object, but a secret",
        '["a secret"]',
        '{"title": "a secret", "title": ',
        '{"title": "\\ud800"}',
        '{"n": ' + "[" * 2_000 + "]" * 2_000 + "}",
    ],
    ids=lambda bad: str(bad)[:40],
)
def test_what_cannot_be_had_is_done_without_and_told_of_once(
    endpoint: ModelServer, bad: Any, caplog: pytest.LogCaptureFixture
) -> None:
    endpoint.says = lambda _: bad
    model = LanguageModel(endpoint.url, "small")
    with caplog.at_level(logging.WARNING):
        assert [model.answer(ASKED), model.answer(ASKED)] == [None, None]
    (warning,) = caplog.records
    assert "secret" not in warning.getMessage() + str(warning.exc_info)
    assert len(endpoint.asked) == 2  # of which none was led elsewhere


def test_it_is_told_of_again_after_it_worked(endpoint: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    model = LanguageModel(endpoint.url, "small")
    for status in (503, 200, 503):
        endpoint.says = lambda _, status=status: (status, completed({})[1])
        assert (model.answer(ASKED) == {}) is (status == 200)
    assert [record.getMessage()[-8:] for record in caplog.records] == ["HTTP 503"] * 2


def test_an_endpoint_that_is_not_there_is_done_without(caplog: pytest.LogCaptureFixture) -> None:
    with ModelServer() as server:
        url = server.url
    assert LanguageModel(url, "small").answer(ASKED) is None
    assert "ConnectionError" in caplog.messages[0]


def test_an_answer_without_an_end_is_given_up(endpoint: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llm, "_BYTES", 4_000)
    model = LanguageModel(endpoint.url, "small")
    for padding, found in ((3_000, {"title": "x"}), (5_000, None)):
        endpoint.says = lambda _, padding=padding: (200, completed({"title": "x"})[1] + b" " * padding)
        assert model.answer(ASKED) == found


def test_an_endpoint_that_keeps_silent_is_given_up(
    endpoint: ModelServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(llm, "_ANSWER", 0.05)
    endpoint.drips = 5
    assert LanguageModel(endpoint.url, "small").answer(ASKED) is None
    assert caplog.messages[0].endswith("ConnectionError")  # while it waited for the first byte, not after that came


def test_an_endpoint_that_drips_is_given_up(endpoint: ModelServer, caplog: pytest.LogCaptureFixture) -> None:
    """Each byte comes in time, and all of them would take an hour."""
    endpoint.drips = 0.001
    endpoint.says = lambda _: "x" * 60_000
    now = iter([0.0, 1.0, 29.0, 31.0])
    assert LanguageModel(endpoint.url, "small", clock=lambda: next(now)).answer(ASKED) is None
    assert caplog.messages[0].endswith("Timeout")
