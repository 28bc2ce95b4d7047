"""Heedback's SDK: capture AI outputs and what people say about them; deliver it without slowing or crashing the host.

    import heedback

    heedback.init("https://feedback.example.org", "hb_sk_…")
    out = heedback.output("invoice-summary", user=user_id, output=text)
    heedback.rate(out, "down", comment="The total leaves out the VAT.")

Every call returns at once: the event is redacted, kept in a file, and sent by a background thread. Without a URL and
a key (arguments, or HEEDBACK_URL and HEEDBACK_KEY) every call is a quiet no-op. No call raises into the host; wrong use
is logged once and counted in `stats()`, or raised with `init(strict=True)`.
"""

from __future__ import annotations

import os
import threading

# For the reader and the type checker; typing itself would cost the import more than all the rest.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import EllipsisType
    from typing import Any, Unpack

    from heedback.client import About, Client, Thumb
    from heedback.errors import ConfigurationError, HeedbackError, TicketError, UsageError
    from heedback.fields import FeedbackFields, OutputFields, SignalFields, Source
    from heedback.limits import REASONS, SIGNALS
    from heedback.options import ClientOptions
    from heedback.outputs import Output, Tracked
    from heedback.tickets import Ticket
    from heedback.transport import Batch, Delivered, Outcome, Rejected, RetryAfter, Transport

__all__ = [
    "REASONS",
    "SIGNALS",
    "Batch",
    "Client",
    "ClientOptions",
    "ConfigurationError",
    "Delivered",
    "FeedbackFields",
    "HeedbackError",
    "Outcome",
    "Output",
    "OutputFields",
    "Rejected",
    "RetryAfter",
    "SignalFields",
    "Source",
    "TicketError",
    "Tracked",
    "Transport",
    "UsageError",
    "add_text",
    "close",
    "correct",
    "flag",
    "flush",
    "forward",
    "from_openai",
    "init",
    "open_ticket",
    "output",
    "rate",
    "retract",
    "signal",
    "start",
    "state",
    "stats",
    "ticket",
    "track",
]

# Importing this module loads none of these: `init`, the first call or the first look at a name does.
_HOMES = {
    "client": ("Client",),
    "errors": ("ConfigurationError", "HeedbackError", "TicketError", "UsageError"),
    "fields": ("FeedbackFields", "OutputFields", "SignalFields", "Source"),
    "limits": ("REASONS", "SIGNALS"),
    "options": ("ClientOptions",),
    "outputs": ("Output", "Tracked"),
    "transport": ("Batch", "Delivered", "Outcome", "Rejected", "RetryAfter", "Transport"),
}

_client: Client | None = None
_asked: tuple[str | None, str | None, ClientOptions] = (
    None,
    None,
    {},
)  # of an `init` that could not load what it needs
_stand_in: Callable[..., Client] | None = None  # makes the clients while `heedback.testing` captures
_choosing = threading.RLock()
if hasattr(os, "register_at_fork"):  # a child copied while another thread loads the rest would keep half of it for ever
    os.register_at_fork(before=_choosing.acquire, after_in_parent=_choosing.release, after_in_child=_choosing.release)


def __getattr__(name: str) -> object:
    from importlib import import_module

    for home, names in _HOMES.items():
        if name in names:
            with _choosing:
                value = globals()[name] = getattr(import_module(f"heedback.{home}"), name)
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def init(url: str | None = None, key: str | None = None, **options: Unpack[ClientOptions]) -> Client:
    """Set up the one client of this process; a client set up before is closed. Opens nothing yet.

    Args:
        url: where the service lives, `https://…`; else HEEDBACK_URL.
        key: `hb_sk_<kid>_<secret>`; else HEEDBACK_KEY.
        **options: see `ClientOptions`.

    Raises:
        ConfigurationError: with `strict`, when something given cannot be used. Otherwise that is logged, and nothing is
            captured.
    """
    global _asked
    with _choosing:
        make = _stand_in or _loaded()
        _asked = (None, None, {}) if make else (url, key, options)
    if make is None:
        _replace(None)
        return _Nobody()  # type: ignore[return-value]
    fresh = make(url, key, **options)
    former = _replace(fresh)
    if former is not None:
        former.close()
    return fresh


def output(feature: str, **fields: Unpack[OutputFields]) -> Output:
    """Capture one AI output that was shown to somebody, at once.

    Args:
        feature: the AI use case: letters, digits and `. _ : / -`, at most 100 characters.
        **fields: see `OutputFields` for names, units and limits.

    Returns:
        The Output, to rate it by. It has an id even when nothing was captured, so that the host need not ask.
    """
    return _current().output(feature, **fields)


def track(feature: str, **fields: Unpack[OutputFields]) -> Tracked:
    """Measure and capture an output that is being made: `with heedback.track(feature) as out:`.

    At the end of the block the output is captured with its latency; when the block raises, also with the error's type,
    and the error goes on its way. Inside, `out.set(...)` adds fields and `out.id` may be used already.
    """
    return _current().track(feature, **fields)


def add_text(
    about: About,
    *,
    input: str | None = None,  # noqa: A002 the wire's word
    output: str | None = None,
    feature: str | None = None,
) -> str | None:
    """Add the texts of an output that was captured without them, as with a stream whose end is known later.

    Cut at 64 KiB of UTF-8 each. Returns the event's id; None when nothing was captured, as with `text="never"`.
    """
    return _current().add_text(about, input=input, output=output, feature=feature)


def from_openai(response: object) -> OutputFields:
    """What a response of OpenAI's Chat Completions or Responses API says about its output, as fields to pass on.

    `heedback.output("invoice-summary", output=text, **heedback.from_openai(response))`, or `out.set(**…)`. It takes the
    package's objects, the last chunk of a stream, look-alikes of other vendors, or the JSON; openai is not imported.

    Returns:
        Those of `response_model`, `response_id`, `system_fingerprint`, `input_tokens`, `output_tokens` and
        `finish_reasons` that the response tells; nothing when disabled, or for another object: logged once, counted
        in `stats()` as `left_out`.

    Raises:
        UsageError: only with `init(strict=True)`, for another object.
    """
    return _current().from_openai(response)


def rate(
    about: About | None = None,
    rating: Thumb | EllipsisType | None = ...,
    *,
    stars: int | EllipsisType = ...,
    score: float | EllipsisType = ...,
    **fields: Unpack[FeedbackFields],
) -> str | None:
    """Capture what one person says about one output: `rate(out, "down", comment="…")`, `rate(out, stars=4)`.

    It is a patch: what is not given stays as that person left it, and the latest word on each field counts.

    Args:
        about: an Output, or an output's id (text or a UUID) with `feature=`; left away with `trace_id=`, `response_id=`
            or `join_key=`.
        rating: "up" or "down"; None takes the rating back.
        stars: 1 to 5, instead of a thumb.
        score: 0.0 to 1.0, instead of a thumb.
        **fields: see `FeedbackFields`.

    Returns:
        The event's id; None when nothing was captured (disabled, or wrong use: logged once, counted in `stats()`).

    Raises:
        UsageError: only with `init(strict=True)`.
    """
    return (_client or _current())._rate(about, rating, stars, score, fields)


def flag(about: About | None = None, *, on: bool = True, **fields: Unpack[FeedbackFields]) -> str | None:
    """Report an output as harmful; `on=False` takes the flag back. Harm is not dislike: the rating stays as it is.

    `reasons` are of the flag's own list (`heedback.REASONS["flag"]`). Returns and raises as `rate`.
    """
    return _current().flag(about, on=on, **fields)


def correct(about: About | None, text: str | None, **fields: Unpack[FeedbackFields]) -> str | None:
    """Say what the output should have been, at most 32 768 characters; None takes that back. As `rate` else."""
    return _current().correct(about, text, **fields)


def retract(about: About | None = None, **fields: Unpack[FeedbackFields]) -> str | None:
    """Take back everything this person said about this output until now. Returns and raises as `rate`."""
    return _current().retract(about, **fields)


def signal(about: About, name: str, value: float | None = None, **fields: Unpack[SignalFields]) -> str | None:
    """Capture implicit evidence on an output: one of `heedback.SIGNALS`, with a number from 0 up where there is one.

    Returns and raises as `rate`.
    """
    return _current().signal(about, name, value, **fields)


def ticket(about: Output | Tracked, *, may: Sequence[str] | None = None, seconds: int | None = None) -> str:
    """What lets a browser write and read the user's feedback on this output, and nothing else.

    Args:
        about: the output; its user, if any, is the one the ticket speaks for.
        may: some of "read", "rate", "flag", "correct", "signal"; all of them by default.
        seconds: how long it holds, a week by default.

    Returns:
        A URL-safe text signed with the key's secret; "" when the client is disabled.
    """
    return _current().ticket(about, may=may, seconds=seconds)


def open_ticket(text: str) -> Ticket:
    """What is in a ticket that this client made, when a browser brings it back.

    Raises:
        TicketError: `reason` is `malformed`, `forged`, `expired`, `foreign`: another key made it, or the client is
            disabled, or `revoked`: the service said, in the last five minutes, that the key opens nothing.
    """
    return _current().open_ticket(text)


def forward(event: Mapping[str, Any]) -> str | None:
    """Keep an event that was made elsewhere, as by the widget in a browser: as it is on the wire, under its own id.

    Its comment and correction are redacted and cut as those of any call; the rest has to be right already. The same id
    twice is stored once.

    Returns:
        The event's id; None when it was not kept.

    Raises:
        UsageError: only with `init(strict=True)`; it lacks `type`, `id`, `occurred_at` or `feature`.
    """
    return _current().forward(event)


def state(ticket: str) -> dict[str, Any] | None:
    """What the service knows that a ticket's person said about its output, as the widget shows it.

    Waits for the service: a second for the connection, two for the answer. After no answer nobody waits for ten
    seconds.

    Returns:
        The answer of `POST /v1/widget/state`; None when there is none, or the client is disabled.
    """
    return _current().state(ticket)


def start() -> None:
    """Start sending now what earlier processes left behind, without waiting for the first capture."""
    _current().start()


def flush(timeout: float = 10.0) -> bool:
    """Send what was captured until now. Whether all of it was settled within `timeout` seconds; True when disabled.

    False at once where the service may not be asked within that time, as after it refused the key.
    """
    return _current().flush(timeout)


def close(timeout: float = 3.0) -> None:
    """Send what can be sent at once, within `timeout` seconds, and end. What is left waits in the spool.

    Calls after it capture nothing, until `init` is called again.
    """
    _current().close(timeout)


def stats() -> dict[str, Any]:
    """What this process captured and delivered, what it dropped and why, and how the spool stands.

    `enabled`, `captured`, `delivered`, `duplicates`, `rejected`, `dropped` (by reason), `left_out` (by field),
    `problem` (the latest, until delivery works again), `spool` ("file", "memory", "closed"), `spool_path`, `pending`,
    `aside` (of the pending, those the service broke down on), `dead`, `held` (texts that wait for a rating), `bytes`.
    """
    return _current().stats()


def _current() -> Client:
    """The client `init` made, else one from the environment, made at the first call."""
    global _client
    if _client is None:
        with _choosing:
            if _client is None:
                make = _loaded()
                if make is None:
                    return _Nobody()  # type: ignore[return-value]
                url, key, options = _asked
                _client = make(url, key, **options)
                _Nobody.settle(_client)
    return _client


def _loaded() -> Callable[..., Client] | None:
    """What makes a client; None while its modules cannot be read, as when no file descriptor is left."""
    try:
        from heedback.client import Client
    except Exception as error:
        _Nobody.say(f"{type(error).__name__}: {error}")
        return None
    return Client


class _Nobody:
    """Client and output in one while there can be neither: calls are quiet, and what they do not capture is counted."""

    enabled = False
    missed = 0
    said, unsaid = False, ""
    _captures = frozenset(
        ("output", "track", "add_text", "_rate", "flag", "correct", "retract", "signal", "forward", "rate")
    )

    def __init__(self, feature: str = "", **fields: object) -> None:
        digits = os.urandom(16).hex()
        self.id = f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-8{digits[17:20]}-{digits[20:]}"
        self.feature = feature
        self.user = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._captures:
            _Nobody.missed += 1
        if name in ("output", "track"):
            return _Nobody
        return lambda *args, **fields: {"ticket": "", "flush": False, "from_openai": {}}.get(name)

    def __enter__(self) -> _Nobody:
        return self

    def __exit__(self, *error: object) -> None:
        """The host's error goes on its way."""

    def open_ticket(self, text: str) -> Ticket:
        from heedback.errors import TicketError

        raise TicketError("foreign")

    def stats(self) -> dict[str, Any]:
        counts = dict.fromkeys(("captured", "delivered", "duplicates", "rejected", "pending", "aside", "dead"), 0)
        told = {"dropped": {"internal": _Nobody.missed}, "left_out": {}, "problem": "its modules cannot be loaded"}
        return {"enabled": False, **counts, **told, "spool": "closed", "spool_path": None, "held": 0, "bytes": 0}

    @staticmethod
    def say(why: str) -> None:
        """Once, as soon as there is a log to say it in."""
        try:
            import logging
        except Exception:
            _Nobody.unsaid = why
        else:
            if not _Nobody.said:
                logging.getLogger("heedback").warning("heedback: a call failed, %s", why)
            _Nobody.said, _Nobody.unsaid = True, ""

    @staticmethod
    def settle(client: Client) -> None:
        """What nobody captured is the new client's to count and to tell."""
        missed, _Nobody.missed = _Nobody.missed, 0
        if _Nobody.unsaid:
            _Nobody.say(_Nobody.unsaid)
        if missed and client.enabled:
            client._drop("internal", missed)
        _Nobody.said = False


def _replace(client: Client | None) -> Client | None:
    """Make `client` the one of this process; returns the former."""
    global _client
    with _choosing:
        former, _client = _client, client
    return former
