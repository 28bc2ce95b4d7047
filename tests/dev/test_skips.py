"""Skipped tests are never silent, and in a strict run they fail it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPS = {
    "one test": "import pytest\ndef test_good(): pass\n@pytest.mark.skip\ndef test_not_run(): pass\n",
    "a whole file": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "while it runs": "import pytest\ndef test_not_run(): pytest.skip('no')\ndef test_good(): pass\n",
}


def run(folder: Path, test: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(CONFTEST.read_text("utf-8"), "utf-8")
    (folder / "test_it.py").write_text(test, "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *arguments]
    alone = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # other people's plugins take long to import
    return subprocess.run(command, cwd=folder, env=alone, capture_output=True, text=True)


@pytest.mark.parametrize("test", SKIPS.values(), ids=SKIPS.keys())
def test_a_skip_fails_a_strict_run(tmp_path: Path, test: str) -> None:
    """Wherever it is skipped from: what CI did not run, CI does not call good."""
    done = run(tmp_path, test, "--no-skips")
    assert done.returncode in (1, 5)
    assert "1 test was SKIPPED, and none may be: this run fails" in done.stdout


def test_a_skip_fails_a_strict_run_on_several_cores(tmp_path: Path) -> None:
    """The processes that run tests tell the one that counts."""
    done = run(tmp_path, SKIPS["one test"], "--no-skips", "-p", "xdist", "-n", "2")
    assert done.returncode == 1
    assert "1 test was SKIPPED, and none may be: this run fails" in done.stdout


def test_a_skip_is_counted_aloud_otherwise(tmp_path: Path) -> None:
    """A run without `--strict` passes, and says how much it left out."""
    done = run(tmp_path, SKIPS["one test"])
    assert done.returncode == 0
    assert "1 test was SKIPPED" in done.stdout


def test_without_skips_nothing_changes(tmp_path: Path) -> None:
    """A strict run of tests that all ran is good, and of none is an error."""
    assert run(tmp_path, "def test_good(): pass", "--no-skips").returncode == 0
    assert run(tmp_path, "", "--no-skips").returncode == 5


def test_a_failure_stays_a_failure(tmp_path: Path) -> None:
    """Skips do not change the status of a run that failed for another reason."""
    assert run(tmp_path, SKIPS["one test"] + "def test_bad(): assert 0\n", "--no-skips").returncode == 1
