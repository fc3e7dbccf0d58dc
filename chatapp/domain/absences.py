"""Absences of hosts: how one begins, is told, ends, and closes the room.

An absence begins when the host's last live visit ends, and has a number, so that nobody closes the room for another
absence than the one watched. Watching is `realtime.leases`; deciding is here. No wall clock decides anything.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from chatapp.contract.words import CloseReason, SystemCode
from chatapp.db import Transaction, now, transaction
from chatapp.domain import access, closing, log, policy, views
from chatapp.models import Room, User

AT_ONCE_BELOW = 10
"""With a grace time below this many seconds an absence is told at once."""


def begin(tx: Transaction, room: Room, *, seen: bool) -> None:
    """The host's last live visit has ended: an absence begins."""
    room.host_absence += 1
    room.host_absent_since = now()
    if room.host_grace_seconds == 0 and seen:
        closing.close(tx, room, CloseReason.HOST_GONE, by=None)
    elif room.host_grace_seconds < AT_ONCE_BELOW:
        _tell(tx, room, now() + timedelta(seconds=room.host_grace_seconds))


def end(tx: Transaction, room: Room) -> None:
    """An absence ends; it leaves a line only if its beginning left one."""
    room.host_absent_since = None
    room.closes_at = None
    if room.away_told:
        room.away_told = False
        log.append(tx, room, SystemCode.HOST_BACK, user=views.user(tx.session.get_one(User, room.host_id)))
        log.room_changed(tx, room)


def tell_away(*, room_id: str, absence: int, closes_in: float) -> None:
    """Put `host_away` into the log, if that very absence still lasts. `closes_in` is in seconds from now, however long
    the room's lock keeps this waiting."""
    closes_at = now() + timedelta(seconds=closes_in)
    with transaction() as tx:
        room = access.lock_room(tx.session, room_id)
        if _lasts(room, absence) and not room.away_told:
            _tell(tx, room, closes_at)


def postpone(*, room_id: str, absence: int, closes_in: float) -> None:
    """Move the announced closing to a later moment; it is never moved to an earlier one."""
    moment = now() + timedelta(seconds=closes_in)
    with transaction() as tx:
        room = access.lock_room(tx.session, room_id)
        if _lasts(room, absence) and room.away_told and room.closes_at is not None and room.closes_at < moment:
            room.closes_at = moment
            log.room_changed(tx, room)


def close_abandoned(*, room_id: str, absence: int) -> bool:
    """Close a room whose host has been gone for the whole grace time of that very absence. Whether this call did."""
    with transaction() as tx:
        room = access.lock_room(tx.session, room_id)
        if not _lasts(room, absence):
            return False
        closing.close(tx, room, CloseReason.HOST_GONE, by=None)
        return True


def _tell(tx: Transaction, room: Room, closes_at: datetime) -> None:
    host = tx.session.get_one(User, room.host_id)
    room.away_told = True
    room.closes_at = closes_at
    closes_in = max(0.0, (closes_at - now()).total_seconds())
    params = {"user": views.user(host), "closes_at": views.instant(room.closes_at), "closes_in": round(closes_in, 1)}
    log.append(tx, room, SystemCode.HOST_AWAY, **params)
    log.room_changed(tx, room)


def _lasts(room: Room, absence: int) -> bool:
    return policy.host_is_absent(room) and room.host_absence == absence
