"""Running the service: waitress for requests, a thread for the jobs, and an end that loses nothing."""

from __future__ import annotations

import signal
import socket
import sys
import threading
from types import FrameType
from typing import Final

from waitress.server import create_server

from heedback_service.app import create_app, make_ticker, start_jobs
from heedback_service.settings import Settings
from heedback_service.store.migrate import open_database

_THREADS: Final = 8
_IDLE_SECONDS: Final = 2.0


class PortBusyError(OSError):
    """Somebody else listens there."""


def serve(settings: Settings, host: str, port: int) -> None:
    """Answer requests and work the jobs until SIGTERM or SIGINT; requests in flight finish first.

    Raises:
        PortBusyError: the port is taken, or may not be taken by us.
    """
    listener = _listen(host, port)
    db = open_database(settings.database_url)
    app = create_app(settings, db)
    scheduler = start_jobs(make_ticker(settings, db))
    server = create_server(app, sockets=[listener], threads=_THREADS, ident="heedback")
    _end_on_signals()
    print(f"Heedback is listening on http://{host}:{listener.getsockname()[1]}", flush=True)
    try:
        server.run()  # on SystemExit it lets requests in flight finish
    finally:
        scheduler.shutdown(wait=True)
        db.dispose()


def work(settings: Settings, *, once: bool) -> None:
    """Work the jobs: until nothing is left with `once`, else until SIGTERM or SIGINT."""
    db = open_database(settings.database_url)
    ticker = make_ticker(settings, db)
    try:
        if once:
            ticker.drain()
            return
        stop = threading.Event()
        _end_on_signals(stop)
        while not stop.is_set():
            if not ticker.tick():
                stop.wait(_IDLE_SECONDS)
    finally:
        db.dispose()


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    # A port whose last connections are still closing is free; one with a listener is not.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise PortBusyError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def _end_on_signals(stop: threading.Event | None = None) -> None:
    def end(_number: int, _frame: FrameType | None) -> None:
        if stop is None:
            sys.exit(0)  # waitress drains on SystemExit; without a handler SIGTERM would kill requests in flight
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
