"""An answer of OpenAI's Chat Completions API as it comes, and what an output takes of it."""

from __future__ import annotations

from typing import Any

CHAT: dict[str, Any] = {
    "id": "chatcmpl-B9MBs8Cj",
    "object": "chat.completion",
    "created": 1741569952,
    "model": "gpt-4.1-2025-04-14",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Hello!", "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": "stop",
        }
    ],
    "usage": {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29},
    "system_fingerprint": "fp_44709d6fcb",
    "service_tier": "default",
}
CHAT_FIELDS = {
    "response_id": "chatcmpl-B9MBs8Cj",
    "response_model": "gpt-4.1-2025-04-14",
    "system_fingerprint": "fp_44709d6fcb",
    "input_tokens": 19,
    "output_tokens": 10,
    "finish_reasons": ["stop"],
}
