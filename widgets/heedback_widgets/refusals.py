"""The words in which a request of the widget is refused, the same on every way in. `docs/widget-hosts.md` has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from heedback.limits import WIDGET_BYTES


class Refusal(NamedTuple):
    """A request that is refused as a whole: the status, a word for programs, a sentence for people."""

    status: int
    reason: str
    detail: str


MALFORMED: Final = Refusal(400, "malformed", "The body does not fit.")
EXPIRED: Final = Refusal(401, "expired", "The ticket has expired.")
FOREIGN: Final = Refusal(401, "foreign", "The ticket is of another app, or of a key that is not used any more.")
REVOKED: Final = Refusal(401, "revoked", "The ticket's key was revoked.")
FORGED: Final = Refusal(401, "forged", "The ticket was not signed by its key.")
UNREADABLE: Final = Refusal(401, "unreadable", "That is no ticket.")
ORIGIN: Final = Refusal(403, "origin", "Pages of this origin may not send feedback here.")
MAY_NOT_READ: Final = Refusal(403, "may", "The ticket does not allow to read.")
TOO_LARGE: Final = Refusal(413, "too_large", f"At most {WIDGET_BYTES} bytes.")
TYPE: Final = Refusal(415, "type", "Send text/plain.")
BUSY: Final = Refusal(503, "busy", "Nothing was stored; send it again.")

# By the reason of a `heedback.TicketError`.
OF_TICKETS: Final[Mapping[str, Refusal]] = {
    "expired": EXPIRED,
    "foreign": FOREIGN,
    "forged": FORGED,
    "malformed": UNREADABLE,
    "revoked": REVOKED,
}
