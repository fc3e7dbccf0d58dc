"""A whole lesson over real sockets against a real server: a teacher, thirty students on every kind of client."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from chatapp.contract import things
from tests.scenarios.classroom import BOTH, assert_all_heard, at_once, kinds, leaving
from tests.support.clients.js import JsWire, Node
from tests.support.clients.member import CommandError, Member
from tests.support.clients.plain import PlainWire
from tests.support.clients.sio import sio_member
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {"HOST_AWAY_SECONDS": "0.5", "LIMIT_SENDS": "100/second", "LIMIT_SENDS_BURST": "100"}

SAYINGS = [
    "Guten Morgen",
    "שלום לכולם",
    "早上好",
    '👩‍🏫 says: 1 < 2 & "so on"',
    "e\u0301te\u0301",
    "line one\nline two\ttabbed",
]


def test_a_whole_lesson(server: ServerProcess, node: Node) -> None:
    people = server.students(30)
    teacher = sio_member(server.teacher(), namespaces=BOTH)
    students = [make(person) for make, person in zip(kinds(node), people, strict=False)]
    everybody = [teacher, *students]
    with leaving(everybody):
        at_once(Member.connect, everybody)
        room_id = teacher.do("room_create", {"title": "Biology", "host_grace_seconds": 30})["room"]["id"]
        teacher.enter(room_id)
        knocks_and_bulk_approval(teacher, students, room_id)
        at_once(lambda student: student.enter(room_id), students)
        a_conversation_with_reloads(everybody, students, room_id)
        gone = a_removal(teacher, students, room_id)
        here = [member for member in everybody if member not in gone]
        the_host_drops_and_returns(teacher, here[1:], room_id)
        the_end(teacher, here, room_id)

        log = teacher.person.rest.room_log(room_id)
        assert [message["seq"] for message in log] == list(range(1, len(log) + 1))
        assert log[-1]["code"] == "room_closed"
        assert not [fault for message in log for fault in things.MessageSchema().validate(message)]
        assert_all_heard(here, room_id, log)
        for member, removed_at in gone.items():
            heard = member.rooms[room_id].last
            assert removed_at - 1 <= heard <= removed_at, f"{member!r} heard up to {heard}, was removed at {removed_at}"
            assert_all_heard([member], room_id, log, last=heard)
        assert all(member.rooms[room_id].resets == 0 for member in everybody)


def knocks_and_bulk_approval(teacher: Member, students: list[Member], room_id: str) -> None:
    def knock(student: Member) -> None:
        note = f"{student.person.username} asks ✋"
        if isinstance(student.wire, PlainWire):  # which is for those who are inside
            student.person.rest.knock(room_id, note).ok(201)
        else:
            student.do("join_request_create", {"room_id": room_id, "note": note})

    at_once(knock, students)
    for student in students:
        request = teacher.wait_event("join_request", about(student))
        assert request["status"] == "pending" and request["note"] == f"{student.person.username} asks ✋"

    with pytest.raises(CommandError) as refused:
        students[0].enter(room_id)
    assert refused.value.code == "forbidden" and refused.value.error["data"] == {"my_role": "pending"}

    waiting = teacher.person.rest.requests(room_id, status="pending")
    assert len(waiting) == 30
    first = [request["id"] for request in waiting[:10]]
    results = teacher.do("join_request_approve", {"room_id": room_id, "request_ids": first})["results"]
    assert [(row["request_id"], row["outcome"]) for row in results] == [(one, "approved") for one in first]
    results = teacher.person.rest.approve(room_id, all=True).ok(200)["results"]
    assert sorted(row["request_id"] for row in results) == sorted(request["id"] for request in waiting[10:])
    for student in students:
        if not isinstance(student.wire, PlainWire):
            student.wait_event("notification", lambda data: data["kind"] == "join_request_approved")


def about(member: Member) -> Callable[[Any], bool]:
    """Whether an event's data are about this one."""
    return lambda data: bool(data["user"]["id"] == member.person.id)


def a_conversation_with_reloads(everybody: list[Member], students: list[Member], room_id: str) -> None:
    def take_part(member: Member) -> None:
        for number, saying in enumerate(itertools.islice(itertools.cycle(SAYINGS), 4)):
            sent = member.send(room_id, f"{saying} ({member.person.username}, {number})")
            assert sent["message"]["sender"]["id"] == member.person.id
            if number == 1 and member in reloading:
                member.reload()

    reloading = students[:6]
    at_once(take_part, everybody)
    assert all(member.connections >= 2 for member in reloading)
    upgraded = [student.wire.transports for student in students if isinstance(student.wire, JsWire)]
    assert all("websocket" in transports for transports in upgraded), "default options begin with polling and upgrade"


def a_removal(teacher: Member, students: list[Member], room_id: str) -> dict[Member, int]:
    """Two are removed, the others talk on. Whom, and at which seq."""
    sio = next(student for student in students[6:] if not isinstance(student.wire, (PlainWire, JsWire)))
    js = next(student for student in students[6:] if isinstance(student.wire, JsWire))
    plain = next(student for student in students[6:] if isinstance(student.wire, PlainWire))
    gone: dict[Member, int] = {}
    for member in (sio, js, plain):
        removal = teacher.do("participant_remove", {"room_id": room_id, "user_id": member.person.id, "reason": "Later"})
        gone[member] = removal["seq"]
    sio.wait_event("bye", lambda data: data["code"] == "removed" and data["room_id"] == room_id)
    js.wait_event("bye", lambda data: data["code"] == "removed" and data["room_id"] == room_id)
    plain.wait(lambda: not plain.connected, what="the close")
    assert isinstance(plain.wire, PlainWire) and plain.wire.close_code == 4403
    for member in (sio, js):
        answer = member.ask("message_send", {"room_id": room_id, "client_id": "after", "body": "still here"})
        assert answer["error"]["code"] == "not_found"
        answer = member.ask("messages_after", {"room_id": room_id, "after": 0})
        assert answer["error"]["code"] == member.person.rest.messages(room_id).code == "not_found"
        member.wait_event("notification", lambda data: data["kind"] == "participant_removed")
    here = [student for student in students if student not in gone]
    at_once(lambda student: student.send(room_id, "we go on"), here[:10])
    return gone


def the_host_drops_and_returns(teacher: Member, others: list[Member], room_id: str) -> None:
    teacher.cut()
    for member in others:
        away = member.wait_event("message", lambda data: data["code"] == "host_away")
        assert 0 < away["params"]["closes_in"] <= 30
        shown = member.wait_event("room_updated", lambda data: data["status"] == "unsupervised")
        assert shown["closes_at"] and 0 < shown["closes_in"] <= 30
    others[0].send(room_id, "she will be back")
    teacher.connect()
    for member in others:
        member.wait_event("message", lambda data: data["code"] == "host_back")
        member.wait_event("room_updated", lambda data: data["status"] == "open")


def the_end(teacher: Member, here: list[Member], room_id: str) -> None:
    assert teacher.do("room_close", {"room_id": room_id})["room"]["status"] == "closed"
    for member in here:
        member.wait_event("message", lambda data: data["code"] == "room_closed")
        shown: Any = member.wait_event("room_updated", lambda data: data["status"] == "closed")
        assert shown["close_reason"] == "host_closed"
        assert not member.byes, "a room's closing is no bye"
        answer = member.ask("message_send", {"room_id": room_id, "client_id": "late", "body": "too late"})
        assert answer["error"]["code"] == "room_closed"
