"""Serves one WSGI app on the loopback until SIGTERM or Ctrl-C; then requests in flight are finished."""

from __future__ import annotations

import signal
import time
from typing import Any, Final

from waitress.server import create_server  # type: ignore[import-untyped]

HOST: Final = "127.0.0.1"
DRAIN_S: Final = 10.0


def serve(app: Any, port: int, announce: str) -> None:
    """Serve `app` on `port` (0 = any free); print `announce` and the address once it can be reached.

    Raises:
        OSError: the port is taken.
    """
    server: Any = create_server(app, host=HOST, port=port, ident=None, threads=4)
    stopping: list[int] = []

    def stop(signum: int, frame: Any) -> None:
        stopping.append(signum)
        server.pull_trigger()  # wakes the loop, which would otherwise sleep on

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    print(f"{announce} http://{HOST}:{server.effective_port}", flush=True)
    while not stopping:
        _turn(server, 1.0)
    _drain(server)


def _drain(server: Any) -> None:
    """Take no new connection, answer what has been asked, hang up."""
    server.accepting = False
    give_up = time.monotonic() + DRAIN_S
    while _busy(server) and time.monotonic() < give_up:
        _turn(server, 0.05)
    server.task_dispatcher.shutdown()
    server.close()


def _busy(server: Any) -> bool:
    channels = list(server.active_channels.values())
    return any(channel.requests or channel.request or channel.total_outbufs_len for channel in channels)


def _turn(server: Any, timeout_s: float) -> None:
    server.asyncore.loop(timeout=timeout_s, map=server._map, count=1)
