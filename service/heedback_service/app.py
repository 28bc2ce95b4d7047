"""The only place that wires: settings, database, API, pages, jobs."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from apscheduler.schedulers.background import BackgroundScheduler
from flask import Flask, request
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException, NotFound, ServiceUnavailable

from heedback_service import garbage, logs
from heedback_service.core.ids import new_id as fresh_id
from heedback_service.jobs import Ticker, Tools
from heedback_service.settings import Settings, read_settings
from heedback_service.store.db import Database
from heedback_service.store.migrate import open_database
from heedback_service.store.told import told
from heedback_service.web import operations
from heedback_service.web.api.document import describe, refine
from heedback_service.web.api.events import blueprint as events
from heedback_service.web.api.items import blueprint as items
from heedback_service.web.api.problems import RETRY_SECONDS, ProblemApi, as_problem, explained
from heedback_service.web.api.proposals import blueprint as proposals
from heedback_service.web.api.widget import blueprint as widget
from heedback_service.web.door import Door
from heedback_service.web.element import blueprint as element
from heedback_service.web.pages import cookie, error_page, init_pages
from heedback_service.web.pages.blueprint import ItemNumber
from heedback_service.web.runtime import Runtime

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from heedback_service.metrics import Metrics

_TICK_SECONDS: Final = 2
_log: Final = logging.getLogger(__name__)


def create_app(
    settings: Settings,
    db: Database,
    *,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    new_id: Callable[[], UUID] = fresh_id,
    metrics: Metrics | None = None,
) -> Flask:
    """The web application: JSON under `/v1`, pages everywhere else. Starts nothing in the background.

    `metrics` counts requests and events, and is what `/metrics` shows; by default it is made when the settings have a
    token for that.
    """
    app = assembled()
    attach(app, Runtime.of(db, settings, clock, new_id, metrics or make_metrics(settings, db, clock)))
    return app


def assembled() -> Flask:
    """Routes, handlers and the API's document; nothing to work with before `attach`."""
    app = _App("heedback_service.web", static_folder=None)
    app.config |= {
        "PROVIDE_AUTOMATIC_OPTIONS": False,  # 405 and what is allowed, to everybody: a browser need not ask
        "API_TITLE": "Heedback",
        "API_VERSION": "v1",
        "OPENAPI_VERSION": "3.1.0",
        "OPENAPI_URL_PREFIX": "/",
        "OPENAPI_JSON_PATH": "openapi.json",
        "API_SPEC_OPTIONS": {"info": {"description": "Feedback on AI outputs, from the thumb to the fix."}},
    }
    operations.add_to(app)
    app.url_map.converters["number"] = ItemNumber
    api = ProblemApi(app)
    describe(api)
    for blueprint in (events, widget, items, proposals):
        api.register_blueprint(blueprint)
    refine(api)
    app.register_blueprint(element)
    protection = init_pages(app)
    for blueprint in (events, widget, items, proposals):
        protection.exempt(blueprint)
    app.register_error_handler(HTTPException, _answer)
    app.register_error_handler(OperationalError, _busy)
    app.register_error_handler(DataError, _nowhere)
    return app


def attach(app: Flask, here: Runtime) -> None:
    """Give an assembled app what its requests work with; again, and they work with that."""
    app.secret_key = here.settings.secret_key
    app.config |= cookie(here.settings)
    app.extensions |= here.attach()
    assert isinstance(app, _App)  # noqa: S101 - `assembled` made it
    app.door = Door(here)


def wsgi() -> Flask:
    """The application for a server that is not ours: `gunicorn 'heedback_service.app:wsgi()'`.

    Settings come from the environment. It works no jobs: `heedback worker` does, beside it.
    """
    settings = read_settings()
    logs.start(settings.log)
    app = create_app(settings, open_database(settings.database_url))
    garbage.seldom()
    return app


def make_metrics(
    settings: Settings, db: Database, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> Metrics | None:
    """What this process counts; None without a token by which it could be asked."""
    if settings.metrics_token is None:
        return None
    from heedback_service.metrics import Metrics  # takes as long to import as half of the rest

    return Metrics(db, clock)


def make_ticker(settings: Settings, db: Database, metrics: Metrics | None = None) -> Ticker:
    """The jobs of this process."""
    ticker = Ticker(Tools(db, settings, lambda: datetime.now(UTC), fresh_id))
    if metrics is not None:
        ticker.watch = metrics.job
    return ticker


def start_jobs(ticker: Ticker) -> BackgroundScheduler:
    """Tick in the background. The caller shuts the scheduler down."""
    scheduler = BackgroundScheduler(timezone=UTC)
    scheduler.add_job(
        ticker.tick, "interval", seconds=_TICK_SECONDS, max_instances=1, coalesce=True, next_run_time=datetime.now(UTC)
    )
    scheduler.start()
    return scheduler


class _App(Flask):
    door: Door | None = None

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if self.door is not None and self.door.opens(environ):
            return self.door(environ, start_response)
        return super().wsgi_app(environ, start_response)

    def log_exception(self, exc_info: Any) -> None:
        operations.log_failure(exc_info)


def _answer(error: HTTPException) -> ResponseReturnValue:
    return as_problem(error) if _is_api() else error_page(error)


def _busy(error: OperationalError) -> ResponseReturnValue:
    if _is_api():
        return explained(error)
    _log.warning("database unavailable: %s", told(error))
    return error_page(ServiceUnavailable(retry_after=RETRY_SECONDS))


def _nowhere(error: DataError) -> ResponseReturnValue:
    # An address with NUL or a number of thirty digits in it: what PostgreSQL cannot hold is not in it.
    if _is_api():
        raise error  # events are checked before they are stored: then it is a mistake of ours, and must be loud
    return error_page(NotFound())


def _is_api() -> bool:
    return request.path.startswith("/v1/")
