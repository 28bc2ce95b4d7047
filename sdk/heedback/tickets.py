"""Tickets: what lets a browser speak for one person about one output, and for nothing else.

The host signs with `ticket_key`, which both sides derive from the API key's secret, so that the service can check a
ticket without storing the secret. Pure: no clock but the caller's, no network.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import asdict, dataclass
from typing import Any, Final

from itsdangerous import BadData, BadSignature, URLSafeSerializer

from heedback.errors import TicketError as TicketError

_INFO: Final = b"heedback/ticket/v1"
_SALT: Final = "heedback.ticket"
_LONGEST: Final = 4096  # characters; what is signed is packed, and may be a thousand times as large
MAY: Final = ("read", "rate", "flag", "correct", "signal")


@dataclass(frozen=True, slots=True)
class Ticket:
    """One person's right to one output, until `exp` (seconds since 1970)."""

    kid: str
    output_id: str
    feature: str
    user: str | None
    may: tuple[str, ...]
    exp: int


def ticket_key(secret: str) -> bytes:
    """32 bytes for signing, from the secret part of an API key.

    HKDF-SHA256 (RFC 5869) with an empty salt and the info `heedback/ticket/v1`; one block is all that is needed.
    """
    pseudo_random = hmac.digest(b"\0" * hashlib.sha256().digest_size, secret.encode(), "sha256")
    return hmac.digest(pseudo_random, _INFO + b"\x01", "sha256")


def sign(ticket: Ticket, key: bytes) -> str:
    """The ticket as one URL-safe string. The key id travels inside, readable, so that the reader can find its key."""
    body = asdict(ticket)
    kid = body.pop("kid")
    return f"{kid}.{_serializer(key, kid).dumps(body)}"


def kid_of(text: str) -> str:
    """The key id a ticket claims, before anything is checked.

    Raises:
        TicketError: `malformed`.
    """
    kid, dot, _ = text.partition(".")
    if not dot or not kid.isalnum():
        raise TicketError("malformed")
    return kid


def check(text: str, key: bytes, *, now: float | None = None) -> Ticket:
    """The ticket inside `text`, if `key` signed it and it has not expired at `now` (seconds since 1970).

    Raises:
        TicketError: `malformed`, `forged` or `expired`.
    """
    kid = kid_of(text)
    if len(text) > _LONGEST:
        raise TicketError("malformed")
    try:
        body: Any = _serializer(key, kid).loads(text[len(kid) + 1 :])
        ticket = Ticket(
            kid=kid,
            output_id=str(body["output_id"]),
            feature=str(body["feature"]),
            user=None if body["user"] is None else str(body["user"]),
            may=tuple(str(verb) for verb in body["may"]),
            exp=int(body["exp"]),
        )
    except BadSignature:
        raise TicketError("forged") from None
    except (BadData, KeyError, TypeError, ValueError, OverflowError):  # signed by a key that holds, and no ticket still
        raise TicketError("malformed") from None
    if ticket.exp <= (time.time() if now is None else now):
        raise TicketError("expired")
    return ticket


def _serializer(key: bytes, kid: str) -> URLSafeSerializer:
    # The key id is part of the salt, so a ticket can't be presented under another key's name.
    return URLSafeSerializer(key, salt=f"{_SALT}.{kid}", signer_kwargs={"digest_method": hashlib.sha256})
