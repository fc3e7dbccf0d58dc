"""What goes over the wire, as typed dictionaries.

Made from chatapp's contract by scripts/write_clients.py; nobody edits it."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Bye(TypedDict):
    room_id: NotRequired[str]
    code: Literal["removed", "revoked", "expired", "slow", "restart", "too_many", "bad_packet"]
    retry_ms: NotRequired[int]


class Decision(TypedDict):
    request_id: str | None
    user_id: str | None
    outcome: Literal["approved", "denied", "not_pending", "not_found", "room_full"]
    decided_by: NotRequired[User | None]


class Decisions(TypedDict):
    results: list[Decision]


class File(TypedDict):
    id: str
    name: str
    media_type: str
    size: int
    sha256: str
    url: str
    thumbnail_url: str | None
    width: int | None
    height: int | None
    created_at: str


class JoinRequest(TypedDict):
    id: str | None
    room_id: str
    user: User
    status: Literal["pending", "approved", "denied", "withdrawn", "expired"]
    note: str
    reason: str
    decided_by: User | None
    created_at: str
    decided_at: str | None
    online: bool


class Knock(TypedDict):
    id: str | None
    room_id: str
    user: NotRequired[User]
    status: Literal["pending", "approved", "denied", "withdrawn", "expired"]
    note: NotRequired[str]
    reason: NotRequired[str]
    decided_by: NotRequired[User | None]
    created_at: NotRequired[str]
    decided_at: NotRequired[str | None]
    online: NotRequired[bool]


class Knocked(TypedDict):
    join_request: Knock


class Message(TypedDict):
    id: str
    room_id: str
    seq: int
    type: Literal["text", "system", "file"]
    sender: User | None
    client_id: str | None
    body: str | None
    code: Literal[
        "room_created",
        "participant_joined",
        "participant_left",
        "participant_removed",
        "host_away",
        "host_back",
        "room_closed",
        "room_reopened",
        None,
    ]
    params: dict[str, Any]
    file: File | None
    created_at: str


class Notification(TypedDict):
    id: str
    seq: int
    kind: Literal[
        "join_request_created",
        "join_request_approved",
        "join_request_denied",
        "participant_removed",
        "room_closed",
        "mention",
    ]
    room_id: str | None
    data: dict[str, Any]
    read: bool
    created_at: str


class Notifications(TypedDict):
    items: list[Notification]
    unread: int
    head: int


class NotificationsRead(TypedDict):
    up_to_seq: int
    unread: int


class Participant(TypedDict):
    user: User
    role: Literal["host", "participant"]
    online: bool
    joined_at: str


class Presence(TypedDict):
    room_id: str
    joined: list[User]
    left: list[User]
    online: int


class Refreshed(TypedDict):
    expires_at: float


class Removal(TypedDict):
    user_id: str
    seq: int
    banned: bool


class Room(TypedDict):
    id: str
    title: str
    host: User
    status: Literal["open", "unsupervised", "closed"]
    admission: Literal["ask", "open", "closed"]
    my_role: Literal["host", "participant", "pending", "none"]
    description: str
    participant_count: int
    pending_count: NotRequired[int]
    head: int
    epoch: str
    join_code: str | None
    host_grace_seconds: int
    retention_days: int | None
    closes_at: str | None
    closes_in: float | None
    created_at: str
    closed_at: str | None
    close_reason: Literal["host_closed", "host_left", "host_gone", "school_closed", None]


class RoomAnswer(TypedDict):
    room: Room


class RoomHead(TypedDict):
    room_id: str
    head: int
    epoch: str


class Sent(TypedDict):
    message: Message
    duplicate: bool


class Snapshot(TypedDict):
    room: Room
    me: Participant
    participants: list[Participant]
    epoch: str
    head: int
    oldest: int
    messages: list[Message]
    more: bool
    reset: bool


class Typing(TypedDict):
    room_id: str
    user: User
    typing: bool


class User(TypedDict):
    id: str
    username: str
    display_name: str
    role: Literal["student", "teacher", "admin"]


ErrorCode = Literal[
    "invalid_payload",
    "unauthorized",
    "forbidden",
    "not_found",
    "unknown_command",
    "method_not_allowed",
    "conflict",
    "not_pending",
    "room_closed",
    "room_full",
    "limit_reached",
    "too_large",
    "unsupported_media_type",
    "range_not_satisfiable",
    "content_rejected",
    "rate_limited",
    "internal",
    "unavailable",
]
