"""What delivery asks of the domain, as functions it is given: it imports no rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from chatapp.contract.hints import Entry

Json = dict[str, Any]


class Heads(Protocol):
    """Where a room stands: what the poll compares with what it saw before."""

    @property
    def host_id(self) -> str: ...
    @property
    def last_seq(self) -> int: ...
    @property
    def version(self) -> int: ...
    @property
    def lobby_version(self) -> int: ...
    @property
    def members_version(self) -> int: ...
    @property
    def epoch(self) -> str: ...


class NotificationHead(Protocol):
    """Where a user's notifications stand."""

    @property
    def last_seq(self) -> int: ...
    @property
    def read_version(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Reads:
    """Each opens and ends its own transaction."""

    entries_after: Callable[[str, int], tuple[str, list[Entry]]]
    """(room, after) -> (epoch, the log's next entries, ascending)."""
    room_by_role: Callable[[str], dict[str, Json]]
    """room -> the Room thing as "host" and as "participant" see it."""
    members: Callable[[str], set[str]]
    """room -> the users in it."""
    requests: Callable[[str, list[str]], list[Json]]
    """(room, ids) -> JoinRequests."""
    requests_since: Callable[[str, int], list[Json]]
    """(room, lobby_version) -> JoinRequests changed behind it."""
    waiting: Callable[[Iterable[str]], Mapping[str, Mapping[str, bool]]]
    """hosts -> room -> join request -> whether who waits is online."""
    notifications_after: Callable[[str, int], list[Json]]
    """(user, seq) -> Notifications, ascending."""
    notifications_read: Callable[[str, int], tuple[list[Json], Json, int]]
    """(user, seq) -> the same, `{up_to_seq, unread}` and the user's read_version, all of one moment."""
    online_count: Callable[[str], int]
    """room -> users with a live visit."""
    heads: Callable[[Iterable[str], Iterable[str]], Mapping[str, Heads]]
    """(rooms, users) -> where these rooms, and the open rooms these users host, stand."""
    notification_heads: Callable[[list[str]], Mapping[str, NotificationHead]]
    """users -> where their notifications stand."""
    ended_sessions: Callable[[], set[str]]
    """Sessions that ended lately, by the database's clock."""
    surplus: Callable[[list[str]], set[str]]
    """users -> their oldest connections beyond the limit, to whichever worker."""
