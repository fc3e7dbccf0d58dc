"""The cases: who does what, with what, and is answered how. Run by `test_parity`."""

from __future__ import annotations

from typing import Any

from tests.scenarios.classroom import room_with
from tests.scenarios.scenes import Case, Data, Scene, approved, closed, denied, full_of_rooms, removed, said


def send(client_id: Any = "one", body: Any = "hello") -> Data:
    return lambda scene: {"client_id": client_id, "body": body}


def with_(**data: Any) -> Data:
    return lambda scene: data


def by_request(scene: Scene) -> dict[str, Any]:
    return {"request_id": scene.request_id}


def everybody(scene: Scene) -> dict[str, Any]:
    return {"all": True}


def inside(scene: Scene) -> dict[str, Any]:
    return {"user_id": scene.inside.id}


def head(scene: Scene) -> int:
    return int(scene.host.rest.room(scene.room_id)["head"])


def token_of(who: str) -> Data:
    return lambda scene: {"token": getattr(scene, who).token}


def newest(scene: Scene) -> dict[str, Any]:
    return {"ids": [scene.host.rest.notifications()[0]["id"]]}


def of_another(scene: Scene) -> dict[str, Any]:
    return {"ids": [scene.removed.rest.notifications()[0]["id"]]}


def uploaded(scene: Scene, room_id: str = "") -> str:
    """A file in the scene's room, or in another one."""
    where = f"/api/chat/{room_id or scene.room_id}/files/"
    return str(scene.host.rest.call("POST", where, files={"file": ("a.txt", b"text")}).ok(201)["id"])


def a_file(scene: Scene) -> dict[str, Any]:
    return {"client_id": "one", "file_id": uploaded(scene)}


def a_file_that_stands(scene: Scene) -> dict[str, Any]:
    data = a_file(scene)
    scene.inside.rest.post(f"/api/chat/{scene.room_id}/messages/", data).ok(201)
    return data


def a_file_from_elsewhere(scene: Scene) -> dict[str, Any]:
    return {"client_id": "one", "file_id": uploaded(scene, room_with(scene.host, [scene.inside], title="Other"))}


SENDS = [
    Case("message_send", "inside", "ok", send()),
    Case("message_send", "host", "ok", send(body="  verbatim <b>\n👍  ")),
    Case("message_send", "inside", "ok", send(), said),
    Case("message_send", "inside", "conflict", send(body="other"), said),
    Case("message_send", "inside", "invalid_payload", send(body="")),
    Case("message_send", "inside", "invalid_payload", send(body="\u200b")),
    Case("message_send", "inside", "invalid_payload", send(body=7)),
    Case("message_send", "inside", "invalid_payload", send(client_id="")),
    Case("message_send", "inside", "invalid_payload", send(client_id="a b")),
    Case("message_send", "inside", "invalid_payload", send(client_id="a" * 65)),
    Case("message_send", "inside", "invalid_payload", with_(client_id="one")),
    Case("message_send", "inside", "invalid_payload", with_(body="hello")),
    Case("message_send", "inside", "invalid_payload", with_(client_id="one", body="b", file_id="f")),
    Case("message_send", "inside", "invalid_payload", with_(client_id="one", body="b", surprise=1)),
    Case("message_send", "inside", "not_found", with_(client_id="one", file_id="a" * 20)),
    Case("message_send", "inside", "too_large", send(body="a" * 4001)),
    Case("message_send", "inside", "ok", a_file),
    Case("message_send", "inside", "ok", a_file_that_stands),
    Case("message_send", "inside", "conflict", a_file, said),
    Case("message_send", "inside", "not_found", a_file_from_elsewhere),
    Case("message_send", "inside", "room_closed", a_file, closed),
    Case("message_send", "stranger", "not_found", a_file),
    Case("message_send", "inside", "invalid_payload", with_(client_id="one", file_id=7)),
]
OUTSIDERS = [
    Case(name, who, "not_found", data)
    for who in ("waiting", "banned", "removed", "stranger")
    for name, data in {
        "message_send": send(),
        "messages_after": with_(after=0),
        "messages_before": with_(before=9),
        "join_request_approve": everybody,
        "join_request_deny": everybody,
        "participant_remove": inside,
        "room_close": with_(),
        "room_reopen": with_(),
    }.items()
]
READS = [
    Case("messages_after", "inside", "ok", with_(after=0), said),
    Case("messages_after", "inside", "ok", with_(after=1, limit=2), said),
    Case("messages_before", "host", "ok", with_(before=3, limit=1), said),
    Case("messages_before", "host", "ok", with_(before=1), said),
    Case("messages_after", "inside", "invalid_payload", with_(after=-1)),
    Case("messages_after", "inside", "invalid_payload", with_(after="x")),
    Case("messages_after", "inside", "invalid_payload", with_(after=2**63)),
    Case("messages_after", "inside", "invalid_payload", with_(after=0, limit=0)),
    Case("messages_after", "inside", "invalid_payload", with_(after=0, limit=201)),
    Case("messages_after", "inside", "invalid_payload", with_(after=0, before=9)),
]
DECISIONS = [
    Case("join_request_approve", "host", "ok", by_request),
    Case("join_request_approve", "host", "ok", lambda scene: {"user_id": scene.waiting.id}),
    Case("join_request_approve", "host", "ok", lambda scene: {"request_ids": [scene.request_id, "a" * 20]}),
    Case("join_request_approve", "host", "ok", everybody),
    Case("join_request_approve", "host", "ok", by_request, approved),
    Case("join_request_approve", "host", "not_pending", by_request, denied),
    Case("join_request_approve", "host", "not_found", with_(request_id="a" * 20)),
    Case("join_request_approve", "host", "invalid_payload", with_()),
    Case("join_request_approve", "host", "invalid_payload", with_(all=False)),
    Case("join_request_approve", "host", "invalid_payload", with_(all=True, user_id="a" * 20)),
    Case("join_request_approve", "host", "invalid_payload", with_(request_ids=[])),
    Case("join_request_approve", "host", "ok", inside, removed),
    Case("join_request_approve", "inside", "forbidden", everybody),
    Case("join_request_deny", "host", "ok", lambda scene: {**by_request(scene), "reason": "Not today"}),
    Case("join_request_deny", "host", "ok", by_request, denied),
    Case("join_request_deny", "host", "not_pending", by_request, approved),
    Case("join_request_deny", "host", "invalid_payload", lambda scene: {**by_request(scene), "reason": "x" * 501}),
    Case("join_request_deny", "inside", "forbidden", everybody),
    Case("participant_remove", "host", "ok", inside),
    Case("participant_remove", "host", "ok", lambda scene: {**inside(scene), "ban": True, "reason": "noise"}),
    Case("participant_remove", "host", "ok", inside, removed),
    Case("participant_remove", "host", "not_found", lambda scene: {"user_id": scene.stranger.id}),
    Case("participant_remove", "host", "conflict", lambda scene: {"user_id": scene.host.id}),
    Case("participant_remove", "host", "invalid_payload", with_()),
    Case("participant_remove", "inside", "forbidden", lambda scene: {"user_id": scene.host.id}),
]
ROOMS = [
    Case("room_create", "host", "ok", with_(title="New", admission="open", host_grace_seconds=0)),
    Case("room_create", "host", "limit_reached", with_(title="New"), full_of_rooms),
    Case("room_create", "host", "invalid_payload", with_()),
    Case("room_create", "host", "invalid_payload", with_(title=" ")),
    Case("room_create", "host", "invalid_payload", with_(title="x" * 121)),
    Case("room_create", "host", "invalid_payload", with_(title="New", admission="maybe")),
    Case("room_create", "host", "invalid_payload", with_(title="New", host_grace_seconds=601)),
    Case("room_create", "inside", "forbidden", with_(title="New")),
    Case("room_close", "host", "ok"),
    Case("room_close", "inside", "forbidden"),
    Case("room_reopen", "host", "ok"),
    Case("room_reopen", "inside", "forbidden"),
]
IN_A_CLOSED_ROOM = [
    Case("message_send", "inside", "room_closed", send(), closed),
    Case("message_send", "host", "room_closed", send(), closed),
    Case("messages_after", "inside", "ok", with_(after=0), closed),
    Case("join_request_approve", "host", "room_closed", everybody, closed),
    Case("join_request_create", "stranger", "room_closed", with_(), closed),
    Case("room_close", "host", "ok", prepare=closed),
    Case("room_reopen", "host", "ok", prepare=closed),
    Case("message_send", "waiting", "not_found", send(), closed),
]
LOBBY = [
    Case("join_request_create", "stranger", "ok", with_(note="Please")),
    Case("join_request_create", "stranger", "ok"),
    Case("join_request_create", "waiting", "ok", with_(note="again")),
    Case("join_request_create", "inside", "ok"),
    Case("join_request_create", "host", "ok"),
    Case("join_request_create", "banned", "forbidden"),
    Case("join_request_create", "removed", "ok"),
    Case("join_request_create", "stranger", "invalid_payload", with_(note="x" * 501)),
    Case("join_request_create", "stranger", "invalid_payload", with_(note=5)),
    Case("join_request_create", "stranger", "invalid_payload", with_(seat=5)),
    Case("join_request_withdraw", "waiting", "ok"),
    Case("join_request_withdraw", "stranger", "not_found"),
    Case("join_request_withdraw", "removed", "not_pending"),
    Case("join_request_withdraw", "waiting", "not_pending", prepare=denied),
    Case("join_request_withdraw", "waiting", "not_pending", prepare=approved),
]

CASES = [*SENDS, *OUTSIDERS, *READS, *DECISIONS, *ROOMS, *IN_A_CLOSED_ROOM, *LOBBY]
"""By every way."""

ON_SOCKETS = [
    Case("room_enter", "inside", "ok", prepare=said),
    Case("room_enter", "host", "ok", with_(after=1)),
    Case("room_enter", "inside", "ok", lambda scene: {"after": head(scene)}),
    Case("room_enter", "inside", "ok", with_(after=10**6)),
    Case("room_enter", "inside", "ok", with_(after=1, epoch="another")),
    Case("room_enter", "host", "ok", prepare=closed),
    Case("room_enter", "waiting", "forbidden"),
    Case("room_enter", "waiting", "ok", prepare=approved),
    Case("room_enter", "waiting", "not_found", prepare=denied),
    Case("room_enter", "inside", "not_found", prepare=removed),
    Case("room_enter", "banned", "not_found"),
    Case("room_enter", "removed", "not_found"),
    Case("room_enter", "stranger", "not_found"),
    Case("room_enter", "inside", "invalid_payload", with_(after=-1)),
    Case("room_enter", "inside", "invalid_payload", with_(after=2**63)),
    Case("room_enter", "inside", "invalid_payload", with_(after="x")),
    Case("typing", "inside", "ok", with_(typing=True)),
    Case("typing", "host", "ok", with_(typing=False)),
    Case("typing", "inside", "ok", with_(typing=True), closed),
    Case("typing", "inside", "invalid_payload", with_(typing="x")),
    Case("typing", "inside", "invalid_payload", with_()),
    Case("typing", "inside", "invalid_payload", with_(typing=True, surprise=1)),
    Case("token_refresh", "inside", "ok", token_of("inside")),
    Case("token_refresh", "inside", "unauthorized", with_(token="none of ours")),
    Case("token_refresh", "inside", "invalid_payload", with_()),
    Case("token_refresh", "inside", "disconnected", token_of("host")),
]
"""What REST has not: entering, typing, a new token."""

NOTIFICATIONS = [
    Case("notifications_mark_read", "host", "ok", newest),
    Case("notifications_mark_read", "host", "ok", with_(up_to_seq=1)),
    Case("notifications_mark_read", "host", "ok", with_(up_to_seq=10**6)),
    Case("notifications_mark_read", "stranger", "ok", with_(up_to_seq=1)),
    Case("notifications_mark_read", "host", "not_found", of_another),
    Case("notifications_mark_read", "host", "not_found", with_(ids=["a" * 20])),
    Case("notifications_mark_read", "host", "invalid_payload", with_()),
    Case("notifications_mark_read", "host", "invalid_payload", with_(ids=[])),
    Case("notifications_mark_read", "host", "invalid_payload", with_(up_to_seq=-1)),
    Case("notifications_mark_read", "host", "invalid_payload", lambda scene: {**newest(scene), "up_to_seq": 1}),
]
"""What a room's plain WebSocket has not."""
