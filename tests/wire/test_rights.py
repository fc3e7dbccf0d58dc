"""Who may not is told so; who should not know is told that there is nothing."""

from __future__ import annotations

from typing import Any

import pytest

from tests.scenarios.classroom import room_with
from tests.support.server import ServerProcess
from tests.wire.line import Line
from tests.wire.scene import ROOMY, Room

pytestmark = pytest.mark.service

SERVER_ENV = ROOMY

COMMANDS: dict[str, dict[str, Any]] = {
    "join_request_approve": {"all": True},
    "join_request_deny": {"all": True},
    "participant_remove": {"user_id": "a" * 20},
    "room_close": {},
    "room_reopen": {},
}


@pytest.mark.parametrize("name", COMMANDS)
def test_only_the_host_decides(room: Room, name: str) -> None:
    data = {"room_id": room.id, **COMMANDS[name]}
    assert room.line("inside").code(name, data) == "forbidden"
    assert room.line("waiting").code(name, data) == "not_found"
    assert room.line("stranger").code(name, data) == "not_found"
    wanted = "not_found" if name == "participant_remove" else "ok"
    assert room.line("teacher").code(name, data) == wanted


def test_a_student_cannot_let_itself_in(room: Room) -> None:
    request = room.waiting.rest.my_request(room.id).ok()
    for who in ("waiting", "inside"):
        code = room.line(who).code("join_request_approve", {"room_id": room.id, "request_id": request["id"]})
        assert code == ("forbidden" if who == "inside" else "not_found")
    assert room.waiting.rest.my_request(room.id).ok()["status"] == "pending"


def test_a_host_decides_nothing_next_door(server: ServerProcess, room: Room) -> None:
    other = server.teacher()
    own_room = room_with(other, [])
    request = room.waiting.rest.my_request(room.id).ok()["id"]
    with Line.open(server, other) as line:
        for where, wanted in ((room.id, "not_found"), (own_room, "not_found")):
            assert line.code("join_request_approve", {"room_id": where, "request_id": request}) == wanted
            assert line.code("participant_remove", {"room_id": where, "user_id": room.inside.id}) == wanted
    assert room.waiting.rest.my_request(room.id).ok()["status"] == "pending"
    assert len(room.teacher.rest.participants(room.id)) == 2


def test_a_student_creates_no_room(room: Room) -> None:
    assert room.line("inside").code("room_create", {"title": "Mine"}) == "forbidden"
    assert room.line("teacher").code("room_create", {"title": "Mine"}) == "ok"


def test_the_host_cannot_be_removed(room: Room) -> None:
    data = {"room_id": room.id, "user_id": room.teacher.id}
    assert room.line("teacher").code("participant_remove", data) == "conflict"


def test_notifications_of_somebody_else_are_not_there(server: ServerProcess, room: Room) -> None:
    (theirs, *_) = room.teacher.rest.notifications()
    with Line.open(server, room.stranger, "/notifications") as line:
        code = line.code("notifications_mark_read", {"ids": [theirs["id"]]}, "/notifications")
        assert code == "not_found"
    assert room.teacher.rest.notifications()[0]["read"] is False


def test_a_removed_participant_is_out_at_once_and_for_good(room: Room) -> None:
    line = room.line("inside")
    line.enter(room.id)
    removal = room.line("teacher").ask("participant_remove", {"room_id": room.id, "user_id": room.inside.id})
    room.line("teacher").ask("message_send", {"room_id": room.id, "client_id": "c", "body": "among ourselves"})
    assert line.ws.until("/chat", "bye", 2).data[1] == {"room_id": room.id, "code": "removed"}
    with pytest.raises(TimeoutError):
        line.ws.until("/chat", "message", 1)
    for name, data in {
        "room_enter": {"after": removal["seq"]},
        "message_send": {"client_id": "x", "body": "I am still here"},
        "messages_after": {"after": 0},
        "messages_before": {"before": 5},
        "typing": {"typing": True},
    }.items():
        assert line.code(name, {"room_id": room.id, **data}) == "not_found", name


def test_no_name_of_a_group_or_a_connection_is_a_room(room: Room) -> None:
    """What delivery calls its groups is its own affair: a client names rooms, and only by their ids."""
    line, victim = room.line("stranger"), room.line("inside")
    victim.enter(room.id)
    for command in ("join", "socket.join", "room_join", "subscribe", "enter_room"):
        assert line.code(command, {"room": victim.ws.sid, "room_id": room.id}) == "unknown_command"
    names = [
        victim.ws.sid,
        f"room:{room.id}",
        f"user:{room.inside.id}",
        f"/chat#{victim.ws.sid}",
        "/chat",
        room.inside.id,
    ]
    for name in names:
        assert line.code("room_enter", {"room_id": name}) == "not_found", name
    said = room.line("teacher").ask("message_send", {"room_id": room.id, "client_id": "c", "body": "among ourselves"})
    assert victim.ws.until("/chat", "message").data[1] == said["message"]
    with pytest.raises(TimeoutError):
        line.ws.until("/chat", "message", 1)
