"""Who gets in, and when not: the rules of admission, by REST and by Socket.IO."""

from __future__ import annotations

import pytest

from tests.scenarios.classroom import admit, room_with
from tests.scenarios.ways import WAYS, Result, nothing
from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {"LIMIT_PENDING": "2", "LIMIT_PARTICIPANTS": "3", "LIMIT_KNOCKS": "3/hour"}

both = pytest.mark.parametrize("way", ["REST", "Socket.IO"])


def knock(way: str, person: Person, room_id: str) -> Result:
    return WAYS[way](person, "join_request_create", room_id, {}, nothing)


@both
@pytest.mark.parametrize(
    ("admission", "who", "outcome"),
    [
        ("ask", "stranger", "pending"),
        ("open", "stranger", "approved"),
        ("closed", "stranger", "forbidden"),
        ("ask", "inside", "approved"),
        ("open", "inside", "approved"),
        ("closed", "inside", "approved"),
        ("ask", "banned", "forbidden"),
        ("open", "banned", "forbidden"),
        ("closed", "banned", "forbidden"),
        ("ask", "removed", "pending"),
        ("open", "removed", "approved"),
        ("closed", "removed", "forbidden"),
    ],
)
def test_a_knock(server: ServerProcess, way: str, admission: str, who: str, outcome: str) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [] if who == "stranger" else [student])
    if who in ("banned", "removed"):
        teacher.rest.remove(room_id, student.id, ban=who == "banned").ok()
    teacher.rest.update_room(room_id, admission=admission).ok()
    got = knock(way, student, room_id)
    assert (got.thing["status"] if got.code == "ok" else got.code) == outcome
    inside = [row["user"]["id"] for row in teacher.rest.participants(room_id)]
    assert (student.id in inside) == (outcome == "approved")


@both
def test_a_full_lobby_takes_no_more(server: ServerProcess, way: str) -> None:
    teacher, students = server.teacher(), server.students(3)
    room_id = room_with(teacher, [])
    assert [knock(way, student, room_id).code for student in students] == ["ok", "ok", "limit_reached"]
    students[0].rest.withdraw(room_id).ok()
    assert knock(way, students[2], room_id).code == "ok"


@both
def test_a_full_room_takes_no_more(server: ServerProcess, way: str) -> None:
    teacher, students = server.teacher(), server.students(4)
    room_id = room_with(teacher, students[:1])
    for student in students[1:3]:
        student.rest.knock(room_id).ok(201)
    results = WAYS[way](teacher, "join_request_approve", room_id, {"all": True}, nothing).thing["results"]
    assert [row["outcome"] for row in results] == ["approved", "room_full"]
    left_over = results[1]["request_id"]
    assert WAYS[way](teacher, "join_request_approve", room_id, {"request_id": left_over}, nothing).code == "room_full"
    teacher.rest.update_room(room_id, admission="open").ok()
    assert knock(way, students[3], room_id).code == "room_full"
    students[0].rest.leave(room_id).ok()
    assert knock(way, students[3], room_id).code == "ok"


@both
def test_who_knocks_too_often_waits(server: ServerProcess, way: str) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [])
    for _ in range(3):
        assert knock(way, student, room_id).code == "ok"
        student.rest.withdraw(room_id).ok()
    refused = knock(way, student, room_id)
    assert refused.code == "rate_limited" and 0 < refused.more["retry_after"] <= 3600
    assert knock(way, student, room_with(teacher, [])).code == "ok", "another room is another door"


@both
def test_the_host_decides_in_the_order_of_knocking(server: ServerProcess, way: str) -> None:
    teacher, students = server.teacher(), server.students(2)
    room_id = room_with(teacher, [])
    for student in students:
        assert knock(way, student, room_id).code == "ok"
    admit(teacher, room_id, [])
    joined = [message["params"]["user"]["id"] for message in teacher.rest.room_log(room_id)[1:]]
    assert joined == [student.id for student in students]
