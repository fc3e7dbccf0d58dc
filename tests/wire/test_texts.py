"""What people write arrives as they wrote it, or is refused; nothing is ever read as more than text."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.scenarios.classroom import room_with
from tests.support.server import StartServer
from tests.wire.line import Line
from tests.wire.scene import ROOMY, Room

pytestmark = pytest.mark.service

SERVER_ENV = ROOMY

VERBATIM = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    '"><b>',
    "{{7*7}}",
    "${7*7}",
    "'; DROP TABLE messages; --",
    "100%_",
    "http://169.254.169.254/latest/meta-data/",
    "file:///etc/passwd",
    "👩‍👩‍👧‍👦🏳️‍🌈",
    "مرحبا بكم",
    "日本語テキスト",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",
    "e\u0301 is not \u00e9",
    "  spaces around  ",
    "tab\there\nnew line\r\nwindows line",
    "a\u200db",
    "\u202eright to left\u202c",
    "a" * 4000,
    "€" * 4000,
    "x" + "\u0301" * 10,
]


def test_what_is_said_is_what_is_heard_and_stored(room: Room) -> None:
    talker, reader = room.line("teacher"), room.line("inside")
    reader.enter(room.id)
    for number, body in enumerate(VERBATIM):
        ack = talker.ask("message_send", {"room_id": room.id, "client_id": f"n{number}", "body": body})
        assert ack["ok"] and ack["message"]["body"] == body and ack["duplicate"] is False
        assert reader.ws.until("/chat", "message").data[1] == ack["message"]
    stored = [message["body"] for message in room.teacher.rest.room_log(room.id) if message["type"] == "text"]
    assert stored == VERBATIM


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "invalid_payload"),
        ("   \n\t ", "invalid_payload"),
        ("\u200b\u200b", "invalid_payload"),
        ("\u2060\ufeff", "invalid_payload"),
        ("a\u0000b", "invalid_payload"),
        ("a\u001bb", "invalid_payload"),
        ("x" + "\u0301" * 11, "invalid_payload"),
        ("x" + "\u0301" * 1000, "invalid_payload"),
        ("a" * 4001, "too_large"),
        ("👍" * 4000 + "👍", "too_large"),
        (5, "invalid_payload"),
        (None, "invalid_payload"),
        (["hello"], "invalid_payload"),
        ({"text": "hello"}, "invalid_payload"),
    ],
)
def test_what_says_nothing_or_too_much_is_refused(room: Room, body: Any, code: str) -> None:
    before = len(room.teacher.rest.room_log(room.id))
    line = room.line("inside")
    assert line.code("message_send", {"room_id": room.id, "client_id": "c", "body": body}) == code
    assert len(room.teacher.rest.room_log(room.id)) == before
    assert line.code("message_send", {"room_id": room.id, "client_id": "c", "body": "fine"}) == "ok"


def test_a_body_in_bytes_counts_too(room: Room, start_server: StartServer) -> None:
    """4,000 code points of four bytes are 16,000 bytes and pass; the limit in bytes is its own setting."""
    assert room.line("inside").code("message_send", {"room_id": room.id, "client_id": "c", "body": "👍" * 4000}) == "ok"
    strict = start_server(LIMIT_MESSAGE_BYTES="8000")
    teacher = strict.teacher()
    room_id = room_with(teacher, [])
    with Line.open(strict, teacher) as line:
        for number, (body, code) in enumerate(
            [
                ("👍" * 2000, "ok"),
                ("👍" * 2000 + "a", "too_large"),
                ("€" * 2666 + "aa", "ok"),
                ("€" * 2667, "too_large"),
                ("a" * 4000, "ok"),
                ("a" * 4001, "too_large"),
            ]
        ):
            send = {"room_id": room_id, "client_id": f"n{number}", "body": body}
            assert line.code("message_send", send) == code, body[:2]
            assert teacher.rest.send(room_id, f"rest{number}", body).code == code


def test_hostile_names_and_notes_are_texts_as_well(room: Room) -> None:
    hostile = "<script>alert(1)</script>"
    room.stranger.rest.call("PATCH", "/api/users/me/", {"display_name": hostile}).ok()
    request = room.line("stranger").ask("join_request_create", {"room_id": room.id, "note": hostile})["join_request"]
    assert (request["note"], request["user"]["display_name"]) == (hostile, hostile)
    created = room.line("teacher").ask("room_create", {"title": hostile})["room"]
    assert created["title"] == hostile
    denial = {"room_id": room.id, "request_id": request["id"], "reason": hostile}
    assert room.line("teacher").code("join_request_deny", denial) == "ok"
    assert room.stranger.rest.my_request(room.id).ok()["reason"] == hostile


def test_no_address_that_somebody_wrote_is_ever_asked(room: Room) -> None:
    """No previews, no titles, no pictures fetched: whoever listens at the address hears nothing."""
    with socket.create_server(("127.0.0.1", 0)) as trap:
        port = trap.getsockname()[1]
        links = [f"http://{host}:{port}/x.png" for host in ("127.0.0.1", "localhost", "127.1", "0x7f000001")]
        body = " ".join([*links, f"![]({links[0]})", f"//127.0.0.1:{port}", "file:///etc/passwd"])
        line = room.line("teacher")
        assert line.code("message_send", {"room_id": room.id, "client_id": "link", "body": body}) == "ok"
        assert line.code("room_create", {"title": links[0], "description": body}) == "ok"
        room.stranger.rest.knock(room.id, note=body).ok(201)
        room.teacher.rest.call("PATCH", "/api/users/me/", {"display_name": links[0]}).ok()
        room.inside.rest.messages(room.id).ok()
        trap.settimeout(1)
        with pytest.raises(TimeoutError):
            trap.accept()
