"""The address of a service, checked when it is named: one that can never work must not be found out by the sender."""

from __future__ import annotations

import re
from typing import Final

from heedback.errors import ConfigurationError, told

_URL: Final = re.compile(
    r"(?P<scheme>(?i:https?))://(?P<place>[^\s/?#\\\x00\ud800-\udfff]+)(?P<rest>[/?#][^\s\x00\ud800-\udfff]*)?"
)
_PLACE: Final = re.compile(r"(?P<host>\[[^\[\]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")
_NAME: Final = re.compile(r"(?:[\w-]{1,63}\.)*[\w-]{1,63}\.?")
_NAME_CHARS: Final = 253
_TOLD_CHARS: Final = 100


def service_url(url: str) -> str:
    """The address as it is used: its scheme in small letters, without blanks around it and without a slash at its end.

    Raises:
        ConfigurationError: it is none. What may be a password is not in the message.
    """
    if not isinstance(url, str):
        raise ConfigurationError(f"the URL takes text, not {told(url)}")
    address = url.strip()
    shown = repr(re.split("[?#]", address)[0][:_TOLD_CHARS]) if "@" not in address else "given"
    parts = _URL.fullmatch(address)
    if parts is None:
        raise ConfigurationError(f"the URL {shown} is not http:// or https:// with a host")
    place, rest = parts["place"], parts["rest"] or ""
    if "@" in place:
        raise ConfigurationError("the URL takes no user name and no password: the key is all that the service asks for")
    if "?" in rest or "#" in rest:
        raise ConfigurationError("the URL takes no ? and no #: it ends with the host, or with the path to the service")
    found = _PLACE.fullmatch(place)
    if found is None or not _is_host(found["host"]):
        raise ConfigurationError(f"the URL {shown} names no host that there can be")
    if found["port"] is not None and not (re.fullmatch("[0-9]{1,5}", found["port"]) and 0 < int(found["port"]) < 65536):
        raise ConfigurationError(f"the URL {shown} names no port that there can be: they are numbers from 1 to 65535")
    scheme = parts["scheme"].lower()  # as RFC 3986 has it, and as all who look at it here compare it
    return f"{scheme}{address[len(scheme) :]}".rstrip("/")


def _is_host(host: str) -> bool:
    if host.startswith("["):
        import ipaddress

        try:
            return bool(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return False
    if len(host) > _NAME_CHARS or _NAME.fullmatch(host) is None:
        return False
    return host.isascii() or _is_sendable(host)


def _is_sendable(name: str) -> bool:
    """Whether a name that is not ASCII has an ASCII form: told by those who will send there, as rules differ."""
    from urllib3.exceptions import LocationParseError
    from urllib3.util import parse_url

    try:
        return parse_url(f"http://{name}").host is not None
    except LocationParseError:
        return False
