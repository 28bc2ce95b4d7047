"""For those who run the service: is it alive, is it ready, what has it counted; and a line in the log a request."""

from __future__ import annotations

import hmac
import logging
import secrets
import time
from typing import TYPE_CHECKING, Any, Final

from flask import Blueprint, Flask, Response, abort, g, request
from sqlalchemy.exc import SQLAlchemyError

from heedback_service.logs import FIELDS
from heedback_service.store.file import LostFileError
from heedback_service.store.migrate import standing
from heedback_service.web.runtime import runtime

if TYPE_CHECKING:
    from heedback_service.metrics import Metrics

REQUEST_ID: Final = "X-Request-ID"

blueprint: Final = Blueprint("operations", __name__)

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_PROMETHEUS: Final = "text/plain; version=0.0.4; charset=utf-8"
_LOST: Final = (
    "the database file or its log was moved, replaced or removed; end every process of the service, then start it anew"
)
_UNFIT: Final = {
    "behind": "the database is not migrated; run heedback migrate",
    "newer": "this process is older than the database; end it, and start the version that the database is of",
}
_log: Final = logging.getLogger(__name__)


def add_to(app: Flask) -> None:
    """Give the app the pages of this module. Each request is counted and logged."""
    app.register_blueprint(blueprint)
    app.before_request(_begin)

    @app.after_request
    def _end(response: Response) -> Response:
        # A refusal can come before `_begin`: then it took no time worth telling.
        seconds = time.perf_counter() - g.get("begun", time.perf_counter())
        request_id = g.setdefault("request_id", new_request_id())
        response.headers[REQUEST_ID] = request_id
        tell(runtime().metrics, *method_and_route(), response.status_code, seconds, request_id)
        return response


def tell(metrics: Metrics | None, method: str, route: str, status: int, seconds: float, request_id: str) -> None:
    """Count a request that was answered, and log it; batches that were taken only when debugging, as they are many."""
    if metrics is not None:
        metrics.request(method, route, status, seconds)
    level = logging.DEBUG if (route, status) == ("/v1/events", 200) else logging.INFO
    if _log.isEnabledFor(level):
        fields = {"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 1)}
        _log.log(level, "answered", extra={FIELDS: fields | {"request_id": request_id}})


def new_request_id() -> str:
    return secrets.token_hex(8)


def method_and_route() -> tuple[str, str]:
    """The request without anything its sender chose: `/signin/link/<token>`, never the token."""
    route = request.url_rule.rule if request.url_rule is not None else "unmatched"
    return request.method if request.method in _METHODS else "other", route


def log_failure(exc_info: Any) -> None:
    """An exception that nobody expected. Flask's own line would have the path in it."""
    log_mistake(exc_info, *method_and_route(), g.get("request_id"))


def log_mistake(exc_info: Any, method: str, route: str, request_id: str | None) -> None:
    fields = {"method": method, "route": route, "request_id": request_id}
    _log.error("a request failed", exc_info=exc_info, extra={FIELDS: fields})


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers. Asks nobody else: a database that is away is no reason to start the process anew."""
    return _plain(200, "ok")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Requests can be served: the database answers, has the tables this version needs, and takes what is written."""
    db = runtime().db
    try:
        found = standing(db)
    except SQLAlchemyError as error:
        lost = isinstance(getattr(error, "orig", None), LostFileError)
        return _plain(503, _LOST if lost else "the database does not answer")
    if found != "current":
        return _plain(503, _UNFIT[found])
    # Which error it was is for the log: this page is everybody's.
    return _plain(503, "the database takes no writes; the log says why") if db.writes.trouble() else _plain(200, "ok")


@blueprint.get("/metrics")
def metrics() -> Response:
    """For Prometheus, with the token. Without one in the settings there is no such page."""
    token = runtime().settings.metrics_token
    if token is None:
        abort(404)
    kind, _, given = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        refused = _plain(401, "send the token: Authorization: Bearer …")
        refused.headers["WWW-Authenticate"] = 'Bearer realm="heedback metrics"'
        return refused
    counted = runtime().metrics
    assert counted is not None  # noqa: S101 - made together with the token
    return Response(counted.exposed(), content_type=_PROMETHEUS)


def _begin() -> None:
    g.begun = time.perf_counter()
    g.request_id = new_request_id()


def _plain(status: int, words: str) -> Response:
    headers = {"Cache-Control": "no-store"}
    return Response(f"{words}\n", status, headers, content_type="text/plain; charset=utf-8")
