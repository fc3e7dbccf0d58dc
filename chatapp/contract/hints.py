"""What a committed write tells delivery. A hint only makes delivery quicker: the database can always be asked instead.

Every hint travels between processes as JSON, hence plain types. Its fields stay as they are, those too that no receiver
reads (`seq` and `removed` of Evicted, `head`, `up_to_seq`, `unread`): a worker takes no hint whose fields it does not
know, nor any that came with it, so that in a rolling restart the others would be told by their poll alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Entry:
    """One message of a room's log: its JSON, and whom it evicts."""

    seq: int
    payload: bytes
    evicts: str | None = None


@dataclass(frozen=True, slots=True)
class LogGrew:
    """A room's log has these new entries, ascending and without a hole."""

    room_id: str
    epoch: str
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class LogUncertain:
    """A commit's outcome is not known: read this room's log."""

    room_id: str


@dataclass(frozen=True, slots=True)
class Evicted:
    """A user is in this room no more. `seq` is the room's head by then: nothing above it may reach them."""

    room_id: str
    user_id: str
    seq: int
    removed: bool


@dataclass(frozen=True, slots=True)
class RoomChanged:
    """A room's own row changed: its members should see it anew."""

    room_id: str


@dataclass(frozen=True, slots=True)
class LobbyChanged:
    """A room's lobby has come to `version`; or, with version 0, only the presence of these requests' users changed."""

    room_id: str
    host_id: str
    version: int
    request_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotificationsGrew:
    """A user has notifications up to `head`."""

    user_id: str
    head: int


@dataclass(frozen=True, slots=True)
class NotificationsWereRead:
    """A user has read, here or elsewhere."""

    user_id: str
    up_to_seq: int
    unread: int


@dataclass(frozen=True, slots=True)
class SessionsEnded:
    """These sessions authenticate nothing any more; their connections go."""

    session_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ConnectionsEnded:
    """These connections go, each with the same reason."""

    connection_ids: tuple[str, ...]
    code: str


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """Somebody came online in a room or went. Volatile. `user` is a User of the contract."""

    room_id: str
    user: dict[str, Any]
    online: bool


@dataclass(frozen=True, slots=True)
class Typed:
    """Somebody types, or stopped. Volatile. `user` is a User of the contract."""

    room_id: str
    user: dict[str, Any]
    typing: bool
    connection_id: str = field(default="")


type_names = (
    LogGrew,
    LogUncertain,
    Evicted,
    RoomChanged,
    LobbyChanged,
    NotificationsGrew,
    NotificationsWereRead,
    SessionsEnded,
    ConnectionsEnded,
    PresenceChanged,
    Typed,
)
Hint = (
    LogGrew
    | LogUncertain
    | Evicted
    | RoomChanged
    | LobbyChanged
    | NotificationsGrew
    | NotificationsWereRead
    | SessionsEnded
    | ConnectionsEnded
    | PresenceChanged
    | Typed
)
