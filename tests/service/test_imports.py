"""What the process that answers requests never loads."""

import subprocess
import sys


def test_answering_requests_and_working_jobs_loads_no_numerics() -> None:
    code = "import heedback_service.app, heedback_service.cli, heedback_service.jobs, sys; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert not {"numpy", "scipy", "heedback_service.core.vectors"} & set(done.stdout.split())
