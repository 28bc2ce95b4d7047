"""Embeddings from an endpoint: asked for once, and done without when they cannot be had."""

from __future__ import annotations

import json
import logging
from array import array
from typing import Any

import pytest
import requests
import responses

from heedback_service.channels import embeddings
from heedback_service.channels.embeddings import Embeddings

URL = "https://embeddings.example/v1"


def meant(text: str) -> list[float]:
    return [float(len(text)), 1.0]


def answer(request: Any) -> tuple[int, dict[str, str], str]:
    said = json.loads(request.body)["input"]
    data = [{"index": at, "embedding": meant(text)} for at, text in enumerate(said)]
    return 200, {}, json.dumps({"data": data[::-1]})  # in any order: `index` says which is which


@pytest.fixture
def endpoint() -> Any:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        mock.add_callback(responses.POST, f"{URL}/embeddings", callback=answer)
        yield mock


def numbers(rows: bytes | None) -> list[float]:
    assert rows is not None
    return list(array("f", rows))


def test_a_row_for_each_text_in_their_order(endpoint: Any) -> None:
    assert numbers(Embeddings(URL, "small", "key").rows(["a", "abc", "a"])) == [1, 1, 3, 1, 1, 1]
    request = endpoint.calls[0].request
    assert request.headers["Authorization"] == "Bearer key"
    assert json.loads(request.body) == {"model": "small", "input": ["a", "abc"], "encoding_format": "float"}


def test_what_was_asked_before_is_not_asked_again(endpoint: Any) -> None:
    ours = Embeddings(f"{URL}/", "small")
    first = ours.rows(["a", "bb"])
    assert ours.rows(["a", "bb"]) == first
    assert numbers(ours.rows(["bb", "new"])) == [2, 1, 3, 1]
    assert [json.loads(call.request.body)["input"] for call in endpoint.calls] == [["a", "bb"], ["new"]]


def test_many_texts_are_asked_for_in_pieces_and_long_ones_are_cut(endpoint: Any) -> None:
    rows = numbers(Embeddings(URL, "small").rows([*("x" * n for n in range(1, 70)), "y" * 100_000]))
    assert rows[-2:] == [2000, 1]
    assert [len(json.loads(call.request.body)["input"]) for call in endpoint.calls] == [64, 6]


def test_what_is_remembered_is_bounded(endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embeddings, "_KEPT_BYTES", 3 * 8)
    ours = Embeddings(URL, "small")
    ours.rows(["a", "bb", "ccc", "dddd"])
    ours.rows(["dddd", "ccc"])
    ours.rows(["a"])
    assert len(endpoint.calls) == 2


@pytest.mark.parametrize(
    "bad",
    [
        {"status": 500},
        {"status": 307, "headers": {"Location": "https://elsewhere.example/"}},
        {"body": "no JSON, but a secret"},
        {"json": {"data": []}},
        {"json": {"data": [{"index": 0, "embedding": []}]}},
        {"json": {"data": [{"index": 0, "embedding": ["secret"]}]}},
        {"json": ["secret"]},
        {"body": requests.ConnectTimeout("secret")},
    ],
    ids=lambda bad: str(bad)[:24],
)
def test_what_cannot_be_had_is_done_without_and_told_of_once(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    ours = Embeddings(URL, "small")
    with responses.RequestsMock() as mock, caplog.at_level(logging.WARNING):
        mock.add(responses.POST, f"{URL}/embeddings", **bad)
        assert [ours.rows(["a secret"]), ours.rows(["a secret"])] == [None, None]
    (warning,) = caplog.records
    assert "secret" not in warning.getMessage()


def test_it_is_told_of_again_after_it_worked(endpoint: Any, caplog: pytest.LogCaptureFixture) -> None:
    ours = Embeddings(URL, "small")
    for text, works in (("a", False), ("b", True), ("c", False)):
        endpoint.replace(responses.POST, f"{URL}/embeddings", status=503) if not works else None
        if works:
            endpoint.reset()
            endpoint.add_callback(responses.POST, f"{URL}/embeddings", callback=answer)
        assert (ours.rows([text]) is not None) is works
    assert [record.getMessage()[-8:] for record in caplog.records] == ["HTTP 503"] * 2


def test_a_slow_endpoint_is_given_up_and_what_came_is_kept(endpoint: Any) -> None:
    now = iter([0.0, 1.0, 121.0, 200.0, 201.0])
    ours = Embeddings(URL, "small", clock=lambda: next(now))
    texts = ["x" * n for n in range(1, 100)]
    assert ours.rows(texts) is None
    assert len(numbers(ours.rows(texts))) == 2 * 99
    assert [len(json.loads(call.request.body)["input"]) for call in endpoint.calls] == [64, 35]
