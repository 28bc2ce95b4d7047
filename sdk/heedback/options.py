"""What a client is told at its start, from arguments and the environment, checked once."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final, Literal, TypedDict

from heedback.address import service_url
from heedback.errors import ConfigurationError, told
from heedback.refuge import MEMORY
from heedback.spool import MAX_AGE_DAYS, MAX_BYTES, MAX_EVENTS, Synchronous
from heedback.transport import Transport

Redact = bool | Callable[[str], str]
Phones = bool | Collection[str]
Text = Literal["always", "rated", "never"]

_KEY: Final = re.compile(r"hb_sk_([A-Za-z0-9]+)_([!-~]+)")  # printable ASCII: it has to fit into a header
_PSEUDONYM: Final = re.compile(r"u-[0-9a-f]{24}")
_USER_INFO: Final = b"heedback/user/v1"
_REMEMBERED_PEOPLE: Final = 4096
_FOR_EVER_DAYS: Final = 1e6


class ClientOptions(TypedDict, total=False):
    """What a client may be told besides URL and key.

    `spool`: the file that holds what is not delivered yet (else HEEDBACK_SPOOL, else one for each service and key in
    the user's state folder); ":memory:" keeps nothing on disk. `user_key`: the secret that makes pseudonyms of people
    (else HEEDBACK_USER_KEY). `environment`, `app_version`: for every output that does not say its own. `redact`: True
    for the rules, False for none, or a function from text to text that runs after the rules. `phones`: True also finds
    telephone numbers of all countries that have the country in front, ["NO", "BR"] those written as at home too; needs
    the extra `heedback[phone]`. `text`: "never" keeps the
    inputs and outputs of the AI out, "rated" keeps them on this host until their output is rated, at most a day.
    `disabled`: every call is a quiet no-op. `strict`: wrong use raises. `max_events`,
    `max_bytes`: the spool's bounds; over them the oldest outputs and signals go first, feedback last.
    `max_age_days`: what waits longer is
    dropped. `synchronous`: "full" waits for the disk at each call, so that a power cut loses nothing either.
    `on_sigterm`: where the app leaves SIGTERM as it is, send what waits, three seconds at most, before it ends the
    process; False lets it end the process at once.

    For tests: `clock` gives nanoseconds since 1970, `stopwatch` nanoseconds since whenever, `new_id` an id from the
    former, `jitter` some part of a number; `transport` stands in for the network.
    """

    spool: str | os.PathLike[str] | None
    user_key: str | None
    environment: str | None
    app_version: str | None
    redact: Redact
    phones: Phones
    text: Text
    disabled: bool
    strict: bool
    max_events: int
    max_bytes: int
    max_age_days: float
    synchronous: Synchronous
    on_sigterm: bool
    clock: Callable[[], int]
    stopwatch: Callable[[], int]
    new_id: Callable[[int], str]
    jitter: Callable[[float], float]
    transport: Transport | None


@dataclass(frozen=True, slots=True)
class Options:
    """One client's settings. `kid` and `secret` are the two parts of the API key."""

    url: str
    key: str
    kid: str
    secret: str
    spool: str | None = None
    user_key: str | None = None
    environment: str | None = None
    app_version: str | None = None
    redact: Redact = True
    phones: Phones = False
    text: Text = "always"
    disabled: bool = False
    strict: bool = False
    max_events: int = MAX_EVENTS
    max_bytes: int = MAX_BYTES
    max_age_days: float = MAX_AGE_DAYS
    synchronous: Synchronous = "normal"
    on_sigterm: bool = True


def resolve(
    url: str | None,
    key: str | None,
    *,
    spool: str | os.PathLike[str] | None = None,
    user_key: str | None = None,
    environ: Mapping[str, str] = os.environ,
    **rest: Any,
) -> Options | None:
    """The options, or None when neither arguments nor environment name a service.

    Raises:
        ConfigurationError: something given cannot be used.
    """
    url = url or environ.get("HEEDBACK_URL") or None
    key = key or environ.get("HEEDBACK_KEY") or None
    if url is None and key is None:
        return None
    if url is None or key is None:
        raise ConfigurationError("both a URL and a key are needed: HEEDBACK_URL and HEEDBACK_KEY, or init(url, key)")
    kid, secret = key_parts(key)
    options = Options(
        url=service_url(url),
        key=key.strip(),
        kid=kid,
        secret=secret,
        spool=_path(spool or environ.get("HEEDBACK_SPOOL") or None),
        user_key=user_key or environ.get("HEEDBACK_USER_KEY") or None,
        **rest,
    )
    _check(options)
    return options


def pseudonyms(options: Options, warn: Callable[[str, str], None]) -> Callable[[str], str]:
    """The host's user id to `u-` and 24 hex digits: HMAC-SHA256 under the user key, remembered for the latest few.

    Without a user key one is derived from the API key, which is said once: it changes when the key does, and then
    everybody is a new person. What is a pseudonym already stays what it is.
    """

    def secret() -> bytes:
        if options.user_key:
            return options.user_key.encode()
        warn("user_key", "HEEDBACK_USER_KEY is not set: people get new pseudonyms when the API key changes")
        return hmac.digest(options.key.encode(), _USER_INFO, "sha256")

    keys: list[bytes] = []

    @lru_cache(_REMEMBERED_PEOPLE)
    def pseudonym(user: str) -> str:
        if _PSEUDONYM.fullmatch(user):
            return user
        if not keys:
            keys.append(secret())
        return f"u-{hmac.digest(keys[0], user.encode(), 'sha256').hex()[:24]}"

    return pseudonym


def key_parts(key: str) -> tuple[str, str]:
    """The id and the secret in an API key.

    Raises:
        ConfigurationError: it is none.
    """
    parts = _KEY.fullmatch(key.strip()) if isinstance(key, str) else None
    if parts is None:
        raise ConfigurationError("the key has the form hb_sk_<kid>_<secret>, as heedback key create prints it")
    return parts[1], parts[2]


def check_seams(transport: object, **functions: object) -> None:
    """What tests put in the place of network, clock and chance.

    Raises:
        ConfigurationError: it could not take that place.
    """
    if transport is not None and not callable(getattr(transport, "send", None)):
        raise ConfigurationError(f"transport takes an object with send(batch), not {told(transport)}")
    for name, function in functions.items():
        if not callable(function):
            raise ConfigurationError(f"{name} takes a function, not {told(function)}")


def _path(spool: str | os.PathLike[str] | None) -> str | None:
    """Absolute, where it is a file: the app may go to another folder later, and the spool stays where it is."""
    try:
        path = None if spool is None else os.fspath(spool)
        if path is None or path == MEMORY:
            return path
        if isinstance(path, str) and b"\0" not in os.fsencode(path):
            return os.path.abspath(path)  # noqa: PTH100  pathlib costs the import
    except Exception:
        raise ConfigurationError(f"spool takes the path of a file, not {told(spool)}") from None
    raise ConfigurationError(f"spool takes the path of a file, not {told(spool)}")


def _check(options: Options) -> None:
    for name, allowed in (("text", ("always", "rated", "never")), ("synchronous", ("normal", "full"))):
        value = getattr(options, name)
        if not isinstance(value, str) or value not in allowed:
            raise ConfigurationError(f"{name} takes one of {', '.join(allowed)}, not {told(value)}")
    if not (isinstance(options.redact, bool) or callable(options.redact)):
        raise ConfigurationError(
            f"redact takes True, False or a function from text to text, not {told(options.redact)}"
        )
    for name in ("max_events", "max_bytes"):
        value = getattr(options, name)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ConfigurationError(f"{name} takes a whole number from 1 up, not {told(value)}")
    days = options.max_age_days
    if not isinstance(days, int | float) or isinstance(days, bool) or not 0 < days < _FOR_EVER_DAYS:
        raise ConfigurationError(
            f"max_age_days takes a number of days above 0 and below {_FOR_EVER_DAYS:,.0f}, not {told(days)}"
        )
    for name in ("disabled", "strict", "on_sigterm"):
        value = getattr(options, name)
        if not isinstance(value, bool):
            raise ConfigurationError(f"{name} takes True or False, not {told(value)}")
    if options.phones is not False:
        _check_phones(options)
    if options.user_key is not None and not _is_utf8(options.user_key):
        raise ConfigurationError(f"user_key takes text, not {told(options.user_key)}")


def _check_phones(options: Options) -> None:
    if options.redact is False:
        raise ConfigurationError("phones adds to the rules of redaction, which redact=False switches off")
    try:
        from heedback import phones
    except ImportError:
        raise ConfigurationError("phones needs the package phonenumbers: pip install 'heedback[phone]'") from None
    phones.check(options.phones)


def _is_utf8(text: object) -> bool:
    try:
        return isinstance(text, str) and bool(text.encode())
    except UnicodeEncodeError:
        return False
