"""A folder that gets every mail as an `.eml` file: what was sent can be read again, and no mail server is needed."""

from __future__ import annotations

import os
import re
import tempfile
from email.message import EmailMessage
from pathlib import Path

from heedback_service.channels.email import Outcome, Sent, TryLater


def put(message: EmailMessage, folder: Path, name: str) -> Outcome:
    """Write `message` to `folder` as `NAME.eml`, whole or not at all; a later attempt replaces it."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _replace(folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', name)}.eml", bytes(message))
    except OSError as error:
        return TryLater(f"outbox: {error}", f"outbox: {error.strerror}")
    return Sent()


def _replace(file: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=file.parent)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(temporary, file)  # noqa: PTH105 - both are names in one folder
    except OSError:
        os.unlink(temporary)  # noqa: PTH108
        raise
