"""SQLite's log goes while `serve` and a worker have it open; then what `docs/operations.md` says is done."""

from __future__ import annotations

import signal
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest
import requests

import warm
from processes import Run, Service, an_event, envelope, until

Loses = Callable[[Path], None]
SERVE, WORKER = 0, 1  # who ends first: only the last one can move the log into the file


def removed(log: Path) -> None:
    log.unlink()


def removed_with_its_index(log: Path) -> None:
    log.unlink()
    log.with_name(log.name.replace("-wal", "-shm")).unlink()


def moved_and_put_back(log: Path) -> None:
    log.rename(log.with_name("elsewhere"))


@pytest.mark.parametrize(
    ("lose", "first"), [(removed, SERVE), (removed_with_its_index, WORKER), (moved_and_put_back, SERVE)]
)
def test_all_that_was_acknowledged_is_there_when_every_process_ends_before_any_starts(
    project: dict[str, str], environment: dict[str, str], run: Run, tmp_path: Path, lose: Loses, first: int
) -> None:
    headers = {"Authorization": f"Bearer {project['key']}"}
    data = tmp_path / "data"
    log = data / "heedback.db-wal"

    def post(service: Service, n: int) -> int:
        url = f"{service.url}/v1/events"
        return requests.post(url, json=envelope(an_event(n)), headers=headers, timeout=20).status_code

    with ExitStack() as stack:
        service = stack.enter_context(Service(environment))
        worker = stack.enter_context(warm.Process(warm.COMMAND, ["worker"], environment))
        stack.callback(worker.kill)
        until(lambda: has_open(worker.pid, log))
        assert [post(service, n) for n in range(1, 21)] == [200] * 20
        lose(log)
        assert post(service, 21) == 503
        if (away := data / "elsewhere").exists():
            away.rename(log)
            assert post(service, 21) == 503
        ends = [service.process, worker]
        for process in (ends[first], ends[1 - first]):
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
    with Service(environment) as service:
        assert post(service, 21) == 200
        assert service.end() == 0
    stored = run("export", "acme").stdout
    assert all(an_event(n)["id"] in stored for n in range(1, 22))


def has_open(process: int, file: Path) -> bool:
    for link in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if link.readlink() == file:
                return True
    return False
