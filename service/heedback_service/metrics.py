"""Counters, a histogram and gauges for Prometheus, in a registry of this process' own.

Labels hold names from the code (routes, jobs, kinds of events) and status codes; never anything a sender chose.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from heedback_service.flow.vitals import Vitals, vitals
from heedback_service.store.db import Database

# They would be a series beside each counter, of when it was first counted: nobody asked for them.
disable_created_metrics()  # type: ignore[no-untyped-call]
_SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class Metrics:
    """What one process counts since it started, and what the database says when it is asked."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self.registry: Final = CollectorRegistry()
        self._events: Final = self._counter("heedback_events", "Events posted, by what became of them", "outcome")
        self._kinds: Final = self._counter("heedback_valid_events", "Valid events posted, by type", "type")
        self._requests: Final = self._counter("heedback_requests", "Requests answered", "method", "route", "status")
        self._jobs: Final = self._counter("heedback_job_runs", "Runs of periodic jobs", "job", "outcome")
        self._seconds: Final = Histogram(
            "heedback_request_seconds",
            "Time from a request's arrival in the application to its answer",
            ["route"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self.registry.register(_Stored(db, clock))

    def events(self, kinds: Iterable[str], accepted: int, duplicate: int, rejected: int) -> None:
        """A batch was taken: the types of its valid events, and how many were new, known, or not valid."""
        for kind in kinds:
            self._kinds.labels(kind).inc()
        for outcome, n in (("accepted", accepted), ("duplicate", duplicate), ("rejected", rejected)):
            self._events.labels(outcome).inc(n)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def job(self, description: str, failed: bool) -> None:
        """A job had its turn."""
        self._jobs.labels(description, "failed" if failed else "ok").inc()

    def exposed(self) -> bytes:
        """Everything, in Prometheus' text format 0.0.4."""
        return generate_latest(self.registry)

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(name, about, labels, registry=self.registry)


class _Stored(Collector):
    """Gauges that are read from the database at each scrape, so that every process says the same."""

    def __init__(self, db: Database, clock: Callable[[], datetime]) -> None:
        self._db = db
        self._clock = clock

    def describe(self) -> Iterable[Metric]:
        return []  # registering must not ask the database

    def collect(self) -> Iterator[Metric]:
        # While the database is away the counters are wanted all the more; `/readyz` tells of the database.
        with contextlib.suppress(SQLAlchemyError), self._db.read() as session:
            yield from _gauges(vitals(session, self._clock()))


def _gauges(found: Vitals) -> Iterator[Metric]:
    for name, about, value in (
        ("heedback_untriaged_feedback", "Feedback that triage has not read", found.untriaged),
        ("heedback_oldest_untriaged_seconds", "How long the oldest of it has waited", found.oldest_untriaged_seconds),
        ("heedback_database_bytes", "Size of the database", found.database_bytes),
    ):
        yield GaugeMetricFamily(name, about, value=value)
    deliveries = GaugeMetricFamily("heedback_digest_deliveries", "Digests by recipient and state", labels=["state"])
    for state, n in found.deliveries.items():
        deliveries.add_metric([state], n)
    yield deliveries
