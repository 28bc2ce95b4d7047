"""A real mail server in the next thread, on a port of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailbox_server import MailServer


@pytest.fixture
def server() -> Iterator[MailServer]:
    with MailServer() as running:
        yield running
