"""Sending: one daemon thread takes leases from the spool, sends them, and rests as long as the answer says."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from heedback.errors import told
from heedback.ids import Stamps
from heedback.lease import Lease, Spool
from heedback.limits import BATCH_EVENTS
from heedback.tally import Tally
from heedback.transport import Batch, Delivered, Outcome, Rejected, RetryAfter, Transport

LINGER_SECONDS: Final = 0.2  # after a capture, so that what a person's click brings about travels together
_BREATH_SECONDS: Final = 0.005  # between two batches: the interpreter is the host's
_LONG_BREATH_SECONDS: Final = 0.035  # while the host goes on capturing, which each batch holds up
IDLE_SECONDS: Final = 30.0  # then the spool is looked at anyway: leases of other processes may have ended
_FLUSH_LOOK_SECONDS: Final = 0.01
_FLUSH_HURRY_SECONDS: Final = 0.25
_SHORTEST_REST: Final = 0.1
_LONGEST_REST: Final = 24 * 3600.0
_BACKOFF_BASE: Final = 1.0
_BACKOFF_TOP: Final = 60.0
_BREAK_AFTER: Final = 5  # failures in a row: then nothing asks before the rest is over, no flush and no exit
_STRIKES: Final = 3  # times in a row that the batch may be the reason: then it is put aside, and the next one tried
_ASIDE_BASE: Final = 15.0
_ASIDE_TOP: Final = 600.0
_TOLD: Final = 500  # characters of the service's reasons in the log; all of them are with the dead


class Sender:
    """`step()` is the whole of delivery and may be called by itself; the thread only calls it again and again."""

    def __init__(
        self,
        spool: Spool,
        transport: Transport,
        tally: Tally,
        *,
        clock: Callable[[], int],
        jitter: Callable[[float], float],
        linger: float = LINGER_SECONDS,
    ) -> None:
        self._spool = spool
        self._transport = transport
        self._tally = tally
        self._clock = clock
        self._jitter = jitter
        self._linger = linger
        self._stamps = Stamps()
        self._batch_events = BATCH_EVENTS
        self._failures = 0  # in a row
        self._failed = 0  # ever
        self._strikes = 0
        self._idle = False
        self._held_until = 0.0  # monotonic: the service said when to come back, or the circuit is open
        self._turn = threading.Condition()
        self.woken = self._hurry = self._stopping = False
        self._last_mark: Any = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="heedback-sender", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Something was captured; needless where the thread knows already, and is `woken`."""
        with self._turn:
            self.woken = True
            self._turn.notify_all()

    def flush(self, timeout: float) -> bool:
        """Send now what was captured until now; whether all of it was settled within `timeout` seconds.

        False at once where nobody may ask the service within that time.
        """
        mark, deadline = self._spool.last(), time.monotonic() + timeout
        hurry_at, failed = 0.0, self._failed
        while self._spool.waiting(mark):
            now = time.monotonic()
            if max(now, self._held_until) >= deadline:  # before then nothing may be asked
                return False
            # A service in trouble is asked once; rows that another process held may come free at any time.
            if now >= hurry_at and self._failed == failed:
                self._hurry_up()
                hurry_at = now + _FLUSH_HURRY_SECONDS
            time.sleep(min(deadline - now, _FLUSH_LOOK_SECONDS))
        return True

    def _hurry_up(self) -> None:
        with self._turn:
            self._hurry = True
            self._turn.notify_all()

    def stop(self, timeout: float) -> bool:
        """Send what can be sent at once, then end; whether the thread ended within `timeout` seconds."""
        with self._turn:
            self._stopping = True
            self._turn.notify_all()
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def step(self) -> float:
        """Send one batch. Returns the seconds to rest: 0 when there may be more to do at once."""
        self._idle = False
        lease = self._spool.lease(self._batch_events, self._now())
        if lease is None:
            self._idle = True
            return IDLE_SECONDS
        try:
            outcome = understood(self._send(lease))
        except BaseException:
            self._spool.release(lease)
            raise
        match outcome:
            case Delivered():
                return self._settle(lease, outcome)
            case Rejected():
                return self._divide(lease, outcome)
            case RetryAfter():
                return self._back_off(lease, outcome)

    def _send(self, lease: Lease) -> Outcome:
        sent_at = self._stamps.of(self._clock())
        return self._transport.send(Batch(sent_at, lease.bodies, lease.redactor, lease.dropped))

    def _settle(self, lease: Lease, outcome: Delivered) -> float:
        rejected = {place: reasons for place, reasons in outcome.rejected.items() if 0 <= place < len(lease.seqs)}
        try:
            self._spool.settle(lease, rejected, self._now())
        except BaseException:
            self._spool.release(lease)
            raise
        self._tally.count("delivered", len(lease.seqs) - len(rejected))
        self._tally.count("duplicates", outcome.duplicates)
        self._tally.healed()
        self._failures = self._strikes = 0
        # Slowly, after a division: what refused larger batches mostly still does.
        self._batch_events = min(BATCH_EVENTS, self._batch_events + self._batch_events // 4 + 1)
        for reasons in rejected.values():
            self._reject(reasons)
        return 0.0

    def _divide(self, lease: Lease, refused: Rejected) -> float:
        """A refused batch is tried in halves, until the event that spoils it stands alone and can be put away."""
        if len(lease.seqs) > 1:
            self._spool.release(lease)
            self._batch_events = len(lease.seqs) // 2
        elif refused.by_service:
            self._spool.settle(lease, {0: refused.reasons}, self._now(), told=False)
            self._reject(refused.reasons)
        else:
            self._put_aside(lease)
            self._tally.warn("too large", f"something on the way takes no event of this size: {refused.reasons}")
            return self._rest_after_failure()
        return 0.0

    def _back_off(self, lease: Lease, outcome: RetryAfter) -> float:
        """Exponential, with full jitter, unless the service said how long."""
        self._give_back(lease, outcome.failed)
        if outcome.revoked:
            self._tally.key_refused()
        if not lease.tries:  # else it was said, and others may arrive meanwhile
            self._tally.warn(f"delivery {outcome.why}", f"events wait, {outcome.why}")
        return self._rest_after_failure(outcome.seconds)

    def _give_back(self, lease: Lease, failed: bool) -> None:
        """A batch on which the service breaks down again and again may be the reason: then it makes way for the others,
        and comes back in halves and later each time, until the event that does it stands alone."""
        self._strikes += failed
        if failed and (lease.tries or self._strikes >= _STRIKES):
            self._strikes = 0
            self._put_aside(lease)
            self._tally.warn("aside", "a batch is refused again and again: it makes way, and is tried again in parts")
        else:
            self._spool.release(lease)

    def _put_aside(self, lease: Lease) -> None:
        wait = min(_ASIDE_TOP, _ASIDE_BASE * 2.0 ** min(lease.tries + 1, 10))
        self._spool.put_aside(lease, self._now() + wait)

    def _rest_after_failure(self, seconds: float | None = None) -> float:
        self._failures += 1
        self._failed += 1
        rest = seconds
        if rest is None:
            rest = self._jitter(min(_BACKOFF_TOP, _BACKOFF_BASE * 2.0 ** min(self._failures, 10)))
        rest = min(max(_SHORTEST_REST, rest), _LONGEST_REST)
        if seconds is not None or self._failures >= _BREAK_AFTER:
            self._held_until = time.monotonic() + rest
        return rest

    def _reject(self, reasons: str) -> None:
        self._tally.count("rejected")
        self._tally.warn("rejected", f"the service rejected an event, it is kept with the dead: {reasons[:_TOLD]}")

    def _run(self) -> None:
        while True:
            self.woken = False
            rest = self._guarded_step()
            if (rest > 0 and self._rest(rest)) or (self._stopping and self._is_through()):
                return
            capturing = self.woken and not (self._hurry or self._stopping)
            time.sleep(_LONG_BREATH_SECONDS if capturing else _BREATH_SECONDS)

    def _is_through(self) -> bool:
        """Whether all is settled that was there when it was told to end: others may capture for ever."""
        with contextlib.suppress(Exception):  # a sick file: the next step says so, and ends it
            if self._last_mark is None:
                self._last_mark = self._spool.last()
            return not self._spool.waiting(self._last_mark)
        return False

    def _guarded_step(self) -> float:
        try:
            return self.step()
        except Exception as error:
            self._tally.warn("delivery error", f"delivery failed: {type(error).__name__}: {error}")
            return self._rest_after_failure()

    def _rest(self, seconds: float) -> bool:
        """Wait for `seconds`, for a capture (when idle) or for a hurry; whether it is time to end."""
        idle = self._idle
        with self._turn:
            if self._stopping:
                return True
            self._turn.wait_for(lambda: self._called(idle), seconds)
            if idle and self.woken and not self._hurry:
                self._turn.wait_for(lambda: self._hurry or self._stopping, self._linger)
            self._hurry = False
            return self._stopping and time.monotonic() < self._held_until

    def _called(self, idle: bool) -> bool:
        if self._stopping:
            return True
        if time.monotonic() < self._held_until:
            return False
        return self._hurry or (idle and self.woken)

    def _now(self) -> float:
        return self._clock() / 1e9


def understood(answer: object) -> Outcome:
    """What a transport answered; of one that the host wrote it may be anything, and then the batch is sent again."""
    match answer:
        case Delivered(duplicates=int(), rejected=Mapping() as rejected):
            if all(isinstance(place, int) and isinstance(reasons, str) for place, reasons in rejected.items()):
                return answer
        case RetryAfter(seconds=None | int() | float()) | Rejected(reasons=str()):
            return answer
    return RetryAfter(why=f"the transport has to return a whole Delivered, RetryAfter or Rejected, not {told(answer)}")
