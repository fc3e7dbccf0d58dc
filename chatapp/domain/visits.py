"""Live connections and the rooms they visit. What it means that a host visits no more is `absences`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, select, update
from sqlalchemy.orm import Session

from chatapp.contract import ids
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.hints import ConnectionsEnded, LobbyChanged, PresenceChanged
from chatapp.contract.words import Bye, MyRole, RequestStatus
from chatapp.db import Transaction, reading, transaction
from chatapp.domain import absences, access, limits, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Membership, Presence, Room, User, Worker
from chatapp.prepared import Prepared, looking


def connect(actor: Actor, *, connection_id: str, worker_id: str) -> bool:
    """Note a live connection; whether its user hosts rooms, or may. Beyond the limit the user's oldest ones are
    told to go. Raises unavailable without a lease."""
    with transaction(fleeting=True) as tx:
        _hold_lease(tx, worker_id)
        _LOCK_USER.first(tx.connection, user_id=actor.user_id)
        others = _CONNECTIONS.column(tx.connection, user_id=actor.user_id)
        _begin(tx, actor, connection_id, worker_id)
        excess = len(others) + 1 - limits.current().connections
        if excess > 0:
            tx.announce(ConnectionsEnded(tuple(others[:excess]), Bye.TOO_MANY.value))
        return policy.may_create_rooms(actor) or _HOSTED.first(tx.connection, user_id=actor.user_id) is not None


def surplus(user_ids: list[str]) -> set[str]:
    """The oldest connections of those of these users who have too many, which a lost hint has left: one query for the
    whole worker, and one for each such user."""
    cap = limits.current().connections
    found: set[str] = set()
    with reading() as session:
        for user_id in session.scalars(_CROWDED, {"user_ids": user_ids, "cap": cap}).all():
            theirs = _CONNECTIONS.column(session.connection(), user_id=user_id)
            found.update(theirs[: len(theirs) - cap])
    return found


def listen(actor: Actor, *, connection_id: str, on: bool = True) -> None:
    """Note that a connection listens to /notifications, or stopped: that is what hosts see as a knock's `online`."""
    with transaction(fleeting=True) as tx:
        before = bool(listening(tx.session, [actor.user_id]))
        tx.session.execute(
            update(Presence)
            .where(Presence.connection_id == connection_id, Presence.room_id.is_(None))
            .values(notified=on)
        )
        _knocks_changed(tx, actor.user_id, before=before)


def enter(actor: Actor, *, connection_id: str, room_id: str, worker_id: str) -> None:
    """Note a visit. The host's visit ends an absence. Raises not_found for who is not in the room, unavailable without
    a lease."""
    if not ids.is_id(room_id):
        raise not_found()
    with transaction(fleeting=True) as tx:
        _hold_lease(tx, worker_id)
        if _hold_membership(tx, actor, room_id).role != MyRole.HOST:
            _enter(tx, actor, connection_id, room_id, worker_id)
            return
    with transaction() as tx:  # it may say in the log that they are back
        room = access.lock_room(tx.session, room_id)
        _hold_lease(tx, worker_id)
        _hold_membership(tx, actor, room_id)
        _enter(tx, actor, connection_id, room_id, worker_id)
        if policy.host_is_absent(room):
            absences.end(tx, room)


def _enter(tx: Transaction, actor: Actor, connection_id: str, room_id: str, worker_id: str) -> None:
    here = _VISITS.column(tx.connection, user_id=actor.user_id, room_id=room_id)
    if connection_id not in here:
        _begin(tx, actor, connection_id, worker_id, room_id)
    if not here:
        tx.announce(PresenceChanged(room_id, views.acting(actor), online=True))


def leave(actor: Actor, *, connection_id: str, room_id: str) -> None:
    """End one visit of a connection that stays. Raises not_found for who is not in the room."""
    with transaction() as tx:
        access.inside(tx.session, actor, room_id)
        _lock_if_host(tx.session, actor.user_id, [room_id])
        visit = select(Presence).where(Presence.connection_id == connection_id, Presence.room_id == room_id)
        _end_visits(tx, list(tx.session.scalars(visit)), seen=True)


def end(*, connection_id: str, room_id: str) -> None:
    """End one visit of a connection that is gone."""
    with transaction() as tx:
        visit = select(Presence).where(Presence.connection_id == connection_id, Presence.room_id == room_id)
        _end_all(tx, list(tx.session.scalars(visit)), seen=True)


def leave_all(*, connection_id: str) -> None:
    """End all visits of a connection that stays."""
    with transaction() as tx:
        visit = select(Presence).where(Presence.connection_id == connection_id, Presence.room_id.is_not(None))
        _end_all(tx, list(tx.session.scalars(visit)), seen=True)


def disconnect(*, connection_id: str, seen: bool = True) -> None:
    """End a connection and all its visits. `seen` says that this worker saw it go."""
    with looking() as connection:
        hosts = bool(_HOSTS_BY.rows(connection, connection_id=connection_id))
    with transaction(fleeting=not hosts) as tx:  # the host's may say in the log that they are away
        rows = list(tx.session.scalars(select(Presence).where(Presence.connection_id == connection_id)))
        _end_all(tx, rows, seen=seen)


def forget(tx: Transaction, room_id: str, user_id: str) -> None:
    """End the visits of somebody who is in the room no more. They are no host."""
    visit = select(Presence).where(Presence.room_id == room_id, Presence.user_id == user_id)
    _end_visits(tx, list(tx.session.scalars(visit)), seen=True)


def bury(tx: Transaction, worker_id: str) -> None:
    """End everything a dead worker held."""
    rows = list(tx.session.scalars(select(Presence).where(Presence.worker_id == worker_id)))
    _end_all(tx, rows, seen=False)


def online(connection: Connection, room_id: str) -> set[str]:
    """The users who have a live visit in a room."""
    return set(_ONLINE.column(connection, room_id=room_id))


def _is_online(session: Session, room_id: str, user_id: str) -> bool:
    visit = select(Presence.id).where(Presence.room_id == room_id, Presence.user_id == user_id)
    return session.scalar(visit.limit(1)) is not None


def online_count(*, room_id: str) -> int:
    """How many users have a live visit in a room."""
    with looking() as connection:
        counted: int = _ONLINE_COUNT.column(connection, room_id=room_id)[0]
        return counted


def listening(session: Session, user_ids: Iterable[str]) -> set[str]:
    """Those of these users with a live connection to /notifications."""
    query = select(Presence.user_id).where(
        Presence.user_id.in_(list(user_ids)), Presence.room_id.is_(None), Presence.notified
    )
    return set(session.scalars(query.distinct()))


def _end_all(tx: Transaction, rows: list[Presence], *, seen: bool) -> None:
    """End connections and visits. Rooms are locked before users are touched."""
    visited: dict[str, list[str]] = {}
    for row in rows:
        if row.room_id is not None:
            visited.setdefault(row.user_id, []).append(row.room_id)
    for user_id, room_ids in sorted(visited.items()):
        _lock_if_host(tx.session, user_id, room_ids)
    _end_visits(tx, [row for row in rows if row.room_id is not None], seen=seen)
    for row in [row for row in rows if row.room_id is None]:
        before = bool(listening(tx.session, [row.user_id]))
        tx.session.delete(row)
        tx.session.flush()
        _knocks_changed(tx, row.user_id, before=before)


def _hold_lease(tx: Transaction, worker_id: str) -> None:
    """Keep the lease from being taken until this transaction ends. What a lost one held was ended with it: a visit
    written afterwards would never end, and its host never be away. Its beats may go on: with a lock that they wait for,
    a class that enters all the time would hold up the worker's beat until it fences itself."""
    if _HOLD_LEASE.first(tx.connection, worker_id=worker_id) is None:
        raise Refused(Code.UNAVAILABLE, "The server restarts.", retry_after=1)


def _hold_membership(tx: Transaction, actor: Actor, room_id: str) -> Any:
    """Keep the membership from being ended until this transaction ends: its visits end with it, this one too."""
    now_held = _HOLD_MEMBERSHIP.first(tx.connection, user_id=actor.user_id, room_id=room_id)
    if now_held is None or not policy.is_active(now_held):
        raise not_found()
    return now_held


def _begin(tx: Transaction, actor: Actor, connection_id: str, worker_id: str, room_id: str | None = None) -> None:
    """Write a connection, or its visit of a room."""
    _BEGIN.run(
        tx.connection,
        connection_id=connection_id,
        room_id=room_id,
        user_id=actor.user_id,
        worker_id=worker_id,
        notified=False,
        opened_at=tx.moment,
    )


_HOLD_LEASE = Prepared(
    select(Worker.id)
    .where(Worker.id == bindparam("worker_id"), ~Worker.dead)
    .with_for_update(read=True, key_share=True)
)
_HOLD_MEMBERSHIP = Prepared(
    select(Membership.state, Membership.role)
    .where(Membership.room_id == bindparam("room_id"), Membership.user_id == bindparam("user_id"))
    .with_for_update(read=True)
)
_LOCK_USER = Prepared(select(User.id).where(User.id == bindparam("user_id")).with_for_update(key_share=True))
_HOSTED = Prepared(select(Room.id).where(Room.host_id == bindparam("user_id")).limit(1))
_CONNECTIONS = Prepared(
    select(Presence.connection_id)
    .where(Presence.user_id == bindparam("user_id"), Presence.room_id.is_(None))
    .order_by(Presence.id)
)
_CROWDED = (
    select(Presence.user_id)
    .where(Presence.user_id.in_(bindparam("user_ids", expanding=True)), Presence.room_id.is_(None))
    .group_by(Presence.user_id)
    .having(func.count() > bindparam("cap"))
)
_VISITS = Prepared(
    select(Presence.connection_id).where(
        Presence.room_id == bindparam("room_id"), Presence.user_id == bindparam("user_id")
    )
)
_HOSTS_BY = Prepared(
    select(Presence.room_id)
    .join(Room, Room.id == Presence.room_id)
    .where(Presence.connection_id == bindparam("connection_id"), Room.host_id == Presence.user_id)
    .limit(1)
)
"""The rooms that are visited by their host over one connection."""
_ONLINE = Prepared(select(Presence.user_id).where(Presence.room_id == bindparam("room_id")).distinct())
_ONLINE_COUNT = Prepared(
    select(func.count(Presence.user_id.distinct()).label("online")).where(Presence.room_id == bindparam("room_id"))
)
_BEGIN = Prepared(
    insert(Presence).values(
        {
            name: bindparam(name)
            for name in ("connection_id", "room_id", "user_id", "worker_id", "notified", "opened_at")
        }
    )
)


def _lock_if_host(session: Session, user_id: str, room_ids: list[str]) -> None:
    query = (
        select(Room)
        .where(Room.id.in_(room_ids), Room.host_id == user_id)
        .order_by(Room.id)
        .with_for_update(key_share=True)
    )
    session.scalars(query.execution_options(populate_existing=True)).all()


def _end_visits(tx: Transaction, rows: list[Presence], *, seen: bool) -> None:
    session = tx.session
    session.execute(delete(Presence).where(Presence.id.in_([row.id for row in rows])))
    for room_id, user_id in sorted({(str(row.room_id), row.user_id) for row in rows}):
        if _is_online(session, room_id, user_id):
            continue
        who = session.get_one(User, user_id)
        tx.announce(PresenceChanged(room_id, views.user(who), online=False))
        room = session.get_one(Room, room_id)
        if room.host_id == user_id and policy.is_open(room) and room.host_absent_since is None:
            absences.begin(tx, room, seen=seen)


def _knocks_changed(tx: Transaction, user_id: str, *, before: bool) -> None:
    """Show hosts that somebody who waits came or went."""
    if bool(listening(tx.session, [user_id])) == before:
        return
    query = (
        select(JoinRequest.room_id, JoinRequest.id, Room.host_id)
        .join(Room, Room.id == JoinRequest.room_id)
        .where(JoinRequest.user_id == user_id, JoinRequest.status == RequestStatus.PENDING)
    )
    for room_id, request_id, host_id in tx.session.execute(query):
        tx.announce(LobbyChanged(room_id, host_id, 0, (request_id,)))
