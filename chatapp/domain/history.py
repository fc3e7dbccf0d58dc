"""Reading a room's log back, in pages. How it is written is `messages` and `log`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Integer, bindparam, select

from chatapp.contract.errors import invalid
from chatapp.domain import access, views
from chatapp.domain.actor import Actor
from chatapp.models import Message, StoredFile, User
from chatapp.prepared import Prepared, still

LOG_ROWS = select(
    Message.room_id,
    Message.seq,
    Message.type,
    Message.sender_id,
    Message.client_id,
    Message.body,
    Message.code,
    Message.params,
    Message.file_id,
    Message.created_at,
    User.username,
    User.display_name,
    User.role,
).outerjoin(User, User.id == Message.sender_id)
"""Columns, not entities: a page of 200 costs a quarter. Files, which few messages have, are read by themselves."""

MAX_SEQ = 2**53 - 1

_OF_ROOM = LOG_ROWS.where(Message.room_id == bindparam("room_id"))
_BEHIND = Prepared(
    _OF_ROOM.where(Message.seq > bindparam("after")).order_by(Message.seq).limit(bindparam("limit", type_=Integer))
)
_BELOW = Prepared(
    _OF_ROOM.where(Message.seq > bindparam("floor"), Message.seq < bindparam("below"))
    .order_by(Message.seq.desc())
    .limit(bindparam("limit", type_=Integer))
)
_ONE = Prepared(_OF_ROOM.where(Message.seq == bindparam("seq")))


def read(
    actor: Actor, *, room_id: str, before: int | None = None, after: int | None = None, limit: int = 50
) -> views.Json:
    """A page of the log, ascending: `{items, head, epoch, oldest, has_more}`. Without `before` and `after`: the newest
    page. What stands before `oldest` is no longer kept.

    `has_more` speaks of the direction asked for: after the last one with `after`, otherwise before the first one.
    """
    if before is not None and after is not None:
        raise invalid("before", "Name one of before and after.")
    with still() as connection:
        room = access.seen_from_inside(connection, actor, room_id)
        items = page(connection, room, before=before, after=after, limit=limit)
        if after is not None:
            more = bool(items) and items[-1]["seq"] < room.last_seq
        else:
            more = bool(items) and items[0]["seq"] > oldest(room)
        return {
            "items": items,
            "head": room.last_seq,
            "epoch": room.epoch,
            "oldest": oldest(room),
            "has_more": more,
        }


def oldest(room: Any) -> int:
    """The seq of the first message that is kept. The newest one always is."""
    floor: int = room.floor
    return floor + 1


def one(connection: Connection, room_id: str, seq: int) -> views.Json:
    """One message of a room."""
    (message,) = shown(connection, _ONE.rows(connection, room_id=room_id, seq=seq))
    return message


def page(connection: Connection, room: Any, *, before: int | None, after: int | None, limit: int) -> list[views.Json]:
    """At most `limit` messages of a room (`id`, `floor`), ascending: behind `after`, or the newest below `before`."""
    if after is not None:
        rows = _BEHIND.rows(connection, room_id=room.id, after=max(after, room.floor), limit=limit)
        return shown(connection, rows)
    below = MAX_SEQ if before is None else before
    rows = _BELOW.rows(connection, room_id=room.id, floor=room.floor, below=below, limit=limit)
    return shown(connection, rows[::-1])


def shown(connection: Connection, rows: Sequence[Any]) -> list[views.Json]:
    """Rows of `LOG_ROWS` as messages, in their order."""
    file_ids = {row.file_id for row in rows if row.file_id is not None}
    files: Any = ()
    if file_ids:
        files = connection.execute(select(StoredFile.__table__).where(StoredFile.id.in_(file_ids)))
    return views.messages(rows, {row.id: views.file(row) for row in files})
