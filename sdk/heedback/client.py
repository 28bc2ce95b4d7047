"""The client: public calls become events, events go to the pipeline, and nothing is ever raised into the host."""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import EllipsisType
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar, Union, Unpack

from heedback import events, plain, providers, redaction, shapes
from heedback.ending import EXIT_SECONDS
from heedback.errors import ConfigurationError, HeedbackError, TicketError, UsageError
from heedback.fields import FeedbackFields, OutputFields, SignalFields
from heedback.ids import Stamps, nanoseconds, uuid7
from heedback.limits import TICKET_SECONDS
from heedback.options import Options, Phones, Redact, Text, check_seams, pseudonyms, resolve
from heedback.outputs import Output, Tracked
from heedback.pipeline import CLOSED_FACTS, Pipeline, Plan
from heedback.place import default_path
from heedback.shapes import Policy
from heedback.spool import MAX_AGE_DAYS, MAX_BYTES, MAX_EVENTS, Synchronous
from heedback.tally import Tally
from heedback.transport import HttpTransport, Transport

if TYPE_CHECKING:
    from uuid import UUID

    from heedback.browser import Window
    from heedback.tickets import Ticket

About = Union[Output, Tracked, str, "UUID"]  # quoted: uuid is costly to import
Thumb = Literal["up", "down"]

T = TypeVar("T")

WITHHELD: Final = "[withheld]"
_LONGEST_TICKET: Final = 10 * 366 * 24 * 3600
_LONGEST_WAIT: Final = 24 * 3600.0


class Client:
    """Captures outputs and feedback, keeps them on disk, delivers them in the background.

    Arguments are those of `heedback.init`, which keeps one client for the whole process. Nothing is opened and no
    thread started before the first capture or `start()`. The last five arguments are for tests: `transport` stands in
    for the network, `clock` gives nanoseconds since 1970, `new_id` makes an id from them, `jitter` a part of a number.

    Raises:
        ConfigurationError: with `strict`, when an argument cannot be used; otherwise it is logged, and the client is
            disabled.
    """

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        spool: str | os.PathLike[str] | None = None,
        user_key: str | None = None,
        environment: str | None = None,
        app_version: str | None = None,
        redact: Redact = True,
        phones: Phones = False,
        text: Text = "always",
        disabled: bool = False,
        strict: bool = False,
        max_events: int = MAX_EVENTS,
        max_bytes: int = MAX_BYTES,
        max_age_days: float = MAX_AGE_DAYS,
        synchronous: Synchronous = "normal",
        on_sigterm: bool = True,
        transport: Transport | None = None,
        clock: Callable[[], int] = time.time_ns,
        stopwatch: Callable[[], int] = time.perf_counter_ns,
        new_id: Callable[[int], str] = uuid7,
        jitter: Callable[[float], float] = lambda top: random.uniform(0.0, top),  # noqa: S311 not a secret
    ) -> None:
        self._tally = Tally()
        self._strict = strict
        self._clock = clock
        self._stopwatch = stopwatch
        self._new_id = new_id
        self._jitter = jitter
        self._stamps = Stamps()
        self._options: Options | None = None
        self._holding: Policy | None = None
        self._browsers: Window | None = None
        try:
            self._options = None if disabled is True else resolve(
                url, key, spool=spool, user_key=user_key, environment=environment, app_version=app_version,
                redact=redact, phones=phones, text=text, disabled=disabled, strict=strict, max_events=max_events,
                max_bytes=max_bytes, max_age_days=max_age_days, synchronous=synchronous, on_sigterm=on_sigterm,
            )  # fmt: skip
            if self._options is not None:
                check_seams(transport, clock=clock, stopwatch=stopwatch, new_id=new_id, jitter=jitter)
        except Exception as error:
            if not isinstance(error, ConfigurationError):
                error = ConfigurationError(f"a setting cannot be read ({type(error).__name__})")
            self._options = None
            if strict is True:
                raise error from None
            self._tally.warn("configuration", f"{error}; nothing is captured")
        if self._options is None:
            self._clock, self._stopwatch, self._new_id = time.time_ns, time.perf_counter_ns, uuid7
        else:
            self._set_up(self._options, transport)

    def _set_up(self, options: Options, transport: Transport | None) -> None:
        self._redactor = None if options.redact is False else redaction.VERSION
        self._defaults = {"environment": options.environment, "app_version": options.app_version}
        self._policy = Policy(
            redact=self._redaction(options.redact, options.phones),
            keep_text=options.text == "always",
            pseudonym=pseudonyms(options, self._tally.warn),
            left_out=self._leave_out,
        )
        if options.text == "rated":
            self._holding = replace(self._policy, keep_text=True)
        plan = Plan(
            path=options.spool or default_path(options.url, options.kid),
            bounds={
                "max_events": options.max_events,
                "max_bytes": options.max_bytes,
                "max_age_days": options.max_age_days,
                "synchronous": options.synchronous,
            },
            transport=lambda: transport or HttpTransport(options.url, options.key),
            clock=self._clock,
            jitter=self._jitter,
            on_sigterm=options.on_sigterm,
        )
        self._pipeline = Pipeline(plan, self._tally)

    @property
    def enabled(self) -> bool:
        """Whether calls capture anything: a URL and a key are there, and nothing said `disabled`."""
        return self._options is not None

    def output(self, feature: str, **fields: Unpack[OutputFields]) -> Output:
        """See `heedback.output`."""
        shown = self._shown(feature, fields)
        self._capture_output(shown, self._given(fields))
        return shown

    def track(self, feature: str, **fields: Unpack[OutputFields]) -> Tracked:
        """See `heedback.track`."""
        shown, given = self._shown(feature, fields), self._given(fields)
        return Tracked(shown, given, self._capture_output, self._person, self._stopwatch)

    def from_openai(self, response: object) -> OutputFields:
        """See `heedback.from_openai`."""
        if self._options is None:
            return {}
        try:
            return providers.openai_fields(response)
        except Exception:
            self._leave_out(UsageError("from_openai", providers.NO_RESPONSE, response))
            return {}

    def add_text(
        self,
        about: About,
        *,
        input: str | None = None,  # noqa: A002 the wire's word
        output: str | None = None,
        feature: str | None = None,
    ) -> str | None:
        """See `heedback.add_text`."""
        texts: dict[str, Any] = {"input": input, "output": output}
        if self._options is not None and self._holding is not None:
            return self._hold(about, feature, texts, self._holding)
        return self._capture(texts, events.output_text, about, feature)

    def rate(
        self,
        about: About | None = None,
        rating: Thumb | EllipsisType | None = ...,
        *,
        stars: int | EllipsisType = ...,
        score: float | EllipsisType = ...,
        **fields: Unpack[FeedbackFields],
    ) -> str | None:
        """See `heedback.rate`."""
        return self._rate(about, rating, stars, score, fields)

    def _rate(
        self,
        about: About | None,
        rating: Thumb | EllipsisType | None,
        stars: int | EllipsisType,
        score: float | EllipsisType,
        fields: FeedbackFields,
    ) -> str | None:
        """For `heedback.rate` too: taking fields apart and together again for another call would cost a tenth."""
        make = plain.rating if self._holding is None else events.rating  # a text that is held goes with the event
        return self._capture(fields, make, about, rating, stars, score)

    def flag(self, about: About | None = None, *, on: bool = True, **fields: Unpack[FeedbackFields]) -> str | None:
        """See `heedback.flag`."""
        return self._capture(fields, events.flag, about, on)

    def correct(self, about: About | None, text: str | None, **fields: Unpack[FeedbackFields]) -> str | None:
        """See `heedback.correct`."""
        fields["correction"] = text
        return self._capture(fields, events.correction, about)

    def retract(self, about: About | None = None, **fields: Unpack[FeedbackFields]) -> str | None:
        """See `heedback.retract`."""
        return self._capture(fields, events.retraction, about)

    def signal(self, about: About, name: str, value: float | None = None, **fields: Unpack[SignalFields]) -> str | None:
        """See `heedback.signal`."""
        return self._capture(fields, events.signal, about, name, value)

    def ticket(self, about: Output | Tracked, *, may: Sequence[str] | None = None, seconds: int | None = None) -> str:
        """See `heedback.ticket`."""
        if self._options is None:
            return ""
        try:
            from heedback import tickets

            if not isinstance(about, Output | Tracked):
                raise UsageError("about", "takes an Output, which knows its feature and user", about)
            verbs = tickets.MAY if may is None else may
            if not isinstance(verbs, shapes.LISTS) or not verbs:
                raise UsageError("may", f"takes a list of some of {', '.join(tickets.MAY)}", may)
            for stranger in (verb for verb in verbs if verb not in tickets.MAY):
                raise UsageError("may", f"takes only {', '.join(tickets.MAY)} in its list", stranger)
            seconds = TICKET_SECONDS if seconds is None else seconds
            if not isinstance(seconds, int) or isinstance(seconds, bool) or not 1 <= seconds <= _LONGEST_TICKET:
                raise UsageError("seconds", f"takes a whole number from 1 to {_LONGEST_TICKET:,}", seconds)
            ends = self._clock() // 1_000_000_000 + seconds
            # Whoever makes an Output by hand may give it their own id of the person: that never leaves the process.
            user = None if about.user is None else shapes.user("user", about.user, self._policy)
            its_id, feature = events.checked_id(about.id, about), events.checked_feature(about.feature)
            ticket = tickets.Ticket(self._options.kid, its_id, feature, user, tuple(verbs), ends)
            return tickets.sign(ticket, tickets.ticket_key(self._options.secret))
        except Exception as error:
            self._failed(error)
            return ""

    def open_ticket(self, text: str) -> Ticket:
        """See `heedback.open_ticket`."""
        window = self._window()
        if window is None:
            raise TicketError("foreign")
        return window.ticket(text, self._clock() / 1e9)

    def forward(self, event: Mapping[str, Any]) -> str | None:
        """See `heedback.forward`."""
        if self._options is None:
            return None
        try:
            ready, at = events.forwarded(event, self._policy), self._clock() / 1e9
            dear = ready["type"] == "feedback"
            kept = self._pipeline.put(events.encode_whole(ready), dear, self._redactor, at)
            if not kept:
                return None
            self._tally.count("captured")
            self._want(ready, dear, at)
            return str(ready["id"])
        except Exception as error:
            self._failed(error)
            return None

    def state(self, ticket: str) -> dict[str, Any] | None:
        """See `heedback.state`."""
        return self._calmly(lambda: None if (window := self._window()) is None else window.state(ticket))

    def start(self) -> None:
        """See `heedback.start`."""
        self._calmly(lambda: self._pipeline.start())

    def flush(self, timeout: float = 10.0) -> bool:
        """See `heedback.flush`."""
        if self._options is None:
            return True
        seconds = self._seconds(timeout, 10.0)
        return self._calmly(lambda: self._pipeline.flush(seconds)) is True

    def close(self, timeout: float = EXIT_SECONDS) -> None:
        """See `heedback.close`."""
        if self._options is not None:
            seconds = self._seconds(timeout, EXIT_SECONDS)
            self._pipeline.closed_by_app = True
            self._calmly(lambda: self._pipeline.close(seconds))

    def stats(self) -> dict[str, Any]:
        """See `heedback.stats`."""
        spool = self._calmly(lambda: self._pipeline.facts())
        return {"enabled": self.enabled} | self._tally.facts() | (spool or CLOSED_FACTS)

    def _window(self) -> Window | None:
        if self._browsers is None and self._options is not None:
            from heedback.browser import Window

            self._browsers = Window(self._options, self._tally)
        return self._browsers

    def _shown(self, feature: str, fields: OutputFields) -> Output:
        return Output(self._new_id(self._clock()), feature, self._person(fields.get("user")), self)

    def _person(self, user: object) -> str | None:
        """Their pseudonym; None of nobody, and of what is no id of a person: that the event tells."""
        if user is not None and self._options is not None:
            with contextlib.suppress(Exception):
                return shapes.user("user", user, self._policy)
        return None

    def _given(self, fields: OutputFields) -> dict[str, Any]:
        """What the call says, with the span it was made in unless it names a trace itself."""
        given = {name: value for name, value in fields.items() if value is not None}
        if self._options is not None and given.keys().isdisjoint(("trace_id", "span_id")):
            given |= providers.current_span()
        return given

    def _capture_output(self, shown: Output, fields: dict[str, Any]) -> None:
        if self._options is None:
            return
        kept = self._capture(self._defaults | fields, events.output, shown.feature, event_id=shown.id)
        if kept is not None and self._holding is not None:
            self._hold(shown, None, {key: fields.get(key) for key in ("input", "output")}, self._holding)

    def _hold(self, about: About, feature: str | None, texts: dict[str, str | None], policy: Policy) -> str | None:
        """Texts stay in the spool until their output is rated; the id of the event they will be."""
        try:
            event = events.output_text(about, feature, texts, policy)
            if event is not None:
                now = self._clock()
                event_id = self._new_id(now)
                body = events.encode(event_id, self._stamps.of(now), event)
                if self._pipeline.hold(event["output_id"], body, self._redactor, now / 1e9):
                    return event_id
        except Exception as error:
            self._failed(error)
        return None

    def _capture(
        self, fields: Any, make: Callable[..., events.Event | str | None], *said: Any, event_id: str | None = None
    ) -> str | None:
        """The id of the event that `make` made and the spool took, or None. Never raises, unless strict.

        The host's thread is in here: calls within calls are what it would cost.
        """
        if self._options is None:
            return None
        try:
            occurred_at = fields.pop("occurred_at", None)
            event = make(*said, fields, self._policy)
            if event is None:
                return None
            now = self._clock()
            event_id = event_id or self._new_id(now)
            stamp = self._stamps.of(now if occurred_at is None else nanoseconds(occurred_at))
            dear = isinstance(event, str) or event["type"] == "feedback"
            if not self._pipeline.put(events.encode(event_id, stamp, event), dear, self._redactor, now / 1e9):
                return None
            self._tally.count("captured")
            if self._holding is not None:
                self._want(event, dear, now / 1e9)
            return event_id
        except Exception as error:
            self._failed(error)
            return None

    def _want(self, event: Any, dear: bool, at: float) -> None:
        """The texts of the output that was rated, if they are held."""
        if self._holding is None or not dear or "retracted" in event:
            return
        its_id = event.get("output_id")
        if isinstance(its_id, str):  # one that was forwarded may be anything: the service judges it
            self._pipeline.want(its_id.lower(), at)

    def _failed(self, error: Exception) -> None:
        """A call that captured nothing: raised when strict, else said once and counted."""
        if self._strict:
            if isinstance(error, HeedbackError):
                raise error
            raise HeedbackError(f"a call failed, {type(error).__name__}: {error}") from error
        if isinstance(error, UsageError):
            self._tally.warn(f"usage {error.field}", f"a call was dropped, {error}")
            self._drop("invalid")
        else:
            self._tally.warn(f"internal {type(error).__name__}", f"a call failed, {type(error).__name__}: {error}")
            self._drop("internal")

    def _seconds(self, timeout: object, otherwise: float) -> float:
        """How long to wait; what is not a number is said and counted, and the usual time waited."""
        if isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout == timeout:  # NaN is not
            return min(max(timeout, 0.0), _LONGEST_WAIT)
        self._leave_out(UsageError("timeout", "takes a number of seconds", timeout))
        return otherwise

    def _leave_out(self, error: UsageError) -> None:
        if self._options is None:
            return
        if self._strict:
            raise error
        field = self._tally.leave_out(error.field)
        self._tally.warn(f"left out {field}", f"a field was left out, {error}")

    def _drop(self, reason: str, n: int = 1) -> None:
        with contextlib.suppress(Exception):
            self._pipeline.drop(reason, n)

    def _calmly(self, act: Callable[[], T]) -> T | None:
        if self._options is None:
            return None
        try:
            return act()
        except Exception as error:
            self._tally.warn(f"internal {type(error).__name__}", f"a call failed, {type(error).__name__}: {error}")
            return None

    def _redaction(self, redact: Redact, phones: Phones) -> Callable[[str], str]:
        """The rules, then the host's own; a text that the host's own fails on is withheld, not sent as it was."""
        rules: Callable[[str], str] = redaction.redact
        if phones:
            from heedback.phones import redactor

            rules = redactor(phones)
        if isinstance(redact, bool):
            return rules if redact else str

        def both(text: str) -> str:
            try:
                return shapes.clean(redact(rules(text)))
            except Exception as error:
                self._tally.warn("redact", f"the redact function failed, texts are withheld: {error!r}")
                return WITHHELD

        return both
