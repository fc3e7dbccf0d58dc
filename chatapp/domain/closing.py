"""How a class ends, whoever ends it: in a transaction that has locked the open room. Opening again is `rooms`."""

from __future__ import annotations

from sqlalchemy import select

from chatapp.contract.words import Act, CloseReason, MemberState, NotificationKind, RequestStatus, SystemCode
from chatapp.db import Transaction
from chatapp.domain import audit, log, notifications
from chatapp.models import JoinRequest, Membership, Room


def close(tx: Transaction, room: Room, reason: CloseReason, *, by: str | None) -> None:
    """Close the room: pending requests expire, and `room_closed` is the last seq of this opening."""
    session = tx.session
    room.closed_at = tx.moment
    room.close_reason = reason.value
    room.join_code = None
    room.host_absent_since = room.closes_at = None
    room.away_told = False
    waiting = _expire_requests(tx, room)
    log.append(tx, room, SystemCode.ROOM_CLOSED, reason=reason.value)
    log.room_changed(tx, room)
    members = session.scalars(
        select(Membership.user_id).where(Membership.room_id == room.id, Membership.state == MemberState.ACTIVE)
    )
    told = {*members, *waiting} - {by}
    notifications.notify(
        tx,
        [
            notifications.Note(
                user_id, NotificationKind.ROOM_CLOSED, room.id, {"title": room.title, "reason": reason.value}
            )
            for user_id in sorted(told)
        ],
    )
    audit.record(tx, by, Act.ROOM_CLOSED, room_id=room.id, reason=reason.value)


def _expire_requests(tx: Transaction, room: Room) -> list[str]:
    """Expire what is pending; returns the users who waited."""
    pending = list(
        tx.session.scalars(
            select(JoinRequest).where(JoinRequest.room_id == room.id, JoinRequest.status == RequestStatus.PENDING)
        )
    )
    if not pending:
        return []
    room.lobby_version += 1
    for request in pending:
        request.status = RequestStatus.EXPIRED.value
        request.decided_at = tx.moment
        request.version = room.lobby_version
    log.lobby_changed(tx, room)
    return [request.user_id for request in pending]
