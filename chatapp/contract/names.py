"""The wire names of namespaces, commands and events."""

from __future__ import annotations

from enum import StrEnum

CHAT = "/chat"
NOTIFICATIONS = "/notifications"
NAMESPACES = (CHAT, NOTIFICATIONS)


class Command(StrEnum):
    """What a client may ask of a socket."""

    ROOM_ENTER = "room_enter"
    ROOM_LEAVE = "room_leave"
    MESSAGE_SEND = "message_send"
    MESSAGES_AFTER = "messages_after"
    MESSAGES_BEFORE = "messages_before"
    TYPING = "typing"
    JOIN_REQUEST_CREATE = "join_request_create"
    JOIN_REQUEST_WITHDRAW = "join_request_withdraw"
    JOIN_REQUEST_APPROVE = "join_request_approve"
    JOIN_REQUEST_DENY = "join_request_deny"
    PARTICIPANT_REMOVE = "participant_remove"
    ROOM_CREATE = "room_create"
    ROOM_CLOSE = "room_close"
    ROOM_REOPEN = "room_reopen"
    TOKEN_REFRESH = "token_refresh"  # noqa: S105 — a command's name
    NOTIFICATIONS_MARK_READ = "notifications_mark_read"


class Event(StrEnum):
    """What the server may say of itself."""

    MESSAGE = "message"
    ROOM_HEAD = "room_head"
    ROOM_UPDATED = "room_updated"
    TYPING = "typing"
    PRESENCE = "presence"
    JOIN_REQUEST = "join_request"
    BYE = "bye"
    WELCOME = "welcome"
    NOTIFICATIONS = "notifications"
    NOTIFICATION = "notification"
    NOTIFICATIONS_READ = "notifications_read"
