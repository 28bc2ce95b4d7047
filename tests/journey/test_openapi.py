"""The whole API, as /openapi.json describes it, under generated requests."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from processes import Run, Service

HOOKS = Path(__file__).with_name("schemathesis_hooks.py")
# Left out: negative_data_rejection takes every 2xx for a consent. Ours lists what it refused of a batch in a 200;
# the checks in HOOKS read that list, and hold the other direction as well.
CHECKS = ["--checks", "all", "--exclude-checks", "negative_data_rejection"]
BOUNDS = ["--max-examples", "30", "--seed", "1", "--max-time", "30", "--request-timeout", "20"]


def test_every_operation_does_what_the_document_says(
    service: Service, project: dict[str, str], run: Run, tmp_path: Path
) -> None:
    everything = run("key", "create", "acme", "--corrects").stdout.strip()
    key = ["--header", f"Authorization: Bearer {everything}"]
    done = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{service.url}/openapi.json", *CHECKS, *BOUNDS, *key],
        env=os.environ | {"SCHEMATHESIS_HOOKS": str(HOOKS)},
        cwd=tmp_path,  # where it keeps what it found
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert run("rollup", "verify", "acme").returncode == 0
