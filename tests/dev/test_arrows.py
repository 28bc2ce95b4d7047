"""What the import contracts say of the SDK, they say of all its modules."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = {"heedback", "heedback.limits", "heedback.redaction", "heedback.tickets"}


@pytest.mark.parametrize("source", ["heedback_service", "heedback_widgets"])
def test_no_module_of_the_sdk_is_forgotten(source: str) -> None:
    """A new one has to be named in the contracts, or be one of the three that all share."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [forbidden] = (
        set(each["forbidden_modules"])
        for each in contracts
        if each.get("source_modules") == [source] and "heedback.client" in each["forbidden_modules"]
    )
    modules = {f"heedback.{path.stem}" for path in (ROOT / "sdk/heedback").glob("*.py")} - {"heedback.__init__"}
    assert modules - SHARED == {name for name in forbidden if name.startswith("heedback.")}
