"""Running the service: waitress for requests, a thread for the jobs, and an end that loses nothing."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from waitress import wasyncore
from waitress.server import create_server

from heedback_service import garbage, logs
from heedback_service.app import create_app, make_metrics, make_ticker, start_jobs
from heedback_service.connection import Channel
from heedback_service.settings import Settings
from heedback_service.store.migrate import open_database

_THREADS: Final = 16
# What the API takes is 1 MiB once unpacked; a body is sent before anybody knows whose it is, so no more is held.
_BODY_BYTES: Final = 2 * 1024 * 1024
# Each SDK process keeps a connection, and who is at the limit is deaf, also to /healthz. A connection costs a file, and
# another one while a large body comes in over it.
_CONNECTIONS: Final = 2000
_FEWEST_CONNECTIONS: Final = 64
_FILES_BESIDE: Final = 128  # the database and its pool, logs, mail
_QUIET_SECONDS: Final = 60  # then a connection over which nothing comes is closed; SDKs open another when they need it
_LOOK_SECONDS: Final = 15
_IDLE_SECONDS: Final = 2.0
_DRAIN_SECONDS: Final = 20.0


class PortBusyError(OSError):
    """Somebody else listens there."""


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer requests and work the jobs until SIGTERM or SIGINT; requests in flight finish first.

    Raises:
        PortBusyError: the port is taken, or may not be taken by us.
        UnfitDatabaseError: the database is not migrated, or that of a newer version.
    """
    listener = _listen(host, port)
    logs.start(settings.log)
    try:
        db = open_database(settings.database_url)
    except BaseException:
        listener.close()
        raise
    _keep_quiet()
    metrics = make_metrics(settings, db)
    app = create_app(settings, db, metrics=metrics)
    ticker = make_ticker(settings, db, metrics)
    scheduler = start_jobs(ticker)
    garbage.seldom()
    server = create_server(
        app,
        sockets=[listener],
        threads=_THREADS,
        ident="heedback",
        max_request_body_size=_BODY_BYTES + 1,  # waitress refuses from there on
        connection_limit=_connections(),
        channel_timeout=_QUIET_SECONDS,
        cleanup_interval=_LOOK_SECONDS,
        asyncore_use_poll=True,  # `select` knows no file number above 1023
    )
    server.channel_class = Channel
    stop = threading.Event()

    def end() -> None:
        if stop.is_set():  # a second signal; the loop's wake-up may be closed by now
            return
        ticker.stop()
        stop.set()
        server.pull_trigger()  # wakes the loop, which would otherwise sleep on

    _end_on_signals(end)
    print(f"Heedback is listening on http://{authority(host, listener.getsockname()[1])}", flush=True)
    try:
        while not stop.is_set():
            _turn(server, 1.0)
        _drain(server)
    finally:
        scheduler.shutdown(wait=True)
        db.dispose()


def work(settings: Settings, *, once: bool) -> list[str]:
    """Work the jobs: until nothing is left with `once`, else until SIGTERM or SIGINT.

    Returns the jobs that could not be done, with `once`: nobody else may come back to them soon.

    Raises:
        UnfitDatabaseError: the database is not migrated, or that of a newer version.
    """
    logs.start(settings.log)
    db = open_database(settings.database_url)
    ticker = make_ticker(settings, db)
    try:
        if once:
            return ticker.drain()
        _end_on_signals(ticker.stop)
        while not ticker.stopping.is_set():
            if not ticker.tick():
                ticker.stopping.wait(_IDLE_SECONDS)
        return []
    finally:
        db.dispose()


def _keep_quiet() -> None:
    """By design, so not worth a line each: requests queue under load, and a long tick lets the next ones pass."""
    for name in ("waitress.queue", "apscheduler.scheduler", "apscheduler.executors.default"):
        logging.getLogger(name).setLevel(logging.ERROR)


def _connections() -> int:
    """How many connections may be open at once: as many as we like, or as this process may open files for."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return _CONNECTIONS
    wanted = 2 * _CONNECTIONS + _FILES_BESIDE
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files != resource.RLIM_INFINITY and files < wanted:
        more = wanted if most == resource.RLIM_INFINITY else min(wanted, most)
        with contextlib.suppress(OSError, ValueError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (more, most))
        files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    room = _CONNECTIONS if files == resource.RLIM_INFINITY else (files - _FILES_BESIDE) // 2
    return max(_FEWEST_CONNECTIONS, min(_CONNECTIONS, room))


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # A port whose last connections are still closing is free; one with a listener is not.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortBusyError(f"cannot listen on {authority(host, port)}: {error.strerror}") from error
    return listener


def authority(host: str, port: int) -> str:
    """Both as they stand in a URL, where an IPv6 address is in brackets (RFC 3986, 3.2.2)."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _end_on_signals(end: Callable[[], None]) -> None:
    # `end` only takes a note: an exception here could hit the loop between reading a request and queueing it.
    def noted(_number: int, _frame: FrameType | None) -> None:
        end()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, noted)


def _drain(server: Any) -> None:
    """Accept who has knocked, then nobody; answer what has been asked, also where half of it is still to come."""
    give_up = time.monotonic() + _DRAIN_SECONDS
    while _accepts(server) and time.monotonic() < give_up:
        pass
    wasyncore.dispatcher.close(server)  # the listener alone: `server.close` would take the loop's wake-up along
    while _busy(server) and time.monotonic() < give_up:
        _turn(server, 0.1)
    server.task_dispatcher.shutdown()
    server.trigger.close()


def _accepts(server: Any) -> bool:
    before = set(server.active_channels)
    _turn(server, 0)
    return not before.issuperset(server.active_channels)


def _busy(server: Any) -> bool:
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.request or channel.total_outbufs_len for channel in channels)


def _turn(server: Any, seconds: float) -> None:
    wasyncore.loop(timeout=seconds, map=server._map, use_poll=server.adj.asyncore_use_poll, count=1)
