"""What a host does for the widget in a browser: read its ticket, and ask the service what the person said so far.

Imported when it is first needed: most processes serve no widget.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from heedback import tickets
from heedback.errors import TicketError
from heedback.options import Options
from heedback.tally import Tally
from heedback.transport import importing

if TYPE_CHECKING:
    import requests

_TIMEOUT: Final = (1.0, 2.0)  # seconds to connect, seconds for the whole answer: a page waits for it
_REST: Final = 10.0  # seconds in which nobody asks again after there was no answer


class Window:
    """One client's dealings with browsers. Safe for several threads."""

    def __init__(self, options: Options, tally: Tally) -> None:
        self._tally: Final = tally
        self._kid: Final = options.kid
        self._key: Final = tickets.ticket_key(options.secret)
        self._url: Final = f"{options.url}/v1/widget/state"
        self._resting_until = 0.0

    def ticket(self, text: str, now: float) -> tickets.Ticket:
        """What is in a ticket that this client's key signed.

        Raises:
            TicketError: `malformed`, `foreign`, `forged`, `expired` or `revoked`.
        """
        if not isinstance(text, str):
            raise TicketError("malformed")
        if tickets.kid_of(text) != self._kid:
            raise TicketError("foreign")
        ticket = tickets.check(text, self._key, now=now)
        if self._tally.is_key_refused:
            raise TicketError("revoked")
        return ticket

    def state(self, text: str) -> dict[str, Any] | None:
        """What the service says of the ticket's person and output; None when it does not say anything in time."""
        if time.monotonic() < self._resting_until:
            return None
        found = self._asked(text)
        if found is None:  # the next one need not wait for the same
            self._resting_until = time.monotonic() + _REST
        return found or None

    def _asked(self, text: str) -> dict[str, Any] | None:
        """The answer; {} when it is a refusal, None when there is none."""
        with importing:
            import requests

            from heedback import punctual

        asked: dict[str, Any] = {"data": json.dumps({"ticket": text}), "headers": {"Content-Type": "text/plain"}}
        try:
            with punctual.session() as session:
                answer = session.post(self._url, **asked, timeout=_TIMEOUT, allow_redirects=False)
            if answer.status_code != 200:
                self._learn(answer)
                return None if answer.status_code >= 500 else {}
            found = answer.json()
        except (requests.RequestException, ValueError):
            return None
        return found if isinstance(found, dict) and isinstance(found.get("known"), bool) else {}

    def _learn(self, refusal: requests.Response) -> None:
        """A ticket is refused for reasons of its own; one of them is about the key, and so about all tickets."""
        with suppress(ValueError, AttributeError):
            if refusal.status_code == 401 and refusal.json().get("reason") == "revoked":
                self._tally.key_refused()
