"""What a teacher sees of the own rooms together, and what remains to be said of an ended class. Only reading."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from chatapp.contract.words import MessageType, MyRole, SystemCode
from chatapp.db import now, reading
from chatapp.domain import access, policy, views
from chatapp.domain.actor import Actor
from chatapp.models import Membership, Message, Room

CLOSED = 20
_BEGINNINGS = (SystemCode.ROOM_CREATED, SystemCode.ROOM_REOPENED)


def hosted(actor: Actor) -> tuple[list[views.Json], list[views.Json]]:
    """The actor's rooms as their host sees them, newest first: those that are open, and the last `CLOSED` others."""
    mine = select(Room).where(Room.host_id == actor.user_id)
    with reading() as session:
        active = session.scalars(mine.where(Room.closed_at.is_(None)).order_by(Room.created_at.desc())).all()
        ended = session.scalars(mine.where(Room.closed_at.is_not(None)).order_by(Room.closed_at.desc()).limit(CLOSED))
        return (
            [access.room_for(session, room, MyRole.HOST) for room in active],
            [access.room_for(session, room, MyRole.HOST) for room in ended],
        )


def summary(actor: Actor, *, room_id: str) -> views.Json:
    """The room, and `{seconds, people, messages, files}` of its class: the time since it was last opened, and all that
    was said in it and is kept. Only for its host."""
    with reading() as session:
        room = access.hosted(session, actor, room_id, lock=False)
        ended = room.closed_at or now()
        counts = _counts(session, room)
        return {
            "room": access.room_for(session, room, MyRole.HOST),
            "is_open": policy.is_open(room),
            "seconds": round(max(0.0, (ended - _begun(session, room)).total_seconds())),
            "people": _people(session, room),
            "messages": counts.get(MessageType.TEXT, 0),
            "files": counts.get(MessageType.FILE, 0),
        }


def _begun(session: Session, room: Room) -> datetime:
    query = select(func.max(Message.created_at)).where(Message.room_id == room.id, Message.code.in_(_BEGINNINGS))
    return session.scalar(query) or room.created_at


def _people(session: Session, room: Room) -> int:
    """Everybody who was ever in, whether they stayed or not."""
    return session.scalar(select(func.count()).where(Membership.room_id == room.id)) or 0


def _counts(session: Session, room: Room) -> dict[str, int]:
    kept = (Message.room_id == room.id, Message.seq > room.floor)
    query = select(Message.type, func.count()).where(*kept).group_by(Message.type)
    return dict(session.execute(query).all())
