"""Leases: a process start is a worker, and its beat is its claim on the visits it holds.

No clock of another machine is ever compared with ours: who watches counts its own seconds. The watching is
`realtime.leases`; here is what is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select, update

from chatapp.contract import ids
from chatapp.db import database_now, now, reading, transaction
from chatapp.domain import visits
from chatapp.models import Presence, Room, Worker

CLOCK_TOLERANCE_SECONDS = 15.0
"""So much a worker's wall clock may differ from the database's. More, and it would take good tokens for bad."""


@dataclass(frozen=True, slots=True)
class Absence:
    """A host who is away from an open room. `closes_in` is in seconds, None before it is told."""

    room_id: str
    number: int
    grace_seconds: int
    told: bool
    closes_in: float | None


def clock_error() -> float:
    """Seconds by which this process's wall clock is ahead of the database's."""
    with reading() as session:
        theirs = database_now(session)
        return (now() - theirs).total_seconds()


def begin() -> str:
    """A new worker; its id."""
    worker_id = ids.new_id()
    with transaction() as tx:
        tx.session.add(Worker(id=worker_id, beat=0, dead=False, started_at=now()))
    return worker_id


def beat(worker_id: str) -> bool:
    """Renew the lease. False: it was taken away, and everything the worker held with it."""
    with transaction() as tx:
        alive = update(Worker).where(Worker.id == worker_id, ~Worker.dead).values(beat=Worker.beat + 1)
        return tx.session.execute(alive.returning(Worker.id)).scalar() is not None


def beats() -> dict[str, int]:
    """The beat of every worker that is not known to be dead."""
    with reading() as session:
        return {row.id: row.beat for row in session.execute(select(Worker.id, Worker.beat).where(~Worker.dead))}


def bury(worker_id: str) -> bool:
    """Take a dead worker's lease and end all it held. Whether this call did."""
    with transaction() as tx:
        rooms = (
            select(Room.id)
            .join(Presence, (Presence.room_id == Room.id) & (Presence.user_id == Room.host_id))
            .where(Presence.worker_id == worker_id)
        )
        hosted = sorted(set(tx.session.scalars(rooms)))
        tx.session.scalars(select(Room).where(Room.id.in_(hosted)).order_by(Room.id).with_for_update(key_share=True))
        # Stronger than the UPDATE's own lock: it waits for those who are just entering under this lease.
        mine = select(Worker.id).where(Worker.id == worker_id, ~Worker.dead).with_for_update()
        if tx.session.scalar(mine) is None:
            return False
        tx.session.execute(update(Worker).where(Worker.id == worker_id).values(dead=True))
        visits.bury(tx, worker_id)
        return True


def absences() -> list[Absence]:
    """Every absence of a host that lasts."""
    moment = now()
    with reading() as session:
        query = select(Room).where(Room.host_absent_since.is_not(None), Room.closed_at.is_(None))
        return [
            Absence(
                room.id,
                room.host_absence,
                room.host_grace_seconds,
                room.away_told,
                None if room.closes_at is None else (room.closes_at - moment).total_seconds(),
            )
            for room in session.scalars(query)
        ]
