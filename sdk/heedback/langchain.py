"""What LangChain knows about a model call, put on the output that the call made. Import it where it is used:

    from heedback.langchain import HeedbackCallback

    with heedback.track("invoice-summary", user=user_id) as out:
        answer = chain.invoke(question, config={"callbacks": [HeedbackCallback(out)]})
        out.set(output=answer.content)

Without langchain-core this module can be imported all the same; the handler is then known by its methods alone.
"""

from __future__ import annotations

import contextlib
from typing import Any, Final, Unpack

import heedback
from heedback.client import Client
from heedback.errors import UsageError
from heedback.fields import OutputFields
from heedback.outputs import Tracked, type_name
from heedback.providers import count, known, listed, read, text

try:
    from langchain_core.callbacks import BaseCallbackHandler
except ImportError:
    BaseCallbackHandler = object  # type: ignore[assignment, misc]

_MOST_RUNNING: Final = 1000  # a call that is cancelled begins and never ends


class HeedbackCallback(BaseCallbackHandler):
    """Fills models, provider, usage, ids, finish reasons and errors; never raises into the chain.

    Args:
        about: an output being tracked, which all model calls of the block add to: the latest names model and ids,
            tokens are summed, and an error that a later call made good is forgotten. Or a feature: each model call is
            then an output of its own, with its own latency, and `last` is the latest of them, to rate it by.
        client: the one to capture with, where that is not the module's. Only with a feature.
        **fields: for each of these outputs; see `OutputFields`. Only with a feature.
    """

    raise_error = False
    run_inline = True  # the handler is quick; in another thread it could come after the block's end
    ignore_llm = ignore_chat_model = False
    ignore_chain = ignore_agent = ignore_retriever = ignore_retry = ignore_custom_event = True

    def __init__(self, about: Tracked | str, *, client: Client | None = None, **fields: Unpack[OutputFields]) -> None:
        if not isinstance(about, Tracked | str):
            owner = heedback._current() if client is None else client
            owner._leave_out(UsageError("callback", "takes an output being tracked, or a feature", about))
        self._about = about
        self._client = client
        self._fields = fields
        self._running: dict[Any, Tracked] = {}
        self.last: Tracked | None = about if isinstance(about, Tracked) else None

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: Any, **more: Any) -> None:
        with contextlib.suppress(Exception):
            self._begin(run_id, more)

    def on_chat_model_start(self, serialized: Any, messages: Any, *, run_id: Any, **more: Any) -> None:
        with contextlib.suppress(Exception):
            self._begin(run_id, more)

    def on_llm_end(self, response: Any, *, run_id: Any, **more: Any) -> None:
        with contextlib.suppress(Exception):
            self._end(run_id, response)

    def on_llm_error(self, error: BaseException, *, run_id: Any, **more: Any) -> None:
        with contextlib.suppress(Exception):
            self._end(run_id, more.get("response"), error)

    def _begin(self, run_id: Any, more: dict[str, Any]) -> None:
        out: Any = self._about
        if isinstance(out, str):
            out = (heedback if self._client is None else self._client).track(out, **self._fields)
            out.__enter__()
        if not isinstance(out, Tracked):
            return
        while len(self._running) >= _MOST_RUNNING:
            self._running.pop(next(iter(self._running)))
        self._running[run_id] = self.last = out
        out.set(**_asked(more))

    def _end(self, run_id: Any, response: Any, error: BaseException | None = None) -> None:
        out = self._running.pop(run_id)
        fields = answered(response)
        if out is self._about:
            fields["error_type"] = None if error is None else type_name(type(error))
            out._add(fields)
        else:
            out.set(**fields)
            out.__exit__(None if error is None else type(error), error, None)


def _asked(more: dict[str, Any]) -> OutputFields:
    """What the call asks for, as LangChain tells its handlers."""
    asked, labels = more.get("invocation_params"), more.get("metadata")
    return known(
        request_model=text(read(asked, "model"), read(asked, "model_name"), read(labels, "ls_model_name")),
        provider=text(read(labels, "ls_provider")),
    )


def answered(response: Any) -> OutputFields:
    """What an `LLMResult` says: of its first message, else of `llm_output`, where older integrations put it."""
    first = next(iter(listed(read(response, "generations"))), None)
    generation = next(iter(listed(first)), None)
    message, told = read(generation, "message"), read(response, "llm_output")
    says, usage = read(message, "response_metadata"), read(message, "usage_metadata")
    older = read(told, "token_usage")
    reason = text(
        read(says, "finish_reason"),
        read(says, "stop_reason"),
        read(read(generation, "generation_info"), "finish_reason"),
    )
    return known(
        response_model=text(read(says, "model_name"), read(says, "model"), read(told, "model_name")),
        response_id=text(read(says, "id"), read(told, "id"), _providers_own(read(message, "id"))),
        system_fingerprint=text(read(says, "system_fingerprint"), read(told, "system_fingerprint")),
        input_tokens=count(read(usage, "input_tokens"), read(older, "prompt_tokens")),
        output_tokens=count(read(usage, "output_tokens"), read(older, "completion_tokens")),
        finish_reasons=[reason] if reason else None,
    )


def _providers_own(message_id: Any) -> str | None:
    """A message's id, unless LangChain made it up from the run's: no provider would know it."""
    made_up = isinstance(message_id, str) and message_id.startswith(("run-", "lc_"))
    return None if made_up else text(message_id)
