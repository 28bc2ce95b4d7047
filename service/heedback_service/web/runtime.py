"""What every request can reach: the database, the clock, the maker of ids, the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from flask import current_app

from heedback_service.flow.browsers import Turns
from heedback_service.flow.combine import Combiner
from heedback_service.flow.keys import Doorkeeper
from heedback_service.settings import Settings
from heedback_service.store.db import Database

if TYPE_CHECKING:
    from heedback_service.metrics import Metrics

_NAME: Final = "heedback"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Passed in by the app factory, so that a test can hand in constants."""

    db: Database
    settings: Settings
    clock: Callable[[], datetime]
    new_id: Callable[[], UUID]
    metrics: Metrics | None
    combiner: Combiner
    doorkeeper: Doorkeeper
    turns: Turns

    @classmethod
    def of(
        cls,
        db: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        metrics: Metrics | None = None,
    ) -> Runtime:
        return cls(db, settings, clock, new_id, metrics, Combiner(db, clock, new_id), Doorkeeper(), Turns())

    def attach(self) -> dict[str, Runtime]:
        return {_NAME: self}


def runtime() -> Runtime:
    """The runtime of the app that serves this request."""
    found: Runtime = current_app.extensions[_NAME]
    return found
