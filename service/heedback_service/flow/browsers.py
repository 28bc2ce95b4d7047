"""What a browser may do with the ticket that a host has signed: say something, and ask what was said."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zlib import crc32

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from heedback import tickets
from heedback.limits import EDITS_PER_FEEDBACK
from heedback.tickets import Ticket, TicketError
from heedback_service.core.ids import milliseconds, tamed, untimed
from heedback_service.core.moments import from_microseconds
from heedback_service.core.reference import about
from heedback_service.core.uuids import read_uuid
from heedback_service.flow.keys import Access
from heedback_service.flow.memory import Memory
from heedback_service.flow.sheet import END_USER, Key
from heedback_service.flow.untimed import as_stored
from heedback_service.store.db import Database
from heedback_service.store.direct import Direct, Line
from heedback_service.store.tables import ApiKey, ApiKeyIndex, Feedback, FeedbackEvent, Project, Signal
from heedback_widgets import refusals
from heedback_widgets.refusals import Refusal
from heedback_widgets.rules import Event

PATIENCE: Final = 2.0  # seconds to wait for another post of the same person about the same output
_LOCKS: Final = 64
_PLAIN: Final = ("flag_reasons", "reasons", "reasons_version", "comment", "correction")

_BY_KID: Final = Direct(
    lambda _: (
        select(ApiKey.project_id, Project.timezone, Project.origins, ApiKey.ticket_key, ApiKey.revoked_at)
        .join(ApiKeyIndex, (ApiKeyIndex.project_id == ApiKey.project_id) & (ApiKeyIndex.kid == ApiKey.kid))
        .join(Project, Project.id == ApiKey.project_id)
        .where(ApiKey.kid == bindparam("kid"))
    )
)
_MINE: Final = (
    Feedback.project_id == bindparam("project"),
    Feedback.subject == bindparam("subject"),
    Feedback.person_key == bindparam("person_key"),
    Feedback.source == bindparam("source"),
)
_SAID: Final = Direct(
    lambda _: (
        select(FeedbackEvent.id)
        .join(
            Feedback,
            (Feedback.project_id == FeedbackEvent.project_id) & (Feedback.id == FeedbackEvent.feedback_id),
        )
        .where(*_MINE)
    )
)
_HEARD: Final = Direct(
    lambda _: select(Signal.id, Signal.name).where(
        Signal.project_id == bindparam("project"),
        Signal.output_id == bindparam("output"),
        Signal.person.is_not_distinct_from(bindparam("person")),
    )
)


@dataclass(frozen=True, slots=True)
class Admitted:
    """A ticket that holds, and the pages that may use it straight from a browser."""

    ticket: Ticket
    output_id: UUID  # as it is stored
    access: Access
    origins: frozenset[str]

    @property
    def key(self) -> Key:
        return Key.of(about(self.output_id), self.ticket.user, END_USER)


def admitted(db: Database, text: str, now: datetime, memory: Memory) -> Admitted | Refusal:
    """What a ticket opens."""
    try:
        kid = tickets.kid_of(text)
        if not kid.isascii():  # PostgreSQL cannot even be asked for some
            return refusals.FOREIGN
        with db.read() as session:
            return _opened(Line(session.connection()), kid, text, now, memory)
    except TicketError as error:
        return refusals.OF_TICKETS[error.reason]


def _opened(line: Line, kid: str, text: str, now: datetime, memory: Memory) -> Admitted | Refusal:
    row = next(iter(_BY_KID.rows(line, kid=kid)), None)
    if row is None:
        return refusals.FOREIGN
    project_id, timezone, origins, ticket_key, revoked_at = row
    ticket = tickets.check(text, ticket_key, now=now.timestamp())
    try:
        output_id = tamed(read_uuid(ticket.output_id), at := milliseconds(now))
    except ValueError:
        return refusals.UNREADABLE
    if revoked_at is not None:
        return refusals.REVOKED
    output_id = as_stored(line, project_id, [output_id], at, memory).get(output_id, output_id)
    return Admitted(ticket, output_id, Access(kid, project_id, timezone), frozenset(origins or ()))


class Turns:
    """One person's posts about one output, one after the other: so their edits are counted exactly in this process.

    Others may share a turn by chance; between processes a few edits too many can get through.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.locks: Final = tuple(threading.Lock() for _ in range(_LOCKS))
        self.patience = patience

    @contextmanager
    def turn(self, whose: Admitted) -> Iterator[bool]:
        """Whether it is our turn; False when it did not come in time."""
        lock = self.locks[crc32(f"{whose.access.project_id} {whose.key}".encode()) % _LOCKS]
        if not lock.acquire(timeout=self.patience):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def within_limit(session: Session, whose: Admitted, events: Sequence[Event], now: datetime) -> list[bool]:
    """For each event whether it may be taken: it is known already, or there are fewer than 50 of its kind."""
    line, at = Line(session.connection()), milliseconds(now)
    known: dict[Any, set[UUID]] = {
        "feedback": _said(line, whose),
        "signal": {its_id for its_id, _ in _heard(line, whose)},
    }
    verdicts = []
    for event in events:
        ids, its_id = known[event["type"]], tamed(UUID(event["id"]), at)
        fits = its_id in ids or untimed(its_id) in ids or len(ids) < EDITS_PER_FEEDBACK
        if fits:
            ids.add(its_id)
        verdicts.append(fits)
    return verdicts


def state(session: Session, whose: Admitted) -> dict[str, Any]:
    """What the ticket's person has said about its output, as the widget shows it.

    Whoever has no name is nobody in particular: what another such person said is not theirs to read.
    """
    if whose.ticket.user is None:
        return {"known": False}
    line, key = Line(session.connection()), whose.key
    row = session.scalar(select(Feedback).where(*_MINE).params(project=whose.access.project_id, **_names(key)).limit(1))
    newest = max(map(tuple, row.stamps.values()), default=None) if row is not None else None
    return {
        "known": True,
        "feedback": {} if row is None else _words(row),
        "signals": sorted({name for _, name in _heard(line, whose)}),
        "at": None if newest is None else from_microseconds(newest[0]),
        "event_id": None if newest is None else UUID(newest[1]),
        "edits_left": max(0, EDITS_PER_FEEDBACK - len(_said(line, whose))),
    }


def _words(row: Feedback) -> dict[str, Any]:
    said: dict[str, Any] = {"flag": row.flag or None, **{name: getattr(row, name) for name in _PLAIN}}
    if row.rating_value is not None:
        whole = row.rating_value.is_integer()
        said["rating"] = {"value": int(row.rating_value) if whole else row.rating_value, "scale": row.rating_scale}
    return {name: value for name, value in said.items() if value is not None}


def _said(line: Line, whose: Admitted) -> set[UUID]:
    return {its_id for (its_id,) in _SAID.rows(line, project=whose.access.project_id, **_names(whose.key))}


def _heard(line: Line, whose: Admitted) -> list[tuple[UUID, str]]:
    about = {"project": whose.access.project_id, "output": whose.output_id, "person": whose.ticket.user}
    return [(its_id, name) for its_id, name in _HEARD.rows(line, **about)]


def _names(key: Key) -> dict[str, str]:
    return {"subject": key.subject, "person_key": key.person_key, "source": key.source}
