"""Writing system messages into a room's log, under the room's lock. People's messages are written by `messages`."""

from __future__ import annotations

from typing import Any

from chatapp.contract import jsontext
from chatapp.contract.hints import Entry, LobbyChanged, LogGrew, RoomChanged
from chatapp.contract.words import EVICTING, MessageType, SystemCode
from chatapp.db import Transaction
from chatapp.domain import views
from chatapp.models import Message, Room


def append(tx: Transaction, room: Room, code: SystemCode, **params: Any) -> int:
    """Put one system message behind the room's head, return its seq. `params` are JSON; `user` is who it is about."""
    return append_all(tx, room, code, [params])


def append_all(tx: Transaction, room: Room, code: SystemCode, each: list[dict[str, Any]]) -> int:
    """One system message for each of `each`, in order, in one statement. Returns the last seq."""
    rows = []
    for params in each:
        room.last_seq += 1
        rows.append(
            Message(
                room_id=room.id,
                seq=room.last_seq,
                type=MessageType.SYSTEM.value,
                code=code.value,
                params=params,
                created_at=tx.moment,
            )
        )
    tx.session.add_all(rows)
    entries = tuple(
        Entry(row.seq, jsontext.encode(views.message(row, None)), _evicted(code, row.params or {})) for row in rows
    )
    if entries:
        tx.announce(LogGrew(room.id, room.epoch, entries))
    return room.last_seq


def room_changed(tx: Transaction, room: Room) -> None:
    """Members should see the room's row anew."""
    room.version += 1
    tx.announce(RoomChanged(room.id))


def lobby_changed(tx: Transaction, room: Room) -> None:
    """The host should see the join requests that carry the room's `lobby_version`."""
    tx.announce(LobbyChanged(room.id, room.host_id, room.lobby_version))


def _evicted(code: SystemCode, params: dict[str, Any]) -> str | None:
    return params["user"]["id"] if code in EVICTING else None
