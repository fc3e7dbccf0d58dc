"""Rows are loaded here or nowhere: load or deny, with the same answer for what is missing and what is not yours.

The room row's lock is the room's mutex: every transaction that writes anything of a room takes it first, rooms in
ascending id, then users in ascending id. On SQLite the transaction itself is that lock.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.orm import Session

from chatapp.contract import ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import MemberState, MyRole, RequestStatus
from chatapp.domain import policy, views
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Membership, Room, User
from chatapp.prepared import Prepared


@dataclass(slots=True)
class Place:
    """A room as one actor meets it. `membership` is the actor's row, whatever its state."""

    room: Room
    membership: Membership | None


@dataclass(slots=True)
class Inside:
    """A room the actor is in, and the actor's active row."""

    room: Room
    membership: Membership


def must_run_the_school(actor: Actor) -> None:
    """Raise forbidden for everybody but administrators."""
    if not policy.may_run_the_school(actor):
        raise Refused(Code.FORBIDDEN, "Only the school's administrator may do this.")


def lock_room(session: Session, room_id: str) -> Room:
    """The room, locked until the transaction ends. What is read afterwards is read after the lock."""
    room = _find_room(session, room_id, lock=True)
    if room is None:
        raise not_found()
    return room


def lock_users(session: Session, user_ids: Iterable[str]) -> dict[str, User]:
    """Users by id, locked in ascending id. Only after the room."""
    wanted = sorted(set(user_ids))
    query = select(User).where(User.id.in_(wanted)).order_by(User.id).with_for_update(key_share=True)
    return {user.id: user for user in session.scalars(query.execution_options(populate_existing=True))}


def lock_rooms(session: Session, room_ids: Iterable[str]) -> list[Room]:
    """Rooms, locked in ascending id. Only before users."""
    query = select(Room).where(Room.id.in_(sorted(room_ids))).order_by(Room.id).with_for_update(key_share=True)
    return list(session.scalars(query.execution_options(populate_existing=True)))


def place(session: Session, actor: Actor, room_id: str, *, lock: bool = False) -> Place:
    """A room that exists, for whoever is signed in."""
    room = _find_room(session, room_id, lock=lock)
    if room is None:
        raise not_found()
    return Place(room, session.get(Membership, (room.id, actor.user_id), populate_existing=True))


def inside(session: Session, actor: Actor, room_id: str, *, lock: bool = False) -> Inside:
    """A room the actor is in. Everybody else is told that there is none."""
    found = place(session, actor, room_id, lock=lock)
    if found.membership is None or not policy.is_active(found.membership):
        raise not_found()
    return Inside(found.room, found.membership)


def seen_from_inside(connection: Connection, actor: Actor, room_id: str) -> Any:
    """A room the actor is in, as it is read most often: the columns of Room, and `my_member_role`. Raises not_found."""
    row = _SEEN.first(connection, room_id=room_id, user_id=actor.user_id) if ids.is_id(room_id) else None
    if row is None:
        raise not_found()
    return row


_SEEN = Prepared(
    select(Room, Membership.role.label("my_member_role"))
    .join(Membership, Membership.room_id == Room.id)
    .where(
        Room.id == bindparam("room_id"),
        Membership.user_id == bindparam("user_id"),
        Membership.state == MemberState.ACTIVE,
    )
)


def hosted(session: Session, actor: Actor, room_id: str, *, lock: bool = True) -> Room:
    """A room the actor hosts. A participant may know of it but not do this; others are told that there is none."""
    room = inside(session, actor, room_id, lock=lock).room
    if not policy.is_host(actor, room):
        raise Refused(Code.FORBIDDEN, "Only the host of the room may do this.")
    return room


def membership(session: Session, room_id: str, user_id: str) -> Membership | None:
    """A user's row in a room the caller may look into, whatever its state."""
    return session.get(Membership, (room_id, user_id)) if ids.is_id(user_id) else None


def user(session: Session, user_id: str) -> User:
    """A user by id, or not_found."""
    found = session.get(User, user_id) if ids.is_id(user_id) else None
    if found is None:
        raise not_found()
    return found


def user_named(session: Session, username: str) -> User | None:
    """The user of that name; what cannot be a username is nobody's, and no database is asked for it."""
    try:
        key = texts.username_key(texts.username(username))
    except Refused:
        return None
    return session.scalar(select(User).where(User.username_key == key))


def pending_request(session: Session, room_id: str, user_id: str) -> JoinRequest | None:
    """The one pending join request of a user at a room, if there is one."""
    if not (ids.is_id(room_id) and ids.is_id(user_id)):
        return None
    query = select(JoinRequest).where(
        JoinRequest.room_id == room_id,
        JoinRequest.user_id == user_id,
        JoinRequest.status == RequestStatus.PENDING,
    )
    return session.scalar(query.execution_options(populate_existing=True))


def newest_request(session: Session, room_id: str, user_id: str) -> JoinRequest | None:
    """The newest join request of a user at a room, whatever became of it."""
    if not (ids.is_id(room_id) and ids.is_id(user_id)):
        return None
    query = (
        select(JoinRequest)
        .where(JoinRequest.room_id == room_id, JoinRequest.user_id == user_id)
        .order_by(JoinRequest.version.desc(), JoinRequest.created_at.desc())
        .limit(1)
    )
    return session.scalar(query.execution_options(populate_existing=True))


def participant_count(session: Session, room_id: str) -> int:
    """How many are in the room, its host too."""
    query = select(func.count()).where(Membership.room_id == room_id, Membership.state == MemberState.ACTIVE)
    return session.scalar(query) or 0


def pending_count(session: Session, room_id: str) -> int:
    """How many wait."""
    session.flush()
    return waiting(session.connection(), room_id)


def waiting(connection: Connection, room_id: str) -> int:
    """How many wait, for who has no session."""
    counted: int = _PENDING.first(connection, room_id=room_id).waiting
    return counted


_PENDING = Prepared(
    select(func.count().label("waiting")).where(
        JoinRequest.room_id == bindparam("room_id"), JoinRequest.status == RequestStatus.PENDING
    )
)


def my_role(session: Session, actor: Actor, found: Place) -> MyRole:
    """What the actor is to a room."""
    if policy.is_active(found.membership):
        return MyRole.HOST if policy.is_host(actor, found.room) else MyRole.PARTICIPANT
    return MyRole.PENDING if pending_request(session, found.room.id, actor.user_id) else MyRole.NONE


def room_for(session: Session, room: Room, role: MyRole) -> views.Json:
    """The Room thing as its host or a participant sees it."""
    host = session.get_one(User, room.host_id)
    pending = pending_count(session, room.id) if role is MyRole.HOST else 0
    count = participant_count(session, room.id)
    return views.room(room, host, role, participant_count=count, pending_count=pending)


def shown_to(session: Session, actor: Actor, found: Place) -> views.Json:
    """Room for those inside, Card for everybody else."""
    role = my_role(session, actor, found)
    if policy.is_active(found.membership):
        return room_for(session, found.room, role)
    return views.card(found.room, session.get_one(User, found.room.host_id), role)


def _find_room(session: Session, room_id: str, *, lock: bool) -> Room | None:
    if not ids.is_id(room_id):
        return None
    query = select(Room).where(Room.id == room_id).execution_options(populate_existing=True)
    if lock:
        query = query.with_for_update(key_share=True)
    return session.scalar(query)
