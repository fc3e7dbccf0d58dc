"""Rooms: creating, showing, changing, closing and opening again. Who is in them is `lobby` and `participants`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chatapp.contract import cursors, ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.words import (
    Act,
    Admission,
    CloseReason,
    MemberState,
    MyRole,
    RequestStatus,
    RoomStatus,
    SystemCode,
)
from chatapp.db import reading, transaction
from chatapp.domain import access, audit, closing, decisions, limits, log, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Membership, Room, User


def create(
    actor: Actor,
    *,
    title: str,
    description: str | None = None,
    admission: str | None = None,
    host_grace_seconds: int | None = None,
) -> views.Json:
    """A new open room, its host being its first member. Raises forbidden, invalid_payload, limit_reached."""
    if not policy.may_create_rooms(actor):
        raise Refused(Code.FORBIDDEN, "Only teachers create rooms.")
    caps = limits.current()
    room = Room(
        id=ids.new_id(),
        host_id=actor.user_id,
        title=texts.line("title", title, max_chars=caps.title),
        description=texts.remark("description", description, max_chars=caps.description),
        admission=admission or Admission.ASK.value,
        host_grace_seconds=caps.host_grace_seconds if host_grace_seconds is None else host_grace_seconds,
        epoch=ids.new_id(),
        last_seq=0,
        version=1,
        lobby_version=0,
        members_version=1,
        host_absence=0,
        away_told=False,
    )
    with transaction() as tx:
        host = access.lock_users(tx.session, [actor.user_id])[actor.user_id]
        _check_open_rooms(tx.session, actor)
        room.join_code = _fresh_code(tx.session)
        room.created_at = tx.moment
        tx.session.add(room)
        tx.session.flush()
        tx.session.add(
            Membership(
                room_id=room.id,
                user_id=actor.user_id,
                role=MyRole.HOST.value,
                state=MemberState.ACTIVE.value,
                joined_at=tx.moment,
                changed_at=tx.moment,
            )
        )
        log.append(tx, room, SystemCode.ROOM_CREATED, user=views.user(host), title=room.title)
        audit.record(tx, actor.user_id, Act.ROOM_CREATED, room_id=room.id)
        tx.session.flush()
        return access.room_for(tx.session, room, MyRole.HOST)


def show(actor: Actor, *, room_id: str) -> views.Json:
    """Room for those inside, Card for everybody else who is signed in."""
    with reading() as session:
        return access.shown_to(session, actor, access.place(session, actor, room_id))


def shown_by_role(*, room_id: str) -> dict[MyRole, views.Json]:
    """The Room thing as the host and as a participant sees it: for delivery, which knows whom it serves."""
    with reading() as session:
        room = session.get(Room, room_id)
        if room is None:
            return {}
        return {role: access.room_for(session, room, role) for role in (MyRole.HOST, MyRole.PARTICIPANT)}


def by_code(actor: Actor, *, join_code: str) -> views.Json:
    """The card of the room with this join code; codes are read without regard to case."""
    code = join_code.strip().upper()
    with reading() as session:
        room = session.scalar(select(Room).where(Room.join_code == code)) if ids.CODE.fullmatch(code) else None
        if room is None:
            raise not_found("No open room has this code.")
        found = access.place(session, actor, room.id)
        host = session.get_one(User, room.host_id)
        return views.card(found.room, host, access.my_role(session, actor, found))


def list_cards(
    actor: Actor, *, mine: bool = False, status: str | None = None, limit: int = 50, cursor: str | None = None
) -> views.Json:
    """Cards of rooms, newest first: `{items, next_cursor}`. Active ones; of closed ones only the actor's own."""
    query = (
        select(Room, User, Membership)
        .join(User, User.id == Room.host_id)
        .outerjoin(Membership, (Membership.room_id == Room.id) & (Membership.user_id == actor.user_id))
        .order_by(Room.created_at.desc(), Room.id.desc())
        .limit(limit + 1)
    )
    if mine or status == RoomStatus.CLOSED:
        query = query.where(Membership.state == MemberState.ACTIVE)
    if status == RoomStatus.CLOSED:
        query = query.where(Room.closed_at.is_not(None))
    elif status is not None:
        query = query.where(Room.closed_at.is_(None), Room.away_told == (status == RoomStatus.UNSUPERVISED))
    elif not mine:
        query = query.where(Room.closed_at.is_(None))
    if cursor is not None:
        created_at, room_id = cursors.decode(cursor, 2)
        moment = cursors.moment(created_at)
        query = query.where((Room.created_at < moment) | ((Room.created_at == moment) & (Room.id < room_id)))
    with reading() as session:
        rows = session.execute(query).all()
        waiting = _waiting_at(session, actor, [room.id for room, _, _ in rows])
        items = [views.card(room, host, _role(actor, room, member, waiting)) for room, host, member in rows[:limit]]
        last = rows[limit - 1][0] if len(rows) > limit else None
    return {
        "items": items,
        "next_cursor": None if last is None else cursors.encode((last.created_at.isoformat(), last.id)),
    }


def update(actor: Actor, *, room_id: str, changes: dict[str, Any]) -> views.Json:
    """Change title, description, admission, host_grace_seconds or retention_days. Opened to everybody, the room takes
    in who waits. Raises conflict for a shorter grace time once an absence was told: `closes_at` stays the earliest
    moment."""
    caps = limits.current()
    clean = dict(changes)
    if "title" in clean:
        clean["title"] = texts.line("title", clean["title"], max_chars=caps.title)
    if "description" in clean:
        clean["description"] = texts.remark("description", clean["description"], max_chars=caps.description)
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        changed = {name: value for name, value in clean.items() if getattr(room, name) != value}
        if "host_grace_seconds" in changed:
            _move_closing(room, changed["host_grace_seconds"])
        for name, value in changed.items():
            setattr(room, name, value)
        if "admission" in changed and policy.takes_everybody(room):
            decisions.open_to_all(tx, actor, room)
        if changed:
            log.room_changed(tx, room)
            audit.record(tx, actor.user_id, Act.ROOM_UPDATED, room_id=room.id, fields=sorted(changed))
        return access.room_for(tx.session, room, MyRole.HOST)


def renew_code(actor: Actor, *, room_id: str) -> views.Json:
    """A new join code; the old one is dead at once. Raises room_closed."""
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        if not policy.is_open(room):
            raise Refused(Code.ROOM_CLOSED)
        room.join_code = _fresh_code(tx.session)
        log.room_changed(tx, room)
        audit.record(tx, actor.user_id, Act.CODE_RENEWED, room_id=room.id)
        return access.room_for(tx.session, room, MyRole.HOST)


def close(actor: Actor, *, room_id: str, reason: CloseReason = CloseReason.HOST_CLOSED) -> views.Json:
    """End the class. A closed room stays as it is."""
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        if policy.is_open(room):
            closing.close(tx, room, reason, by=actor.user_id)
        return access.room_for(tx.session, room, MyRole.HOST)


def reopen(actor: Actor, *, room_id: str) -> views.Json:
    """Open a closed room again, its participants being those it had. Raises limit_reached."""
    with transaction() as tx:
        room = access.hosted(tx.session, actor, room_id)
        if not policy.is_open(room):
            host = access.lock_users(tx.session, [actor.user_id])[actor.user_id]
            _check_open_rooms(tx.session, actor)
            room.closed_at = room.close_reason = None
            room.host_absent_since = room.closes_at = None
            room.away_told = False
            room.join_code = _fresh_code(tx.session)
            log.append(tx, room, SystemCode.ROOM_REOPENED, user=views.user(host))
            log.room_changed(tx, room)
            audit.record(tx, actor.user_id, Act.ROOM_REOPENED, room_id=room.id)
        tx.session.flush()
        return access.room_for(tx.session, room, MyRole.HOST)


def _move_closing(room: Room, grace_seconds: int) -> None:
    """Keep the moment that members were told true under another grace time."""
    if room.closes_at is None:
        return
    if grace_seconds < room.host_grace_seconds:
        raise Refused(Code.CONFLICT, "While you are away the grace time can only be made longer.")
    room.closes_at += timedelta(seconds=grace_seconds - room.host_grace_seconds)


def _check_open_rooms(session: Session, actor: Actor) -> None:
    """Raise limit_reached at the cap; the teacher's row is locked, so two creations cannot both pass."""
    cap = limits.current().open_rooms
    query = select(func.count()).where(Room.host_id == actor.user_id, Room.closed_at.is_(None))
    if (session.scalar(query) or 0) >= cap:
        raise Refused(Code.LIMIT_REACHED, f"You have {cap} open rooms. Close one first.")


def _fresh_code(session: Session) -> str:
    while True:
        code = ids.new_join_code()
        if session.scalar(select(Room.id).where(Room.join_code == code)) is None:
            return code


def _waiting_at(session: Session, actor: Actor, room_ids: list[str]) -> set[str]:
    query = select(JoinRequest.room_id).where(
        JoinRequest.user_id == actor.user_id,
        JoinRequest.status == RequestStatus.PENDING,
        JoinRequest.room_id.in_(room_ids),
    )
    return set(session.scalars(query))


def _role(actor: Actor, room: Room, member: Membership | None, waiting: set[str]) -> MyRole:
    if policy.is_active(member):
        return MyRole.HOST if policy.is_host(actor, room) else MyRole.PARTICIPANT
    return MyRole.PENDING if room.id in waiting else MyRole.NONE
