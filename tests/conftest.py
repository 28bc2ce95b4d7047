"""What every test shares: skipped tests are counted aloud, and with `--no-skips` they fail the run. And PostgreSQL."""

from __future__ import annotations

import gc
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from postgres_server import Cluster, Postgres


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is made here lives as long as the run: to look for garbage in it again and again took a tenth of that."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-skips", action="store_true", help="a skipped test fails the run")


def pytest_sessionfinish(session: pytest.Session) -> None:
    if session.config.getoption("--no-skips") and skipped(session.config) and session.exitstatus == 0:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    count = skipped(config)
    if not count:
        return
    strict = config.getoption("--no-skips")
    tests = "1 test was" if count == 1 else f"{count} tests were"
    consequence = "and none may be: this run fails" if strict else "so this run proves less than it could"
    terminalreporter.section(f"{tests} SKIPPED, {consequence}", sep="!", red=bool(strict), yellow=not strict)


def skipped(config: pytest.Config) -> int:
    """How many tests, or whole files, were skipped so far."""
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return len(reporter.stats.get("skipped", ())) if reporter else 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    from postgres_server import running_postgres  # the service's: a run without this fixture needs none of it

    with running_postgres() as found:
        if found is None:
            pytest.skip("no PostgreSQL: set TEST_PG_URL, or install it or the extra [test]")
        yield found


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables, to copy: to make one takes two tenths of a second."""
    from heedback_service.store.migrate import open_database

    file = tmp_path_factory.mktemp("template") / "heedback.db"
    open_database(f"sqlite:///{file}").dispose()
    return file


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of the test's own: what it does to it, it does to nobody else."""
    from postgres_server import find_programs, running_cluster

    programs = find_programs()
    if programs is None:
        pytest.skip("no programs of PostgreSQL to start a server from")
    with running_cluster(programs) as running:
        yield running
