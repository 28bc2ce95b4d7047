"""PostgreSQL that dies again and again under a real service: it says so, goes on by itself, and nothing is lost."""

from __future__ import annotations

import json

import pytest
import requests

from postgres_server import Cluster, written_out
from processes import Run, Service
from sending import Sender, stored_ids


@pytest.fixture
def database_url(cluster: Cluster) -> str:
    return written_out(cluster.url)


@pytest.fixture
def project(run: Run) -> dict[str, str]:
    assert run("migrate").returncode == 0
    answer: dict[str, str] = json.loads(run("project", "create", "acme", "--json").stdout)
    return answer


def test_what_was_acknowledged_is_there_once_however_often_the_database_died_meanwhile(
    cluster: Cluster, project: dict[str, str], service: Service, run: Run
) -> None:
    with Sender(project["key"], service.url) as sender:
        for _ in range(3):
            sender.wait_for_one_more()
            cluster.stop("immediate")
            sender.wait_for_a_refusal()
            assert requests.get(f"{service.url}/healthz", timeout=20).ok
            assert requests.get(f"{service.url}/readyz", timeout=20).status_code == 503
            cluster.resume()
            sender.wait_for_one_more()
    refusals = {(it.status_code, it.headers["Content-Type"], it.headers.get("Retry-After")) for it in sender.refused}
    assert refusals == {(503, "application/problem+json", "5")}
    assert sender.unanswered == 0
    stored = stored_ids(run)
    assert set(sender.acknowledged) <= stored.keys()
    assert set(stored.values()) == {1}
    assert run("rollup", "verify", "acme").stdout == "Every count agrees with the rows.\n"
    assert service.process.poll() is None
    assert service.end() == 0
