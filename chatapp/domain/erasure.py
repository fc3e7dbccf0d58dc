"""Erasing a person: what they said, brought and were called goes, wherever it stands; the order of every room stays.

Every room that held something of theirs gets another epoch, so that clients drop their copies. What others said of them
in a conversation is others' words, and stays; why they were not let in or were removed goes.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, or_, select, union, update

from chatapp.contract import ids, texts
from chatapp.contract.errors import Code, Refused, not_found
from chatapp.contract.hints import LogUncertain
from chatapp.contract.words import Act, CloseReason, MessageType
from chatapp.db import reading, transaction
from chatapp.domain import (
    access,
    audit,
    closing,
    limits,
    log,
    names,
    notifications,
    participants,
    policy,
    sessions,
    views,
)
from chatapp.domain.actor import Actor
from chatapp.models import (
    ApiToken,
    AuditEntry,
    Delivery,
    JoinRequest,
    Membership,
    Message,
    Notification,
    RecoveryCode,
    Room,
    SecondFactor,
    SignIn,
    StoredFile,
    Ticket,
    Webhook,
    WebhookCursor,
)

NAME = "Former member"
PERSONAL = ("address", "host", "note", "reason")
"""What an audit entry's data may say of a person beyond that it was they."""
STEP = 500
"""So many notifications are looked at in one transaction."""


def erase(actor: Actor, *, user_id: str, display_name: str = NAME) -> views.Json:
    """Erase a person: `{user, rooms, messages, files}`. Their account stays as a name for what remains, called
    `display_name`, and nobody can sign in to it. May be interrupted and begun again.

    For who runs the school. Raises forbidden, not_found, conflict (oneself).
    """
    access.must_run_the_school(actor)
    if actor.user_id == user_id:
        raise Refused(Code.CONFLICT, "Ask another administrator to do this to you.")
    name = texts.line("display_name", display_name, max_chars=limits.current().display_name)
    with reading() as session:
        access.user(session, user_id)
        open_rooms = list(session.scalars(select(Room.id).where(Room.host_id == user_id, Room.closed_at.is_(None))))
    shown = _shut_out(user_id, name)
    for room_id in sorted(open_rooms):
        _close(actor, room_id)
    messages = files = 0
    room_ids = _rooms_of(user_id)
    for room_id in room_ids:
        blanked, dropped = _erase_in(room_id, user_id, shown)
        messages, files = messages + blanked, files + dropped
        _erase_told(room_id, user_id, shown)
    _erase_beside(user_id)
    counts: dict[str, Any] = {"rooms": len(room_ids), "messages": messages, "files": files}
    with transaction() as tx:
        audit.record(tx, actor.user_id, Act.USER_ERASED, subject_id=user_id, **counts)
    return {"user": shown, **counts}


def _shut_out(user_id: str, name: str) -> views.Json:
    """First of all: nothing new is said, and what is written from now on carries the new name."""
    with transaction() as tx:
        user = names.lock(tx, user_id)
        if user is None:
            raise not_found("There is no such user.")
        user.username = f"erased-{user.id}"
        user.username_key = texts.username_key(user.username)
        user.display_name = name
        user.password_hash = ""
        user.active = False
        user.deactivated_at = user.deactivated_at or tx.moment
        sessions.end_in(tx, user.id)
        own = select(SignIn.id).where(SignIn.user_id == user.id)
        for way_in in (Ticket, ApiToken):
            tx.session.execute(delete(way_in).where(way_in.session_id.in_(own)))
        told = select(Webhook.id).where(Webhook.owner_id == user.id)
        for part in (Delivery, WebhookCursor):
            tx.session.execute(delete(part).where(part.webhook_id.in_(told)))
        tx.session.execute(delete(Webhook).where(Webhook.owner_id == user.id))
        tx.session.execute(update(SignIn).where(SignIn.user_id == user.id).values(device=""))
        for kept in (RecoveryCode, SecondFactor):
            tx.session.execute(delete(kept).where(kept.user_id == user.id))
        return views.user(user)


def _close(actor: Actor, room_id: str) -> None:
    with transaction() as tx:
        room = access.lock_room(tx.session, room_id)
        if policy.is_open(room):
            closing.close(tx, room, CloseReason.SCHOOL_CLOSED, by=actor.user_id or None)


def _rooms_of(user_id: str) -> list[str]:
    """Every room that may hold something of theirs, in the order in which rooms are locked."""
    found = union(
        select(Membership.room_id).where(Membership.user_id == user_id),
        select(JoinRequest.room_id).where(or_(JoinRequest.user_id == user_id, JoinRequest.decided_by_id == user_id)),
        select(StoredFile.room_id).where(StoredFile.uploader_id == user_id),
        select(Room.id).where(Room.host_id == user_id),
    )
    with reading() as session:
        return sorted(session.scalars(found))


def _erase_in(room_id: str, user_id: str, shown: views.Json) -> tuple[int, int]:
    """One room: its messages of theirs without their content, its system messages with their new name, and a room that
    they made called by it; how many, and how many files."""
    with transaction() as tx:
        session = tx.session
        room = access.lock_room(session, room_id)
        member = session.get(Membership, (room_id, user_id))
        if member is not None and policy.is_active(member) and room.host_id != user_id:
            participants.end_in(tx, room, member)
        theirs = (Message.room_id == room_id, Message.sender_id == user_id)
        said = or_(Message.body.is_not(None), Message.file_id.is_not(None), Message.body_hash.is_not(None))
        nothing = {"body": None, "body_hash": None, "file_id": None}
        blanked = session.execute(update(Message).where(*theirs, said).values(**nothing).returning(Message.seq)).all()
        own_files = (StoredFile.room_id == room_id, StoredFile.uploader_id == user_id)
        file_ids = list(session.scalars(select(StoredFile.id).where(*own_files)))
        session.execute(update(Message).where(Message.file_id.in_(file_ids)).values(file_id=None))
        session.execute(delete(StoredFile).where(StoredFile.id.in_(file_ids)))
        hosted = room.host_id == user_id
        if hosted:
            room.title, room.description = shown["display_name"], ""
        lines = select(Message).where(Message.room_id == room_id, Message.type == MessageType.SYSTEM)
        for line in session.scalars(lines.execution_options(populate_existing=True)):
            line.params = renamed(line.params, shown)
            if hosted and line.params:
                line.params = _titled(line.params, room)
        asked = (JoinRequest.room_id == room_id, JoinRequest.user_id == user_id)
        session.execute(update(JoinRequest).where(*asked).values(note="", reason=""))
        decided = (JoinRequest.room_id == room_id, JoinRequest.decided_by_id == user_id)
        session.execute(update(JoinRequest).where(*decided).values(reason=""))
        room.epoch = ids.new_id()
        log.room_changed(tx, room)
        tx.announce(LogUncertain(room_id))
        return len(blanked), len(file_ids)


def _erase_told(room_id: str, user_id: str, shown: views.Json) -> None:
    """What others were told of a room: their name, and if they made it what it was called and the reasons they gave."""
    last: str | None = ""
    while last is not None:
        with transaction() as tx:
            room = tx.session.get_one(Room, room_id)
            here = select(Notification).where(Notification.room_id == room_id, Notification.id > last)
            rows = tx.session.scalars(here.order_by(Notification.id).limit(STEP)).all()
            for row in rows:
                left = renamed(row.data, shown)
                if room.host_id == user_id:
                    left = _titled(left, room)
                    if row.kind in notifications.REASONED:
                        left = left | {"reason": ""}
                if left != row.data:
                    row.data = left
            last = rows[-1].id if len(rows) == STEP else None


def _titled(data: views.Json, room: Room) -> views.Json:
    """`data` with what the room is called now, wherever it said what it was called."""
    return data | {"title": room.title} if "title" in data else data


def _erase_beside(user_id: str) -> None:
    """What is not of a room: their own notifications, and what the audit log tells beyond that it was they."""
    with transaction() as tx:
        session = tx.session
        session.execute(delete(Notification).where(Notification.user_id == user_id))
        about = or_(AuditEntry.subject_id == user_id, AuditEntry.actor_id == user_id)
        for entry in session.scalars(select(AuditEntry).where(about)):
            left = {key: value for key, value in entry.data.items() if key not in PERSONAL}
            if left != entry.data:
                session.execute(update(AuditEntry).where(AuditEntry.id == entry.id).values(data=left))


def renamed(value: Any, shown: views.Json) -> Any:
    """`value` with the person as they are shown now, wherever a User of theirs stands in it."""
    if isinstance(value, list):
        return [renamed(each, shown) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("id") == shown["id"] and "username" in value:
        return value | shown
    return {key: renamed(each, shown) for key, each in value.items()}
