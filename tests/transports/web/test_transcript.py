"""What was said, as a file that its host keeps."""

from __future__ import annotations

from urllib.parse import quote

from chatapp.domain import messages
from chatapp.transports.web import transcript
from tests.support.school import School, Signed
from tests.transports.web.conftest import Visitor


def lesson(school: School, teacher: Signed, student: Signed, *texts: str, title: str = "Physics: 8b/…") -> str:
    room_id = str(school.room(teacher, student, title=title)["id"])
    for number, text in enumerate(texts):
        messages.send(student.actor, room_id=room_id, client_id=f"id-{number}", body=text)
    return f"/rooms/{room_id}/transcript.txt"


def test_the_host_keeps_what_was_said(teachers: Visitor, school: School, teacher: Signed, student: Signed) -> None:
    path = lesson(school, teacher, student, "<script>alert(1)</script>", "one\ntwo", "שלום")
    answer = teachers.client.get(path)
    name, host = student.user["display_name"], teacher.user["display_name"]
    lines = answer.text.splitlines()
    assert lines[:3] == ["Physics: 8b/…", f"{host} · Times are UTC.", ""]
    assert [line[18:] for line in lines[3:]] == [
        f"{host} opened the room.",
        f"{name} joined.",
        f"{name}: <script>alert(1)</script>",
        f"{name}: one",
        "  two",
        f"{name}: שלום",
    ]
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith(f"attachment; filename*=UTF-8''{quote('Physics 8b ')}20")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_room_that_is_longer_than_one_read_is_whole(
    teachers: Visitor, school: School, teacher: Signed, student: Signed
) -> None:
    count = 2 * transcript.PAGE + 7
    path = lesson(school, teacher, student, *(f"line {number}" for number in range(count)))
    said = [line.split(": ")[1] for line in teachers.client.get(path).text.splitlines() if ": line " in line]
    assert said == [f"line {number}" for number in range(count)]


def test_only_the_host_is_given_it(teachers: Visitor, students: Visitor, school: School, teacher: Signed) -> None:
    path = f"/rooms/{school.room(teacher)['id']}/transcript.txt"
    assert teachers.client.get(path).status_code == 200
    assert students.client.get(path).status_code == 404
    member = school.student()
    assert Visitor(school.app.test_client()).sign_in(member).client.get(path).status_code == 404
    school.api.as_(member).post(path.replace("/rooms/", "/api/chat/").replace("transcript.txt", "join/")).ok(201)
    school.api.as_(teacher).post(
        path.replace("/rooms/", "/api/chat/").replace("transcript.txt", "approve/"), {"all": True}
    ).ok()
    assert Visitor(school.app.test_client()).sign_in(member).client.get(path).status_code == 403


def test_it_speaks_the_language_of_the_page(
    teachers: Visitor, school: School, teacher: Signed, student: Signed
) -> None:
    path = lesson(school, teacher, student)
    german = teachers.client.get(path, headers={"Accept-Language": "de"}).text
    assert f"{teacher.user['display_name']} hat den Raum" in german
