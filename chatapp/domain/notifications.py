"""What a user should know, stored in the user's own order with its own seq. Written inside others' transactions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, bindparam, func, select, update
from sqlalchemy.orm import Session

from chatapp.contract import cursors
from chatapp.contract.errors import not_found
from chatapp.contract.hints import NotificationsGrew, NotificationsWereRead
from chatapp.contract.ids import is_id, new_id
from chatapp.contract.words import NotificationKind
from chatapp.db import Transaction, now, reading, snapshot, transaction
from chatapp.domain import access, views
from chatapp.domain.actor import Actor
from chatapp.models import Notification, User

PAGE = 50
REASONED = (NotificationKind.JOIN_REQUEST_DENIED, NotificationKind.PARTICIPANT_REMOVED)
"""Kinds whose `reason` a person wrote; that of `room_closed` is a word of the contract."""


@dataclass(frozen=True, slots=True)
class Note:
    """One notification to be: for whom, what about, and what a page needs to say it."""

    user_id: str
    kind: NotificationKind
    room_id: str
    data: dict[str, Any] = field(default_factory=dict)


def notify(tx: Transaction, notes: list[Note]) -> None:
    """Store `notes`, each behind its user's last. Locks the users, hence after every room lock."""
    if not notes:
        return
    users = access.lock_users(tx.session, (note.user_id for note in notes))
    moment = now()
    for note in notes:
        user = users[note.user_id]
        user.last_notification_seq += 1
        tx.session.add(
            Notification(
                id=new_id(),
                user_id=user.id,
                seq=user.last_notification_seq,
                kind=note.kind.value,
                room_id=note.room_id,
                data=note.data,
                created_at=moment,
            )
        )
    for user in users.values():
        tx.announce(NotificationsGrew(user.id, user.last_notification_seq))


def page(actor: Actor, *, limit: int = PAGE, cursor: str | None = None) -> views.Json:
    """The actor's notifications, newest first: `{items, next_cursor, unread, head}`."""
    query = select(Notification).where(Notification.user_id == actor.user_id)
    if cursor is not None:
        query = query.where(Notification.seq < cursors.decode_whole(cursor))
    with reading() as session:
        rows = list(session.scalars(query.order_by(Notification.seq.desc()).limit(limit + 1)))
        items = [views.notification(row) for row in rows[:limit]]
        return {
            "items": items,
            "next_cursor": cursors.encode((items[-1]["seq"],)) if len(rows) > limit else None,
            "unread": _unread(session, actor.user_id),
            "head": session.scalar(select(User.last_notification_seq).where(User.id == actor.user_id)) or 0,
        }


def newest(actor: Actor) -> views.Json:
    """What a socket is told when it connects: `{items, unread, head}`."""
    shown = page(actor)
    del shown["next_cursor"]
    return shown


def after(user_id: str, seq: int) -> list[views.Json]:
    """A user's notifications behind `seq`, ascending: for delivery, which knows whom it serves."""
    with reading() as session:
        query = select(Notification).where(Notification.user_id == user_id, Notification.seq > seq)
        return [views.notification(row) for row in session.scalars(query.order_by(Notification.seq).limit(200))]


def after_and_read(user_id: str, seq: int) -> tuple[list[views.Json], views.Json, int]:
    """What `after` gives, `{up_to_seq, unread}`, and the user's read_version, all of one moment: for delivery."""
    query = select(Notification).where(Notification.user_id == user_id, Notification.seq > seq)
    with snapshot() as session:
        items = [views.notification(row) for row in session.scalars(query.order_by(Notification.seq).limit(200))]
        version = session.scalar(select(User.read_version).where(User.id == user_id)) or 0
        return items, {"up_to_seq": _read_up_to(session, user_id), "unread": _unread(session, user_id)}, version


@dataclass(frozen=True, slots=True)
class Head:
    """Where a user's notifications stand: what the poll compares."""

    last_seq: int
    read_version: int


def heads(user_ids: list[str]) -> dict[str, Head]:
    """Where the notifications of these users stand: one query for the whole worker."""
    with reading() as session:
        found = session.execute(_HEADS, {"user_ids": user_ids})
        return {user_id: Head(last_seq, version) for user_id, last_seq, version in found}


_HEADS = select(User.id, User.last_notification_seq, User.read_version).where(
    User.id.in_(bindparam("user_ids", expanding=True))
)


def mark_read(actor: Actor, *, ids: list[str] | None = None, up_to_seq: int | None = None) -> views.Json:
    """Mark these, or all up to a seq, as read: `{up_to_seq, unread}`. Ids that are not the actor's: not_found."""
    with transaction() as tx:
        mine = Notification.user_id == actor.user_id
        chosen: ColumnElement[bool]
        if ids is not None:
            possible = select(Notification.id).where(mine, Notification.id.in_(filter(is_id, ids)))
            known = tx.session.scalars(possible).all()
            if set(known) != set(ids):
                raise not_found()
            chosen = Notification.id.in_(ids)
        else:
            chosen = Notification.seq <= (up_to_seq or 0)
        tx.session.execute(
            update(Notification).where(mine, chosen, Notification.read_at.is_(None)).values(read_at=now())
        )
        tx.session.execute(
            update(User).where(User.id == actor.user_id).values(read_version=User.read_version + 1),
            execution_options={"synchronize_session": False},
        )
        unread = _unread(tx.session, actor.user_id)
        read_up_to = _read_up_to(tx.session, actor.user_id)
        tx.announce(NotificationsWereRead(actor.user_id, read_up_to, unread))
    return {"up_to_seq": read_up_to, "unread": unread}


def _unread(session: Session, user_id: str) -> int:
    query = select(func.count()).where(Notification.user_id == user_id, Notification.read_at.is_(None))
    return session.scalar(query) or 0


def _read_up_to(session: Session, user_id: str) -> int:
    """The seq up to which everything is read."""
    mine = Notification.user_id == user_id
    first_unread = session.scalar(select(func.min(Notification.seq)).where(mine, Notification.read_at.is_(None)))
    if first_unread is not None:
        return first_unread - 1
    return session.scalar(select(func.max(Notification.seq)).where(mine)) or 0
