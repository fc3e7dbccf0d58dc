"""The numbers the rules go by, set once by the composition root from the settings. Their meaning is the rules'."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes are in characters, bytes or rows; times in seconds. `knocks` of a user at a room per `knock_window`. What
    is said, files and audit entries are kept for so many days, with 0 for ever."""

    message_chars: int = 4000
    message_bytes: int = 16384
    client_id: int = 64
    title: int = 120
    description: int = 2000
    note: int = 500
    reason: int = 500
    display_name: int = 80
    participants: int = 500
    pending: int = 100
    open_rooms: int = 20
    connections: int = 5
    file_bytes: int = 26_214_400
    user_bytes: int = 209_715_200
    room_bytes: int = 1_073_741_824
    knocks: int = 5
    knock_window: int = 3600
    host_grace_seconds: int = 60
    undo_seconds: int = 600
    registration: str = "open"
    invite_code: str = ""
    refresh_token_seconds: int = 30 * 86400
    session_seconds: int = 90 * 86400
    given_password_seconds: int = 14 * 86400
    ticket_seconds: int = 60
    tokens: int = 20
    webhooks: int = 20
    webhook_private: bool = False
    webhook_retry_seconds: float = 5.0
    webhook_give_up_seconds: float = 3 * 86400
    message_days: int = 0
    file_days: int = 0
    audit_days: int = 0


_current = Limits()


def use(limits: Limits) -> None:
    """Go by `limits` from now on, in this process."""
    global _current  # noqa: PLW0603 — one set of limits a process, chosen at its start
    _current = limits


def current() -> Limits:
    """The limits in force."""
    return _current
