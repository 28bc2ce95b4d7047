"""A service of its own for each test: its folder, its command, one project, and `serve` on a free port."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from processes import Run, Service


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("HEEDBACK_")}
    return ours | {"HEEDBACK_SERVER_DATA": str(tmp_path / "data"), "HEEDBACK_SERVER_SETTLE_SECONDS": "0"}


@pytest.fixture
def run(environment: dict[str, str]) -> Run:
    """The command, to its end."""

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "heedback_service.cli", *words],
            env=environment | more,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


@pytest.fixture
def project(run: Run) -> dict[str, str]:
    made = run("project", "create", "acme", "--timezone", "Europe/Oslo", "--json")
    assert made.returncode == 0, made.stderr
    answer: dict[str, str] = json.loads(made.stdout)
    return answer


@pytest.fixture
def service(environment: dict[str, str], project: dict[str, str]) -> Iterator[Service]:
    started = Service(environment)
    with started.process:
        yield started
        started.process.kill()
