"""Rows as the contract shows them. Who may see one is decided before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from chatapp.contract import ids
from chatapp.contract.words import MyRole, RequestStatus, RoomStatus
from chatapp.db import now
from chatapp.domain.actor import Actor
from chatapp.models import JoinRequest, Membership, Notification, Room, StoredFile, User

Json = dict[str, Any]


def instant(moment: datetime) -> str:
    """RFC 3339, UTC, milliseconds, `Z`."""
    return moment.isoformat(timespec="milliseconds")[:23] + "Z"


def instant_or_none(moment: datetime | None) -> str | None:
    """The same for a time that may not have come."""
    return None if moment is None else instant(moment)


def user(row: User) -> Json:
    """User."""
    return {"id": row.id, "username": row.username, "display_name": row.display_name, "role": row.role}


def acting(actor: Actor) -> Json:
    """User, of who asks."""
    return {
        "id": actor.user_id,
        "username": actor.username,
        "display_name": actor.display_name,
        "role": actor.role.value,
    }


def status(row: Room) -> RoomStatus:
    """What is shown of a room: unsupervised from `host_away` to `host_back`."""
    if row.closed_at is not None:
        return RoomStatus.CLOSED
    return RoomStatus.UNSUPERVISED if row.away_told else RoomStatus.OPEN


def card(row: Room, host: User, my_role: MyRole) -> Json:
    """Card: all that a stranger sees."""
    return {
        "id": row.id,
        "title": row.title,
        "host": user(host),
        "status": status(row).value,
        "admission": row.admission,
        "my_role": my_role.value,
    }


def room(row: Room, host: User, my_role: MyRole, *, participant_count: int, pending_count: int) -> Json:
    """Room, for its host and participants; only the host is told how many wait."""
    closes_in = None if row.closes_at is None else max(0.0, (row.closes_at - now()).total_seconds())
    shown = card(row, host, my_role) | {
        "description": row.description,
        "participant_count": participant_count,
        "head": row.last_seq,
        "epoch": row.epoch,
        "join_code": row.join_code,
        "host_grace_seconds": row.host_grace_seconds,
        "retention_days": row.retention_days,
        "closes_at": instant_or_none(row.closes_at),
        "closes_in": None if closes_in is None else round(closes_in, 1),
        "created_at": instant(row.created_at),
        "closed_at": instant_or_none(row.closed_at),
        "close_reason": row.close_reason,
    }
    return shown | {"pending_count": pending_count} if my_role is MyRole.HOST else shown


def participant(row: Membership, who: User, *, online: bool) -> Json:
    """Participant."""
    return {"user": user(who), "role": row.role, "online": online, "joined_at": instant(row.joined_at)}


def join_request(row: JoinRequest, who: User, decided_by: User | None, *, online: bool) -> Json:
    """JoinRequest."""
    return {
        "id": row.id,
        "room_id": row.room_id,
        "user": user(who),
        "status": row.status,
        "note": row.note,
        "reason": row.reason,
        "decided_by": None if decided_by is None else user(decided_by),
        "created_at": instant(row.created_at),
        "decided_at": instant_or_none(row.decided_at),
        "online": online,
    }


def approved_already(room_id: str) -> Json:
    """What a participant who knocks is told."""
    return {"status": RequestStatus.APPROVED.value, "room_id": room_id, "id": None}


def file(row: StoredFile) -> Json:
    """File."""
    return {
        "id": row.id,
        "name": row.name,
        "media_type": row.media_type,
        "size": row.size,
        "sha256": row.sha256,
        "url": f"/api/files/{row.id}/",
        "thumbnail_url": None if row.thumbnail_key is None else f"/api/files/{row.id}/thumbnail/",
        "width": row.width,
        "height": row.height,
        "created_at": instant(row.created_at),
    }


def message(row: Any, sender: Json | None, stored_file: Json | None = None) -> Json:
    """Message, of a row or of its columns; `sender` is a User already shown."""
    return {
        "id": ids.message_id(row.room_id, row.seq),
        "room_id": row.room_id,
        "seq": row.seq,
        "type": row.type,
        "sender": sender,
        "client_id": row.client_id,
        "body": row.body,
        "code": row.code,
        "params": row.params or {},
        "file": stored_file,
        "created_at": instant(row.created_at),
    }


def messages(rows: Iterable[Any], files: Mapping[str, Json]) -> list[Json]:
    """Messages in the order given, of their columns and their sender's; each sender is shown once and shared. `files`
    are shown already, by id."""
    shown: dict[str | None, Json | None] = {None: None}
    page = []
    for row in rows:
        if row.sender_id not in shown:
            shown[row.sender_id] = {
                "id": row.sender_id,
                "username": row.username,
                "display_name": row.display_name,
                "role": row.role,
            }
        page.append(message(row, shown[row.sender_id], files.get(row.file_id)))
    return page


def notification(row: Notification) -> Json:
    """Notification."""
    return {
        "id": row.id,
        "seq": row.seq,
        "kind": row.kind,
        "room_id": row.room_id,
        "data": row.data,
        "read": row.read_at is not None,
        "created_at": instant(row.created_at),
    }
