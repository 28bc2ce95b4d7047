"""What is alike in asking endpoints that speak as OpenAI's API does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import requests

_CONNECT: Final = 5.0  # seconds until somebody is there


def ask(
    post: Callable[..., requests.Response],
    url: str,
    path: str,
    key: str | None,
    body: Mapping[str, Any],
    *,
    seconds: float,
    **more: Any,
) -> requests.Response:
    """The answer to `body`, sent as JSON.

    Args:
        post: that of `requests`, or of a session of it; it is given `more`.
        url: what `path` is appended to, such as `https://api.example.com/v1`.
        key: goes as a bearer token; None for an endpoint that wants none.
        seconds: between two signs of life.

    Raises:
        requests.RequestException: there is none, or another one than 200.
    """
    answer = post(
        url.rstrip("/") + path,
        json=body,
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=(_CONNECT, seconds),
        allow_redirects=False,  # texts go where they were told to go, and nowhere else
        **more,
    )
    if answer.status_code != 200:
        answer.close()
        raise requests.HTTPError(response=answer)
    return answer


def why(error: Exception) -> str:
    """What may be logged of it. Its message may quote what was sent, or what came back."""
    answer = getattr(error, "response", None)
    return f"HTTP {answer.status_code}" if answer is not None else type(error).__name__
