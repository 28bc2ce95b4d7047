"""The fields a call may carry, and the shape of each. Pure."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypedDict

from heedback import limits, shapes
from heedback.errors import UsageError
from heedback.shapes import Policy, Shape, fill

if TYPE_CHECKING:
    from uuid import UUID

Source = Literal["end_user", "reviewer", "code", "llm"]

_LOOKED_AT: Final = 64  # fields of a context, of which there are ten


class OutputFields(TypedDict, total=False):
    """What may be said about an output. All is optional; None says nothing.

    Names are at most 200 characters. `latency_ms` is in milliseconds, at most a day, `cost_usd` in US dollars, at most
    1,000, tokens are counts, at most a billion.
    `trace_id` is 32 hex digits (or OpenTelemetry's integer), `span_id` 16. `probe` marks a known-bad output shown on
    purpose. `input` and `output` are cut at 64 KiB of UTF-8 each, with a mark. `metadata` takes 16 keys of 64
    characters, values become text and are cut at 512. `user` is the host's own id and leaves the process only as a
    pseudonym.
    """

    user: str | int | UUID | None
    user_group: str | None
    session_id: str | None
    conversation_id: str | None
    provider: str | None
    request_model: str | None
    response_model: str | None
    system_fingerprint: str | None
    response_id: str | None
    prompt_name: str | None
    prompt_version: str | None
    app_version: str | None
    environment: str | None
    surface: str | None
    locale: str | None
    join_key: str | None
    trace_id: str | int | None
    span_id: str | int | None
    latency_ms: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None
    error_type: str | None
    finish_reasons: Sequence[str] | None
    probe: bool | None
    input: str | None
    output: str | None
    metadata: Mapping[str, object] | None
    occurred_at: datetime | None


class FeedbackFields(TypedDict, total=False):
    """What may go with feedback. A field left away stays as it was; None clears `reasons`, `comment`, `correction`.

    `comment` is cut at 4 096 characters, `correction` at 32 768, with a mark. `reasons` are keys of the reason list
    (`heedback.REASONS`), or of the feature's own list when `reasons_version` is not 1. Instead of an output the subject
    may be `trace_id` (with `span_id`), `response_id` or `join_key`; `feature` is needed wherever no Output is given.
    `user` is inherited from the Output, `source` is `end_user`. `context` is a copy of the output's dimensions (models,
    provider, prompt, versions, `environment`, `surface`, `user_group`), for outputs that may never arrive.
    """

    user: str | int | UUID | None
    reasons: Collection[str] | None
    reasons_version: int
    comment: str | None
    correction: str | None
    asked: bool | None
    surface: str | None
    locale: str | None
    metadata: Mapping[str, object] | None
    source: Source
    occurred_at: datetime | None
    feature: str
    trace_id: str | int | None
    span_id: str | int | None
    response_id: str | None
    join_key: str | None
    context: Mapping[str, object] | None


class SignalFields(TypedDict, total=False):
    """What may go with a signal; `feature` is needed where only an output's id is given."""

    user: str | int | UUID | None
    metadata: Mapping[str, object] | None
    occurred_at: datetime | None
    feature: str


def context(field: str, value: Any, policy: Policy) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(field, "takes a mapping of an output's fields", value)
    given = {str(name): each for name, each in itertools.islice(value.items(), _LOOKED_AT)}
    event: dict[str, Any] = {}
    fill(event, given, CONTEXT, policy)
    return event


CONTEXT: Final[dict[str, Shape]] = dict.fromkeys(
    (
        *("user_group", "provider", "request_model", "response_model", "system_fingerprint", "prompt_name"),
        *("prompt_version", "app_version", "environment", "surface"),
    ),
    shapes.name,
)
OUTPUT: Final[dict[str, Shape]] = CONTEXT | {
    "user": shapes.user,
    "locale": shapes.name,
    "session_id": shapes.name,
    "conversation_id": shapes.name,
    "response_id": shapes.name,
    "join_key": shapes.name,
    "trace_id": shapes.hexadecimal,
    "span_id": shapes.hexadecimal,
    "latency_ms": shapes.amount(limits.MAX_LATENCY_MS),
    "input_tokens": shapes.whole(limits.MAX_TOKENS),
    "output_tokens": shapes.whole(limits.MAX_TOKENS),
    "cost_usd": shapes.amount(limits.MAX_COST_USD),
    "error_type": shapes.provider_words,
    "finish_reasons": shapes.all_provider_words,
    "probe": shapes.truth,
    "input": shapes.long_text,
    "output": shapes.long_text,
    "metadata": shapes.metadata,
}
FEEDBACK: Final[dict[str, Shape]] = {
    "user": shapes.user,
    "source": shapes.source,
    "reasons": shapes.reasons,
    "reasons_version": shapes.whole(limits.MAX_REASONS_VERSION, least=1),
    "comment": shapes.comment,
    "correction": shapes.correction,
    "asked": shapes.truth,
    "surface": shapes.name,
    "locale": shapes.name,
    "metadata": shapes.metadata,
    "context": context,
}
SIGNAL: Final[dict[str, Shape]] = {"user": shapes.user, "metadata": shapes.metadata}
SUBJECTS: Final[dict[str, Shape]] = {
    "trace_id": shapes.hexadecimal,
    "span_id": shapes.hexadecimal,
    "response_id": shapes.name,
    "join_key": shapes.name,
}
SAYS_WHAT_ABOUT: Final = frozenset({*SUBJECTS, "feature"})
