"""What other libraries' objects already know about an output, in the SDK's fields. Nothing of theirs is imported.

Objects are read by name, as attributes or as keys, so that a response of the openai package, its JSON and a look-alike
of another vendor are the same here. A value of another type than the field takes is left away, never guessed at.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any, Final

from heedback.errors import UsageError
from heedback.fields import OutputFields

NO_RESPONSE: Final = "takes a response of OpenAI's Chat Completions or Responses API; its fields were left away"

# The last event of a stream of the Responses API holds the whole response.
_LAST_EVENTS: Final = ("response.completed", "response.incomplete", "response.failed")


def openai_fields(response: Any) -> OutputFields:
    """Model, fingerprint, id, usage and finish reasons of a Chat Completions or Responses API object, or its JSON.

    Of a stream it takes the last chunk, or the last event.

    Raises:
        UsageError: it is neither.
    """
    if read(response, "type") in _LAST_EVENTS:
        response = read(response, "response")
    kind = read(response, "object")
    if kind in ("chat.completion", "chat.completion.chunk"):
        ends = [read(choice, "finish_reason") for choice in listed(read(response, "choices"))]
    elif kind == "response":
        # It says why it stopped early; that it did not is its status.
        ends = [read(read(response, "incomplete_details"), "reason") or read(response, "status")]
    else:
        raise UsageError("from_openai", NO_RESPONSE)
    usage = read(response, "usage")
    return known(
        response_id=text(read(response, "id")),
        response_model=text(read(response, "model")),
        system_fingerprint=text(read(response, "system_fingerprint")),
        input_tokens=count(read(usage, "input_tokens"), read(usage, "prompt_tokens")),
        output_tokens=count(read(usage, "output_tokens"), read(usage, "completion_tokens")),
        finish_reasons=[end for end in ends if text(end)] or None,
    )


def current_span() -> OutputFields:
    """`trace_id` and `span_id` of the OpenTelemetry span this code runs in, if the host has loaded OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return {}
    try:
        context = trace.get_current_span().get_span_context()
        return {"trace_id": context.trace_id, "span_id": context.span_id} if context.is_valid else {}
    except Exception:  # half imported, or of a version to come: the output matters more than its span
        return {}


def known(**fields: Any) -> OutputFields:
    """The fields that hold something."""
    return {name: value for name, value in fields.items() if value is not None}  # type: ignore[return-value]


def read(source: Any, name: str) -> Any:
    return source.get(name) if isinstance(source, Mapping) else getattr(source, name, None)


def listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else []


def text(*values: Any) -> str | None:
    """The first of `values` that is text."""
    return next((value for value in values if isinstance(value, str) and value), None)


def count(*values: Any) -> int | None:
    """The first of `values` that is a whole number."""
    return next((value for value in values if isinstance(value, int) and not isinstance(value, bool)), None)
