"""Any OpenAI-compatible chat endpoint: one call, one error. https://platform.openai.com/docs/api-reference/chat"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import requests

TIMEOUT_S: Final = 20.0
_SYSTEM: Final = "You answer questions about Heedback from its docs. Say so when the passages do not answer."


class EndpointError(Exception):
    """The endpoint gave no usable answer; `kind` is what goes into the output's `error_type`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask: `base_url` up to and including the version, for example `http://127.0.0.1:11434/v1`."""

    base_url: str
    model: str
    key: str | None = None
    timeout_s: float = TIMEOUT_S

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Endpoint | None:
        """The endpoint that `OPENAI_BASE_URL` names, or None when it is not set."""
        base_url = environ.get("OPENAI_BASE_URL", "").rstrip("/")
        if not base_url:
            return None
        return cls(base_url, environ.get("OPENAI_MODEL") or "gpt-5-mini", environ.get("OPENAI_API_KEY") or None)

    def complete(self, request: str) -> tuple[str, dict[str, Any]]:
        """The text that answers `request`, and the facts about it under Heedback's names.

        Raises:
            EndpointError: `timeout`, `connection`, `http_<status>` or `malformed`.
        """
        body = self._post(request)
        try:
            choice = body["choices"][0]
            return str(choice["message"]["content"]).strip(), self._facts(body, choice)
        except (LookupError, TypeError, AttributeError):
            raise EndpointError("malformed") from None

    def _post(self, request: str) -> Any:
        messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": request}]
        try:
            response = requests.post(
                f"{self.base_url}/chat/completions",
                json={"model": self.model, "messages": messages},
                headers={"Authorization": f"Bearer {self.key}"} if self.key else {},
                timeout=self.timeout_s,
            )
            response.raise_for_status()
            return response.json()
        except requests.Timeout:
            raise EndpointError("timeout") from None
        except requests.HTTPError as error:
            raise EndpointError(f"http_{error.response.status_code}") from None
        except requests.JSONDecodeError:
            raise EndpointError("malformed") from None
        except requests.RequestException:
            raise EndpointError("connection") from None

    def _facts(self, body: Any, choice: Any) -> dict[str, Any]:
        usage = body.get("usage") or {}
        facts = {
            "provider": "openai",
            "request_model": self.model,
            "response_model": body.get("model"),
            "system_fingerprint": body.get("system_fingerprint"),
            "response_id": body.get("id"),
            "input_tokens": usage.get("prompt_tokens"),
            "output_tokens": usage.get("completion_tokens"),
            "finish_reasons": [choice["finish_reason"]] if choice.get("finish_reason") else None,
        }
        return {name: value for name, value in facts.items() if value is not None}
