"""What the contract's words are called for people, in the language of the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from chatapp.contract.words import Act, CloseReason, RequestStatus, Role, RoomStatus, SystemCode


def roles() -> dict[str, str]:
    """Every role."""
    return {Role.STUDENT: _("Student"), Role.TEACHER: _("Teacher"), Role.ADMIN: _("Administrator")}


def room_statuses() -> dict[str, str]:
    """Every state of a room."""
    return {
        RoomStatus.OPEN: _("Open"),
        RoomStatus.UNSUPERVISED: _("Teacher away"),
        RoomStatus.CLOSED: _("Ended"),
    }


def close_reasons() -> dict[str, str]:
    """Every reason why a room closed."""
    return {
        CloseReason.HOST_CLOSED: _("The teacher ended the class."),
        CloseReason.HOST_LEFT: _("The teacher left."),
        CloseReason.HOST_GONE: _("The teacher did not come back."),
        CloseReason.SCHOOL_CLOSED: _("The school ended the class."),
    }


def request_statuses() -> dict[str, str]:
    """Every state of a join request."""
    return {
        RequestStatus.PENDING: _("Waiting"),
        RequestStatus.APPROVED: _("Let in"),
        RequestStatus.DENIED: _("Not let in"),
        RequestStatus.WITHDRAWN: _("Taken back"),
        RequestStatus.EXPIRED: _("Expired"),
    }


def system_codes() -> dict[str, str]:
    """Every line that a room writes by itself; whom it is about stands beside it."""
    return {
        SystemCode.ROOM_CREATED: _("Room opened"),
        SystemCode.PARTICIPANT_JOINED: _("Joined"),
        SystemCode.PARTICIPANT_LEFT: _("Left"),
        SystemCode.PARTICIPANT_REMOVED: _("Removed from room"),
        SystemCode.HOST_AWAY: _("Connection of the teacher lost"),
        SystemCode.HOST_BACK: _("Teacher back"),
        SystemCode.ROOM_CLOSED: _("Class ended"),
        SystemCode.ROOM_REOPENED: _("Room opened again"),
    }


def acts() -> dict[str, str]:
    """Every act of the audit log."""
    return {
        Act.ROOM_CREATED: _("Room opened"),
        Act.ROOM_UPDATED: _("Room changed"),
        Act.ROOM_CLOSED: _("Class ended"),
        Act.ROOM_REOPENED: _("Room opened again"),
        Act.REQUEST_APPROVED: _("Let in"),
        Act.REQUEST_DENIED: _("Not let in"),
        Act.PARTICIPANT_REMOVED: _("Removed from room"),
        Act.PARTICIPANT_BANNED: _("Banned from room"),
        Act.PARTICIPANT_RESTORED: _("Removal taken back"),
        Act.BAN_LIFTED: _("Ban lifted"),
        Act.CODE_RENEWED: _("New code for room"),
        Act.USER_CREATED: _("Account made"),
        Act.ROLE_CHANGED: _("Role changed"),
        Act.PASSWORD_CHANGED: _("Password changed"),
        Act.USER_DEACTIVATED: _("Account deactivated"),
        Act.USER_REACTIVATED: _("Account activated again"),
        Act.LOGIN_FAILED: _("Sign-in failed"),
        Act.SESSION_REVOKED: _("Signed out"),
        Act.REFRESH_REUSED: _("Old token used again"),
        Act.MESSAGES_READ: _("Messages read by the school"),
        Act.TOKEN_CREATED: _("API token made"),
        Act.TOKEN_REVOKED: _("API token revoked"),
        Act.WEBHOOK_CREATED: _("Webhook registered"),
        Act.WEBHOOK_CHANGED: _("Webhook changed"),
        Act.WEBHOOK_ENDED: _("Webhook switched off"),
        Act.WEBHOOK_DELETED: _("Webhook deleted"),
        Act.RETENTION_APPLIED: _("Old messages, files or entries let go"),
        Act.USER_ERASED: _("Person erased"),
        Act.ROOM_EXPORTED: _("Room exported"),
        Act.USER_EXPORTED: _("A person's data exported"),
        Act.BACKUP_MADE: _("Backup made"),
        Act.SCHOOL_RESTORED: _("School restored from a backup"),
        Act.SECOND_FACTOR_ON: _("Second step of signing in turned on"),
        Act.SECOND_FACTOR_OFF: _("Second step of signing in turned off"),
        Act.SECOND_FACTOR_RESET: _("Second step of signing in taken away"),
        Act.RECOVERY_CODE_USED: _("Signed in with a recovery code"),
    }


def details(act: str, data: Mapping[str, Any] | None) -> list[str]:
    """What is on record beside who, where and to whom."""
    said: dict[str, Callable[[Mapping[str, Any]], str]] = {
        Act.ROLE_CHANGED: lambda it: f"{roles()[it['old']]} → {roles()[it['new']]}",
        Act.USER_CREATED: lambda it: roles()[it["role"]],
        Act.ROOM_CLOSED: lambda it: close_reasons()[it["reason"]],
        Act.ROOM_UPDATED: lambda it: _(
            "Changed: %(fields)s", fields=", ".join(map(_fields().__getitem__, it["fields"]))
        ),
        Act.PARTICIPANT_REMOVED: lambda it: _("Reason: %(reason)s", reason=it["reason"]) if it["reason"] else "",
        Act.PARTICIPANT_BANNED: lambda it: _("Reason: %(reason)s", reason=it["reason"]) if it["reason"] else "",
        Act.MESSAGES_READ: lambda it: _("Messages %(first)s to %(last)s", **it) if it["first"] else "",
        Act.LOGIN_FAILED: lambda it: _("From the address %(address)s", address=it["address"]),
    }
    if not data:
        return []
    try:
        return [text for text in (said[act](data),) if text]
    except KeyError:  # written by another version, which knew other things
        return [f"{name}: {value}" for name, value in data.items() if value is not None]


def _fields() -> dict[str, str]:
    return {
        "title": _("Title"),
        "description": _("Description"),
        "admission": _("Who comes in"),
        "host_grace_seconds": _("How long a class waits for its teacher"),
        "retention_days": _("How long what is said is kept"),
    }


def states() -> dict[str, str]:
    """Every state of a process."""
    return {"ready": _("Ready"), "degraded": _("Degraded"), "not_ready": _("Not ready")}


def figures(found: Mapping[str, tuple[str, float]]) -> list[tuple[str, int]]:
    """What the process serves, as far as it concerns people who run a school; `/metrics` has the rest."""
    ours = {
        "connections": _("Live connections"),
        "users": _("People connected"),
        "rooms": _("Rooms with somebody in them"),
        "send_queue": _("Messages waiting to be stored"),
    }
    return [(str(text), int(found[name][1])) for name, text in ours.items()]
