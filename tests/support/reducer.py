"""What a client knows, as a pure function of a snapshot and the durable events after it.

Volatile things are left out of what is compared: who is online, and seconds that run.
"""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]


def snapshot(entered: Json, requests: list[Json], notifications: Json) -> Json:
    """The state that a fresh client has: the answer to `room_enter`, the host's lobby, the newest notifications."""
    entered = copy.deepcopy(entered)
    return {
        "room": {key: value for key, value in entered["room"].items() if key != "closes_in"},
        "participants": {row["user"]["id"]: _lasting(row) for row in entered["participants"]},
        "log": entered["messages"],
        "lobby": {row["id"]: _lasting(row) for row in requests if row["status"] == "pending"},
        "notifications": copy.deepcopy(notifications),
    }


def reduce(state: Json, name: str, data: Json) -> Json:
    """The state after one event; `state` itself stays as it is."""
    after = copy.deepcopy(state)
    if name in _REDUCERS:
        _REDUCERS[name](after, copy.deepcopy(data))
    return after


def differences(known: Any, fresh: Any, where: str = "") -> list[str]:
    """Where two states differ."""
    if isinstance(known, dict) and isinstance(fresh, dict):
        return [
            fault
            for key in sorted(known.keys() | fresh.keys())
            for fault in differences(known.get(key), fresh.get(key), f"{where}.{key}")
        ]
    if isinstance(known, list) and isinstance(fresh, list) and len(known) == len(fresh):
        return [
            fault
            for place, pair in enumerate(zip(known, fresh, strict=True))
            for fault in differences(*pair, f"{where}[{place}]")
        ]
    return [] if known == fresh else [f"{where}: {known!r} is not {fresh!r}"]


def _message(state: Json, message: Json) -> None:
    state["log"].append(message)
    state["room"]["head"] = message["seq"]
    user = message["params"].get("user", {})
    if message["code"] == "participant_joined":
        state["participants"][user["id"]] = {
            "user": user,
            "role": "participant",
            "joined_at": message["created_at"],
        }
    elif message["code"] in ("participant_left", "participant_removed"):
        del state["participants"][user["id"]]
    state["room"]["participant_count"] = len(state["participants"])


def _room_updated(state: Json, room: Json) -> None:
    state["room"] = {key: value for key, value in room.items() if key != "closes_in"}


def _join_request(state: Json, request: Json) -> None:
    if request["status"] == "pending":
        state["lobby"][request["id"]] = _lasting(request)
    else:
        state["lobby"].pop(request["id"], None)
    state["room"]["pending_count"] = len(state["lobby"])


def _notification(state: Json, notification: Json) -> None:
    known = state["notifications"]
    known["items"].insert(0, notification)
    known["unread"] += not notification["read"]
    known["head"] = notification["seq"]


def _notifications_read(state: Json, read: Json) -> None:
    known = state["notifications"]
    known["unread"] = read["unread"]
    for item in known["items"]:
        item["read"] = item["read"] or item["seq"] <= read["up_to_seq"]


def _lasting(row: Json) -> Json:
    return {key: value for key, value in row.items() if key != "online"}


_REDUCERS = {
    "message": _message,
    "room_updated": _room_updated,
    "join_request": _join_request,
    "notification": _notification,
    "notifications_read": _notifications_read,
}
