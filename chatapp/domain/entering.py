"""What one who enters a room is given, and what delivery reads of rooms' logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from chatapp.contract import jsontext
from chatapp.contract.hints import Entry
from chatapp.contract.words import EVICTING, MyRole, SystemCode
from chatapp.db import reading, snapshot
from chatapp.domain import access, history, rosters, views, visits
from chatapp.domain.actor import Actor
from chatapp.models import Room
from chatapp.prepared import still

PAGE = 200
PAGE_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Heads:
    """Where a room stands: what the poll compares."""

    host_id: str
    last_seq: int
    version: int
    lobby_version: int
    members_version: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Entered:
    """The answer to `room_enter`, and the versions of what it shows: the room, and who is in it."""

    answer: views.Json
    version: int
    members_version: int


def enter(actor: Actor, *, room_id: str, after: int | None = None, epoch: str | None = None) -> Entered:
    """The answer to `room_enter`, all of one moment; its people are JSON already. Raises not_found, with `my_role` for
    a pending one as forbidden.

    `after` left out gives the newest page. Another epoch, `after` beyond the head, or `after` below what is kept: the
    newest page with `reset`.
    """
    with still() as connection:
        room = access.seen_from_inside(connection, actor, room_id)
        reset = _is_reset(room, after, epoch)
        start = None if reset else after
        items = _fitting(history.page(connection, room, before=None, after=start, limit=PAGE), newest=start is None)
        roster = rosters.of(connection, room)
        online = visits.online(connection, room.id) | {actor.user_id}
        answer = {
            "room": _room(connection, room, roster),
            "me": jsontext.encoded(roster.participant(actor.user_id)),
            "participants": jsontext.encoded(roster.participants(online)),
            "epoch": room.epoch,
            "head": room.last_seq,
            "oldest": history.oldest(room),
            "messages": items,
            "more": bool(items) and items[-1]["seq"] < room.last_seq,
            "reset": reset,
        }
        return Entered(answer, room.version, room.members_version)


def messages_after(actor: Actor, *, room_id: str, after: int, limit: int = 50) -> views.Json:
    """A page behind `after`: `{messages, head, epoch, oldest, more, reset}`."""
    with still() as connection:
        room = access.seen_from_inside(connection, actor, room_id)
        reset = _is_reset(room, after, None)
        items = history.page(connection, room, before=None, after=None if reset else after, limit=limit)
        items = _fitting(items, newest=reset)
        more = bool(items) and items[-1]["seq"] < room.last_seq
        return _page_answer(room, items, more=more, reset=reset)


def messages_before(actor: Actor, *, room_id: str, before: int, limit: int = 50) -> views.Json:
    """A page below `before`, ascending; `more` speaks of older ones still."""
    with still() as connection:
        room = access.seen_from_inside(connection, actor, room_id)
        items = _fitting(history.page(connection, room, before=before, after=None, limit=limit), newest=True)
        return _page_answer(room, items, more=bool(items) and items[0]["seq"] > history.oldest(room), reset=False)


def is_waiting(actor: Actor, *, room_id: str) -> bool:
    """Whether the actor's join request at a room is pending."""
    with reading() as session:
        return access.pending_request(session, room_id, actor.user_id) is not None


def entries_after(*, room_id: str, after: int, limit: int = PAGE) -> tuple[str, list[Entry]]:
    """A room's epoch and its log behind `after`, for the pump."""
    with snapshot() as session:
        room = session.get(Room, room_id)
        if room is None:
            return "", []
        items = history.page(session.connection(), room, before=None, after=after, limit=limit)
        return room.epoch, [Entry(item["seq"], jsontext.encode(item), _evicted(item)) for item in items]


def heads(room_ids: Iterable[str], host_ids: Iterable[str] = ()) -> dict[str, Heads]:
    """Where these rooms stand, and the open rooms of these hosts: one query for the whole worker."""
    with reading() as session:
        found = session.execute(_HEADS, {"room_ids": list(room_ids), "host_ids": list(host_ids)})
        return {row[0]: Heads(*row[1:]) for row in found}


_HEADS = select(
    Room.id, Room.host_id, Room.last_seq, Room.version, Room.lobby_version, Room.members_version, Room.epoch
).where(
    Room.id.in_(bindparam("room_ids", expanding=True))
    | (Room.host_id.in_(bindparam("host_ids", expanding=True)) & Room.closed_at.is_(None))
)


def _is_reset(room: Any, after: int | None, epoch: str | None) -> bool:
    if after is None:
        return False
    return not room.floor <= after <= room.last_seq or (epoch is not None and epoch != room.epoch)


def _fitting(items: list[views.Json], *, newest: bool) -> list[views.Json]:
    """As many as fit into one answer, from the end that matters."""
    size = 0
    kept: list[views.Json] = []
    for item in reversed(items) if newest else items:
        size += len(jsontext.encode(item))
        if kept and size > PAGE_BYTES:
            break
        kept.append(item)
    return kept[::-1] if newest else kept


def _room(connection: Connection, room: Any, roster: rosters.Roster) -> views.Json:
    """Room, as somebody inside sees it."""
    role = MyRole(room.my_member_role)
    pending = access.waiting(connection, room.id) if role is MyRole.HOST else 0
    return views.room(room, roster.host, role, participant_count=len(roster.people), pending_count=pending)


def _page_answer(room: Any, items: list[views.Json], *, more: bool, reset: bool) -> views.Json:
    return {
        "messages": items,
        "head": room.last_seq,
        "epoch": room.epoch,
        "oldest": history.oldest(room),
        "more": more,
        "reset": reset,
    }


def _evicted(item: views.Json) -> str | None:
    code = item["code"]
    return item["params"]["user"]["id"] if code and SystemCode(code) in EVICTING else None
