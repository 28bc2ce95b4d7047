"""`heedback.testing` as a fixture of pytest. In the app's `conftest.py`:

    from heedback.fixtures import captured

pytest is no dependency of the SDK: whoever imports this module has it.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from heedback.testing import Sent, capturing

__all__ = ["captured"]


@pytest.fixture
def captured() -> Iterator[Sent]:
    """What the app captures during the test: see `heedback.testing.Sent`. Nothing leaves the process."""
    with capturing() as sent:
        yield sent
