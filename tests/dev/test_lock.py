"""The lock covers everything the project asks for, on every platform, and names no address."""

from __future__ import annotations

import tomllib
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools.environment import LOCK

ROOT = Path(__file__).resolve().parents[2]


def pins() -> dict[str, list[Requirement]]:
    found: dict[str, list[Requirement]] = {}
    for line in (ROOT / LOCK).read_text("utf-8").splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin = Requirement(line)
            found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def test_every_requirement_has_a_pin_that_satisfies_it() -> None:
    """Whoever changes pyproject runs `./dev lock`."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    lines = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    wanted = [requirement for requirement in map(Requirement, lines) if requirement.name != project["name"]]
    locked = pins()
    for requirement in wanted:
        for pin in locked[canonicalize_name(requirement.name)]:
            (version,) = pin.specifier
            assert version.operator == "=="
            assert version.version in requirement.specifier, requirement


def test_pip_takes_the_lock_as_constraints() -> None:
    """pip refuses constraints with extras or addresses."""
    assert all(not pin.extras and not pin.url for several in pins().values() for pin in several)
    assert "://" not in (ROOT / LOCK).read_text("utf-8")
