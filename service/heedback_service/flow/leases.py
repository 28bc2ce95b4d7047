"""Who works on what: one holder a name, until its lease runs out."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.orm import Session

from heedback_service.store.db import insert_into
from heedback_service.store.tables import Lease


def take(session: Session, name: str, holder: str, now: datetime, seconds: float) -> int | None:
    """Take or renew the lease on `name` for `seconds`; None while somebody else's is alive.

    Returns the fencing token. It grows at every change of holder, so that a worker which was thought dead can be told
    from the one that took over: check it in the WHERE of whatever is written under the lease.
    """
    until = now + timedelta(seconds=seconds)
    row = {"name": name, "holder": holder, "token": 1, "until": until}
    made = session.execute(insert_into(session, Lease).values(row).on_conflict_do_nothing().returning(Lease.token))
    token: int | None = made.scalar_one_or_none()
    if token is not None:
        return token
    renewed = update(Lease).where(Lease.name == name, Lease.holder == holder).values(until=until)
    taken_over = (
        update(Lease)
        .where(Lease.name == name, Lease.until <= now)
        .values(holder=holder, until=until, token=Lease.token + 1)
    )
    for claim in (renewed, taken_over):
        token = session.execute(claim.returning(Lease.token)).scalar_one_or_none()
        if token is not None:
            return token
    return None


def release(session: Session, name: str, holder: str, now: datetime) -> None:
    """Let others have it at once. The row stays, so that the token keeps growing."""
    session.execute(update(Lease).where(Lease.name == name, Lease.holder == holder).values(holder="", until=now))
