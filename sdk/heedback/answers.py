"""What an answer means for the batch. Only one that is recognisably the service's own makes an event delivered or dead:
a proxy, a firewall, a hotel's sign-in page and a wrong address answer too. Pure, once the answer is read.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from heedback.transport import Delivered, Outcome, Rejected, RetryAfter

if TYPE_CHECKING:
    import requests

_PAUSE: Final = 300.0  # seconds: a wrong key or address does not heal by hammering
_LONGEST_RETRY_AFTER: Final = 3600.0
_REFUSALS: Final = frozenset({400, 413, 415, 422})
_BUSY: Final = frozenset({408, 425, 429})
_PERHAPS_THE_BATCH: Final = frozenset({400, 403, 406, 415, 422})  # how a firewall answers what it takes for an attack
_PROBLEM: Final = frozenset({"type", "title", "status", "detail", "reason", "errors", "see"})
_MARKUP: Final = re.compile(r"<(script|style)\b.*?(</\1\s*>|\Z)|<!--.*?(-->|\Z)|<[^<>]*>?", re.DOTALL | re.IGNORECASE)
_TITLE: Final = re.compile(r"<title[^<>]*>([^<]+)", re.IGNORECASE)
_TOLD_CHARS: Final = 200
_LOOKED_AT: Final = 20_000  # bytes of a page
_UNREADABLE: Final = (ValueError, RecursionError)  # no JSON, or some that is built to break its reader


def outcome(response: requests.Response, events: int) -> Outcome:
    """What the answer to a batch of so many events means for it."""
    status, said = response.status_code, problem(response)
    if status == 200:
        return _counted(response, events)
    if said is not None and status in _REFUSALS:
        return _refused(said)
    if status == 413:
        return Rejected(f"413 {detail(response)}", by_service=False)
    if status in _BUSY or status >= 500:
        wish = response.headers.get("Retry-After")
        return RetryAfter(_retry_after(wish), f"answered {status}", failed=status >= 500 and wish is None)
    perhaps_the_batch = status in _PERHAPS_THE_BATCH and said is None
    if status in (401, 403, 407):
        if said is not None:
            return RetryAfter(_PAUSE, f"the service does not accept the key ({status})", revoked=status == 401)
        return RetryAfter(_PAUSE, f"something in front of the service refuses us ({status})", failed=perhaps_the_batch)
    return RetryAfter(_PAUSE, f"no Heedback service answers at this address ({status})", failed=perhaps_the_batch)


def problem(response: requests.Response) -> dict[str, Any] | None:
    """What a problem+json (RFC 9457) of the service says, None when it is none: gateways and frameworks have theirs."""
    if "problem+json" not in response.headers.get("Content-Type", ""):
        return None
    said = _json(response)
    if not isinstance(said, dict) or not said.keys() <= _PROBLEM:
        return None
    ours = said.get("type") == "about:blank" and said.get("status") == response.status_code
    return said if ours and isinstance(said.get("title"), str) else None


def detail(response: requests.Response) -> str:
    """The sentence of a problem, else what the beginning of a page says to its reader; one line."""
    said = _json(response)
    if isinstance(said, dict):
        words = [said[name] for name in ("detail", "title") if isinstance(said.get(name), str)]
        return one_line(words[0] if words else "without a reason")
    page = response.content[:_LOOKED_AT].decode(errors="replace")
    title = _TITLE.search(page)
    return one_line(title[1] if title else _MARKUP.sub(" ", page)) or "without a word"


def one_line(text: str, most: int = _TOLD_CHARS) -> str:
    """`text` for a log: one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _refused(said: dict[str, Any]) -> Outcome:
    """An event may only die of what is its fault. What surrounds the events (a clock in another century, a proxy that
    takes headers away) spoils every request, and has to be mended while they wait."""
    status, words = said["status"], one_line(str(said.get("detail") or said["title"]))
    errors = said.get("errors")
    fields = [str(field) for field in errors] if isinstance(errors, dict) else []
    if status == 415 or (fields and not any(field.split(".")[0] == "events" for field in fields)):
        return RetryAfter(_PAUSE, f"the service does not take our requests ({status} {words}{_named(fields)})")
    return Rejected(f"{status} {words}{_named(fields)}")


def _named(fields: list[str]) -> str:
    return f" [{one_line(', '.join(fields), 80)}]" if fields else ""


def _counted(response: requests.Response, events: int) -> Outcome:
    """Only an answer that counts each event once is believed: a sign-in page also says 200."""
    try:
        answer = _json(response)
        accepted, duplicates = _count(answer["accepted"]), _count(answer["duplicates"])
        rejected = {_count(each["index"]): json.dumps(each["errors"]) for each in answer["rejected"]}
    except (*_UNREADABLE, LookupError, TypeError):
        return RetryAfter(_PAUSE, "no Heedback service answers at this address (200, not its JSON)")
    if accepted + duplicates + len(rejected) != events or any(index >= events for index in rejected):
        return RetryAfter(_PAUSE, "the service's answer does not add up to what it was sent", failed=True)
    return Delivered(accepted, duplicates, rejected)


def _count(value: Any) -> int:
    """A whole number from 0 up, as it is; never Infinity, which Python's JSON reads, nor True."""
    if type(value) is not int or value < 0:
        raise ValueError("no count")
    return value


def _json(response: requests.Response) -> Any:
    """What was answered, as JSON; None if it is none."""
    try:
        return json.loads(response.content)  # not by requests, which looks for the alphabet of what is no JSON: slow
    except _UNREADABLE:
        return None


def _retry_after(header: str | None) -> float | None:
    """Seconds, from either form of the header (RFC 9110, 10.2.3)."""
    if not header:
        return None
    if header.strip().isdecimal():
        return min(float(header), _LONGEST_RETRY_AFTER)
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        wait = parsedate_to_datetime(header) - datetime.now(UTC)
    except (ValueError, TypeError, OverflowError):
        return None
    return min(max(wait.total_seconds(), 0.0), _LONGEST_RETRY_AFTER)
