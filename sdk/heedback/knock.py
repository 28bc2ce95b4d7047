"""Is it HTTP or TLS that is spoken at an address? To take one for the other looks as different as servers are.

Each knock takes `KNOCK_SECONDS` at most to connect, and as long for the answer; the key is not told.
"""

from __future__ import annotations

import socket
import ssl
from typing import Final
from urllib.parse import urlsplit

from requests.utils import get_environ_proxies, select_proxy

KNOCK_SECONDS: Final = 1.0


def is_direct(url: str) -> bool:
    """Whether no proxy stands between, which would be what is knocked at."""
    return not select_proxy(url, get_environ_proxies(url))


def speaks_tls(url: str) -> bool:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whoever it is
    try:
        with (
            socket.create_connection(_place(url), KNOCK_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=urlsplit(url).hostname),
        ):
            return True
    except ssl.SSLError as error:
        return "ALERT" in (error.reason or "")  # it refuses, in TLS
    except OSError:
        return False


def speaks_http(url: str) -> bool:
    try:
        with socket.create_connection(_place(url), KNOCK_SECONDS) as plain:
            plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
            return plain.recv(5) == b"HTTP/"
    except OSError:
        return False


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
