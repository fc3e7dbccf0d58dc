"""The closed vocabularies of the wire: roles, statuses, kinds. A literal of one of them elsewhere is a mistake."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What a user is in the school."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMIN = "admin"


class Registration(StrEnum):
    """Who may make an account."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


class RoomStatus(StrEnum):
    """What is shown of a room; stored are only open and closed."""

    OPEN = "open"
    UNSUPERVISED = "unsupervised"
    CLOSED = "closed"


class Admission(StrEnum):
    """How a room takes newcomers."""

    ASK = "ask"
    OPEN = "open"
    CLOSED = "closed"


class MyRole(StrEnum):
    """What the asking user is to a room."""

    HOST = "host"
    PARTICIPANT = "participant"
    PENDING = "pending"
    NONE = "none"


class MemberState(StrEnum):
    """Where a membership stands; only active ones are participants."""

    ACTIVE = "active"
    LEFT = "left"
    REMOVED = "removed"
    BANNED = "banned"


class RequestStatus(StrEnum):
    """Where a join request stands; every status but pending is final."""

    PENDING = "pending"
    APPROVED = "approved"
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class MessageType(StrEnum):
    """What a row of a room's log is."""

    TEXT = "text"
    SYSTEM = "system"
    FILE = "file"


class SystemCode(StrEnum):
    """What a system message says; every client says it in its own language."""

    ROOM_CREATED = "room_created"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    PARTICIPANT_REMOVED = "participant_removed"
    HOST_AWAY = "host_away"
    HOST_BACK = "host_back"
    ROOM_CLOSED = "room_closed"
    ROOM_REOPENED = "room_reopened"


EVICTING = frozenset({SystemCode.PARTICIPANT_LEFT, SystemCode.PARTICIPANT_REMOVED})
"""System codes after which their user receives nothing more of the room."""


class NotificationKind(StrEnum):
    """What a notification is about."""

    JOIN_REQUEST_CREATED = "join_request_created"
    JOIN_REQUEST_APPROVED = "join_request_approved"
    JOIN_REQUEST_DENIED = "join_request_denied"
    PARTICIPANT_REMOVED = "participant_removed"
    ROOM_CLOSED = "room_closed"
    MENTION = "mention"


class CloseReason(StrEnum):
    """Why a room closed."""

    HOST_CLOSED = "host_closed"
    HOST_LEFT = "host_left"
    HOST_GONE = "host_gone"
    SCHOOL_CLOSED = "school_closed"


class Bye(StrEnum):
    """Why the server ends a connection, or its stay in a room."""

    REMOVED = "removed"
    REVOKED = "revoked"
    EXPIRED = "expired"
    SLOW = "slow"
    RESTART = "restart"
    TOO_MANY = "too_many"
    BAD_PACKET = "bad_packet"


class Outcome(StrEnum):
    """What became of one join request in a decision about several."""

    APPROVED = "approved"
    DENIED = "denied"
    NOT_PENDING = "not_pending"
    NOT_FOUND = "not_found"
    ROOM_FULL = "room_full"


class Act(StrEnum):
    """Acts of authority that leave an audit entry."""

    ROOM_CREATED = "room_created"
    ROOM_UPDATED = "room_updated"
    ROOM_CLOSED = "room_closed"
    ROOM_REOPENED = "room_reopened"
    REQUEST_APPROVED = "request_approved"
    REQUEST_DENIED = "request_denied"
    PARTICIPANT_REMOVED = "participant_removed"
    PARTICIPANT_BANNED = "participant_banned"
    PARTICIPANT_RESTORED = "participant_restored"
    BAN_LIFTED = "ban_lifted"
    CODE_RENEWED = "code_renewed"
    USER_CREATED = "user_created"
    ROLE_CHANGED = "role_changed"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 — a word of the audit log
    USER_DEACTIVATED = "user_deactivated"
    USER_REACTIVATED = "user_reactivated"
    LOGIN_FAILED = "login_failed"
    SESSION_REVOKED = "session_revoked"
    REFRESH_REUSED = "refresh_reused"
    MESSAGES_READ = "messages_read"
    TOKEN_CREATED = "token_created"  # noqa: S105 — a word of the audit log
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 — a word of the audit log
    WEBHOOK_CREATED = "webhook_created"
    WEBHOOK_CHANGED = "webhook_changed"
    WEBHOOK_ENDED = "webhook_ended"
    WEBHOOK_DELETED = "webhook_deleted"
    RETENTION_APPLIED = "retention_applied"
    USER_ERASED = "user_erased"
    ROOM_EXPORTED = "room_exported"
    USER_EXPORTED = "user_exported"
    BACKUP_MADE = "backup_made"
    SCHOOL_RESTORED = "school_restored"
    SECOND_FACTOR_ON = "second_factor_on"
    SECOND_FACTOR_OFF = "second_factor_off"
    SECOND_FACTOR_RESET = "second_factor_reset"
    RECOVERY_CODE_USED = "recovery_code_used"


class WebhookEnd(StrEnum):
    """Why a webhook is switched off."""

    OWNER = "owner"
    FAILING = "failing"
    GONE = "gone"


class Fault(StrEnum):
    """Why a delivery has no status of HTTP."""

    PRIVATE_ADDRESS = "private_address"
    UNKNOWN_HOST = "unknown_host"
    NO_CONNECTION = "no_connection"
    NO_ANSWER = "no_answer"
    BAD_CERTIFICATE = "bad_certificate"
    BAD_ANSWER = "bad_answer"
