"""Events as they are posted: JSON over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.test import TestResponse

from support import NOW, make_id

Post = Callable[..., TestResponse]


def small(n: int, **fields: Any) -> dict[str, Any]:
    """The n-th output, with nothing but what it must have, and `fields`."""
    return {"type": "output", "id": str(make_id(n)), "occurred_at": NOW.isoformat(), "feature": "f"} | fields


def said(n: int, about: int = 1, **fields: Any) -> dict[str, Any]:
    """Feedback on the output with number `about`."""
    return small(n, type="feedback", output_id=str(make_id(about))) | fields
