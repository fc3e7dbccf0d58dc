"""What a restored school begins with: every room under another epoch, so that whoever has a copy of its log drops it,
and nobody connected, as after the end of all workers. How the rows came back is the operator's side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, exists, select, update

from chatapp.contract import ids
from chatapp.contract.words import Act
from chatapp.db import Transaction
from chatapp.domain import audit
from chatapp.models import Lease, Presence, Room, SignIn, Ticket, Worker


@dataclass(frozen=True, slots=True)
class Standing:
    """What became of a session up to the moment of the restore."""

    id: str
    refresh_id: str
    last_seen_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


def sessions_now(tx: Transaction) -> list[Standing]:
    """The sessions of the school that is about to be replaced."""
    columns = (SignIn.id, SignIn.refresh_id, SignIn.last_seen_at, SignIn.expires_at, SignIn.revoked_at)
    return [Standing(*row) for row in tx.session.execute(select(*columns))]


def begin_anew(tx: Transaction, before: Iterable[Standing], *, made_at: str) -> None:
    """Make a school out of restored rows, in the transaction that brought them. `before` are the sessions that stood
    until then: who signed out, or was signed out, since the backup stays out. `made_at` is the backup's time.

    The workers' leases are gone, so each worker stops serving at its next beat and begins anew; a host who was here
    when the backup was made is away until they enter again.
    """
    session = tx.session
    session.execute(update(Room).values(epoch=ids.new_id(), version=Room.version + 1))
    hosts_visit = exists().where(Presence.room_id == Room.id, Presence.user_id == Room.host_id)
    here = (Room.closed_at.is_(None), Room.host_absent_since.is_(None), hosts_visit)
    session.execute(
        update(Room).where(*here).values(host_absence=Room.host_absence + 1, host_absent_since=tx.moment),
        execution_options={"synchronize_session": False},
    )
    for table in (Presence, Worker, Ticket, Lease):
        session.execute(delete(table))
    _keep_out(tx, list(before))
    audit.record(tx, None, Act.SCHOOL_RESTORED, made_at=made_at)


def _keep_out(tx: Transaction, before: list[Standing]) -> None:
    """A session ends as it would have: what a backup remembers of it is older than what is known."""
    if not before:
        return  # an empty database: there is nothing that could know better
    known = {standing.id: standing for standing in before}
    for row in tx.session.scalars(select(SignIn)):
        standing = known.get(row.id)
        if standing is None:
            row.revoked_at = row.revoked_at or tx.moment
            continue
        row.refresh_id, row.last_seen_at = standing.refresh_id, standing.last_seen_at
        row.expires_at, row.revoked_at = standing.expires_at, standing.revoked_at
