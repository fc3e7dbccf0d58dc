"""What the pages say, to whom, and what they forbid browsers."""

from __future__ import annotations

import re

import pytest
from flask import Flask

from chatapp.transports.web import rooms
from tests.support.school import PASSWORD, School, Signed
from tests.transports.web.conftest import Visitor

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg/onload=alert(1)>',
    "' onmouseover='alert(1)",
    "{{7*7}} ${7*7} {% raw %}",
    "javascript:alert(1)",
]


@pytest.mark.settings(LIMIT_REQUESTS="1/hour", LIMIT_REQUESTS_BURST="4")
def test_who_asks_for_pages_without_end_is_told_to_wait_and_nobody_else(
    students: Visitor, teachers: Visitor, teacher: Signed
) -> None:
    for path in ("/me/", "/files/nothing/", "/me/programs/", "/me/"):
        assert students.client.get(path).status_code in (200, 404)
    for path in ("/", "/me/", "/files/nothing/"):
        assert students.client.get(path).status_code == 429
    assert "Too many requests" in students.see("/me/", 429).text
    assert teachers.client.get("/me/").status_code == 200


def test_a_page_forbids_what_it_does_not_need(students: Visitor) -> None:
    first, second = students.client.get("/"), students.client.get("/")
    policy = {part.split()[0]: part.split()[1:] for part in first.headers["Content-Security-Policy"].split("; ")}
    assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == ["'none'"]
    assert policy["style-src"] == policy["form-action"] == ["'self'"]
    assert policy["img-src"] == ["'self'", "data:"]
    assert policy["connect-src"] == ["'self'", "ws://127.0.0.1:5000"]
    assert re.fullmatch(r"'nonce-[\w-]{24}'", policy["script-src"][0])
    assert first.headers["Content-Security-Policy"] != second.headers["Content-Security-Policy"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    assert first.headers["Referrer-Policy"] == "no-referrer"
    assert first.headers["Cache-Control"] == "no-store"
    assert "Cookie" in first.headers["Vary"]
    assert "Strict-Transport-Security" not in first.headers


@pytest.mark.settings(PUBLIC_URL="https://chat.example", CORS_ORIGINS="https://chat.example", DEMO="false")
def test_over_https_browsers_are_told_to_stay_there(visitor: Visitor) -> None:
    answer = visitor.client.get("/")
    assert answer.headers["Strict-Transport-Security"].startswith("max-age=")
    assert "wss://chat.example" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", ["/", "/register/", "/nowhere/", "/rooms/aaaaaaaaaaaaaaaaaaaa/"])
def test_nothing_is_inline_and_nothing_comes_from_elsewhere(teachers: Visitor, path: str) -> None:
    answer = teachers.client.get(path, follow_redirects=True)
    assert "Content-Security-Policy" in answer.headers
    assert " style=" not in answer.text
    assert not re.search(r"\son\w+=", answer.text)
    assert not re.search(r'(src|href|action)="(?!/|#)', answer.text)


def test_the_scripts_of_the_room_page_carry_its_nonce(teachers: Visitor) -> None:
    answer = teachers.client.get(new_room(teachers, "Nonce"))
    nonce = re.search(r"'nonce-([^']+)'", answer.headers["Content-Security-Policy"])
    assert nonce is not None
    scripts = re.findall(r"<script[^>]*>", answer.text)
    assert scripts
    assert all(f'nonce="{nonce[1]}"' in script for script in scripts)


@pytest.mark.parametrize("path", ["/join/?code=ABCDEF", "/rooms/aaaaaaaaaaaaaaaaaaaa/"])
def test_who_is_not_signed_in_is_led_in_and_back(visitor: Visitor, student: Signed, path: str) -> None:
    answer = visitor.client.get(path)
    assert answer.status_code == 303
    page = visitor.client.get(answer.headers["Location"])
    after = re.search(r'name="next" value="([^"]+)"', page.text)
    assert after is not None
    signed_in = visitor.submit("/sign-in/", username=student.actor.username, password=PASSWORD, next=after[1])
    assert signed_in.headers["Location"] == path


@pytest.mark.parametrize(
    "path",
    ["https://evil.example/", "//evil.example/", "/\\evil.example", "/\t/evil.example", "javascript:alert(1)", ""],
)
def test_signing_in_leads_nowhere_else(visitor: Visitor, student: Signed, path: str) -> None:
    answer = visitor.submit("/sign-in/", username=student.actor.username, password=PASSWORD, next=path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_somebody_new_registers_and_is_in(visitor: Visitor) -> None:
    taken = visitor.submit("/register/", on="/register/", username="ada", display_name="Ada L.", password="short")
    assert taken.status_code == 400
    assert "At least 8 characters." in taken.text
    assert 'value="ada"' in taken.text
    assert "short" not in taken.text
    answer = visitor.submit("/register/", on="/register/", username="ada", display_name="Ada L.", password=PASSWORD)
    assert answer.status_code == 303
    assert "Ada L." in visitor.see().text


@pytest.mark.settings(REGISTRATION="closed")
def test_a_school_that_makes_its_accounts_shows_no_form(visitor: Visitor) -> None:
    assert "form" not in [tag for tag, _ in visitor.see("/register/").elements]
    assert "Your school makes them" in visitor.see().text
    answer = visitor.submit("/register/", username="ada", password=PASSWORD)
    assert answer.status_code == 403


@pytest.mark.settings(INVITE_CODE="let-teachers-in")
def test_an_invite_code_makes_a_teacher(visitor: Visitor) -> None:
    for code, status in (("wrong-code", 403), ("let-teachers-in", 303)):
        answer = visitor.submit("/register/", username="ms-r", password=PASSWORD, invite_code=code)
        assert answer.status_code == status
    assert "New room" in visitor.see().text


def test_only_teachers_make_rooms(teachers: Visitor, students: Visitor) -> None:
    assert "New room" not in students.see().text
    refused = students.submit("/rooms/", title="Mine")
    assert refused.status_code == 403
    assert "Only teachers create rooms." in refused.text
    assert "New room" in teachers.see().text
    assert "Mine" in teachers.see(new_room(teachers, "Mine")).text


def test_a_room_without_a_title_is_asked_for_one(teachers: Visitor) -> None:
    answer = teachers.submit("/rooms/", title="  ")
    assert answer.status_code == 400
    assert "Write something." in answer.text


def test_a_room_is_found_by_its_code(teachers: Visitor, students: Visitor, school: School, teacher: Signed) -> None:
    room = school.room(teacher)
    found = students.client.get("/join/", query_string={"code": room["join_code"].lower()})
    assert found.headers["Location"] == f"/rooms/{room['id']}/"
    wrong = students.client.get("/join/", query_string={"code": "ZZZZZZ"})
    assert wrong.status_code == 404
    assert "No open room has this code." in wrong.text


@pytest.mark.settings(LIMIT_CODE_LOOKUPS="2/minute")
def test_codes_are_not_guessed(students: Visitor) -> None:
    answers = [students.client.get("/join/?code=ZZZZZZ").status_code for _ in range(3)]
    assert answers == [404, 404, 429]


def test_a_student_asks_is_let_in_and_meets_each_face_of_the_room(
    teachers: Visitor, students: Visitor, student: Signed
) -> None:
    room = new_room(teachers, "Physics")
    assert face(students, room) == "door"
    students.submit(f"{room}ask/", on=room, note="Sorry, I am late")
    assert face(students, room) == "waiting"
    assert "Sorry, I am late" in teachers.see(room).text
    teachers.submit(f"{room}deny/", on=room, request_id=request_id(teachers, room), reason="Not today")
    assert face(students, room) == "denied"
    assert "Not today" in students.see(room).text
    students.submit(f"{room}ask/", on=room)
    students.submit(f"{room}withdraw/", on=room)
    assert face(students, room) == "door"
    students.submit(f"{room}ask/", on=room)
    assert teachers.submit(f"{room}approve/", on=room, all="true").status_code == 303
    assert face(students, room) == "inside"


def test_everybody_who_waits_is_in_the_list(teachers: Visitor, school: School, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "WAITING_PAGE", 2)
    room = new_room(teachers, "Physics")
    students = [school.student() for _ in range(5)]
    for student in students:
        school.api.as_(student).post(f"{room.replace('/rooms/', '/api/chat/')}join/").ok(201)
    seen = teachers.see(room)
    assert [seen.text.count(f"@{student.actor.username} ") for student in students] == [1] * 5
    assert seen.text.count(" Lobby 5 ") == 2


@pytest.mark.parametrize("admission", ["ask", "open", "closed"])
def test_asking_is_offered_where_somebody_is_taken_and_nowhere_else(
    teachers: Visitor, students: Visitor, school: School, teacher: Signed, admission: str
) -> None:
    room = new_room(teachers, "Physics")
    students.submit(f"{room}ask/", on=room)
    teachers.submit(f"{room}deny/", on=room, request_id=request_id(teachers, room))
    path = room.replace("/rooms/", "/api/chat/")
    school.api.as_(teacher).patch(path, {"admission": admission}).ok()
    assert face(students, room) == "denied"
    seen = students.see(room)
    assert seen.shown("denied", "Ask again") is (admission == "ask")
    assert seen.shown("denied", "A note to the teacher, if you like") is (admission == "ask")
    assert seen.shown("denied", "Join again") is (admission == "open")
    assert seen.shown("denied", "has closed the door.") is (admission == "closed")
    school.api.as_(teacher).post(f"{path}close/").ok()
    assert not students.see(room).shown("left", "Ask again")
    assert students.see(room).shown("left", "The class has ended.")


def test_a_student_may_not_answer_a_knock(teachers: Visitor, students: Visitor) -> None:
    room = new_room(teachers, "Physics")
    students.submit(f"{room}ask/", on=room)
    request = request_id(teachers, room)
    assert students.submit(f"{room}approve/", on=room, request_id=request).status_code == 404
    assert face(students, room) == "waiting"
    assert teachers.submit(f"{room}approve/", on=room, request_id=request).status_code == 303
    assert students.submit(f"{room}approve/", on=room, request_id=request).status_code == 403


def test_a_room_that_is_not_there_is_a_page_that_says_so(students: Visitor) -> None:
    for path in ("/rooms/aaaaaaaaaaaaaaaaaaaa/", "/rooms/1/", "/rooms/%00/", "/nowhere/"):
        page = students.see(path, 404)
        assert "Not found" in page.text
        assert "Number of this answer" in page.text


def test_an_ended_room_says_so_to_strangers_and_stays_open_to_its_people(
    students: Visitor, teachers: Visitor, school: School, teacher: Signed
) -> None:
    room = school.room(teacher)
    school.api.as_(teacher).post(f"/api/chat/{room['id']}/close/").ok()
    assert face(students, f"/rooms/{room['id']}/") == "ended"
    assert face(teachers, f"/rooms/{room['id']}/") == "inside"


@pytest.mark.parametrize("text", HOSTILE)
def test_texts_of_strangers_are_texts(app: Flask, school: School, text: str) -> None:
    host, guest = school.teacher(display_name=text), school.student(display_name=text)
    teacher, student = Visitor(app.test_client()).sign_in(host), Visitor(app.test_client()).sign_in(guest)
    room = new_room(teacher, text)
    student.submit(f"{room}ask/", on=room, note=text)
    for visitor, path in ((teacher, "/"), (student, "/"), (student, room)):
        assert text in visitor.see(path).text
    assert teacher.see(room).text.count(text) >= 4  # the window's title, the heading, the name, the note
    teacher.submit(f"{room}deny/", on=room, request_id=request_id(teacher, room), reason=text)
    assert face(student, room) == "denied"
    for page in (teacher.see(room), student.see(room), student.see("/")):
        for tag, attributes in page.elements:
            assert tag != "svg" or attributes["aria-hidden"] == "true"
            assert not [name for name in attributes if name.startswith("on")]
            assert tag != "script" or "nonce" in attributes
            assert tag != "img" or str(attributes["src"]).startswith(("/assets/", room))
    failed = teacher.submit("/sign-in/", username=text, password="wrong password")
    assert failed.status_code == 401


def test_a_fault_is_a_page_with_its_number_and_nothing_else(
    app: Flask, students: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a secret of the house")

    monkeypatch.setattr("chatapp.domain.rooms.list_cards", broken)
    page = students.see("/", 500)
    assert "Something went wrong" in page.text
    assert "secret" not in page.html


def new_room(teacher: Visitor, title: str) -> str:
    answer = teacher.submit("/rooms/", title=title)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["Location"])


def request_id(teacher: Visitor, room: str) -> str:
    found = re.search(r'name="request_id" value="([^"]+)"', teacher.client.get(room).text)
    assert found is not None
    return found[1]


def face(visitor: Visitor, room: str) -> str:
    """Which part of the room page is shown."""
    elements = visitor.see(room).elements
    (shown,) = [
        str(attributes["data-face"])
        for _, attributes in elements
        if "data-face" in attributes and "hidden" not in attributes
    ]
    (stage,) = [attributes["data-stage"] for _, attributes in elements if "data-stage" in attributes]
    assert shown == stage
    return shown
