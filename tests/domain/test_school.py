"""What who runs the school may ask and do, and that nobody else may."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
import time_machine

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.contract.hints import Hint, LogGrew, RoomChanged
from chatapp.contract.words import Act, CloseReason, RequestStatus, Role, RoomStatus
from chatapp.db import now
from chatapp.domain import accounts, audit, lobby, lookup, notifications, rooms, school
from chatapp.domain.actor import OPERATOR, Actor
from tests.domain.classroom import Classroom, refused

QUESTIONS: dict[str, Callable[[Actor, str], Any]] = {
    "users": lambda actor, _: school.list_users(actor),
    "a user": lambda actor, _: school.user(actor, user_id=actor.user_id),
    "rooms": lambda actor, _: school.list_rooms(actor),
    "a room": lambda actor, room_id: school.room(actor, room_id=room_id),
    "closing": lambda actor, room_id: school.close_room(actor, room_id=room_id),
    "join requests": lambda actor, _: school.list_requests(actor),
    "messages": lambda actor, room_id: school.read_messages(actor, room_id=room_id),
    "workers": lambda actor, _: school.list_workers(actor),
    "audit": lambda actor, _: audit.page(actor),
}


@pytest.fixture
def admin(classroom: Classroom) -> Actor:
    return classroom.person(Role.ADMIN, "head")


def names(page: dict[str, Any]) -> list[str]:
    return [user["username"] for user in page["items"]]


def titles(page: dict[str, Any]) -> list[str]:
    return [room["title"] for room in page["items"]]


def every_page(question: Callable[..., dict[str, Any]], actor: Actor, **asked: Any) -> list[dict[str, Any]]:
    found, cursor = [], None
    while True:
        page = question(actor, cursor=cursor, **asked)
        assert len(page["items"]) <= asked.get("limit", 50)
        found += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return found


@pytest.mark.parametrize("question", QUESTIONS)
def test_only_administrators_are_answered(classroom: Classroom, admin: Actor, question: str) -> None:
    room_id, host, (pupil,) = classroom.lesson()
    before = classroom.acts()
    for nobody in (host, pupil):
        with refused(Code.FORBIDDEN):
            QUESTIONS[question](nobody, room_id)
    assert classroom.acts() == before and classroom.row(room_id).closed_at is None
    QUESTIONS[question](admin, room_id)


@pytest.mark.parametrize("text", ["é_100%", "É_100%", "e\u0301_100%", "_100", "%"])
def test_a_search_takes_every_character_as_itself(classroom: Classroom, admin: Actor, text: str) -> None:
    classroom.person(Role.STUDENT, "one", "Élise É_100%")
    classroom.person(Role.STUDENT, "two", "Elise E-1000")
    assert names(school.list_users(admin, search=text)) == ["one"]
    host = classroom.teacher("t")
    classroom.room(host, title="Rates: É_100% sure")
    classroom.room(host, title="Rates: E-1000 sure")
    assert titles(school.list_rooms(admin, search=text)) == ["Rates: É_100% sure"]


@pytest.mark.parametrize("text", ["' OR 1=1 --", '"; DROP TABLE users; --', "\\", "*", "a*b", "\x00"])
def test_what_means_something_to_a_database_is_text(classroom: Classroom, admin: Actor, text: str) -> None:
    classroom.lesson()
    assert school.list_users(admin, search=text)["items"] == []
    assert school.list_rooms(admin, search=text)["items"] == []


def test_people_are_found_by_a_part_of_either_name(classroom: Classroom, admin: Actor) -> None:
    classroom.person(Role.STUDENT, "ada.l", "Ada Lovelace")
    classroom.person(Role.STUDENT, "grace", "Grace Hopper")
    for text in ("ada", "A.L", "LOVE", "  lovelace ", "a l"):
        assert names(school.list_users(admin, search=text)) == ["ada.l"], text
    assert names(school.list_users(admin, search="a")) == ["ada.l", "grace", "head"]
    assert names(school.list_users(admin, search="nobody")) == []


def test_people_are_filtered_by_role_and_by_whether_they_may_sign_in(classroom: Classroom, admin: Actor) -> None:
    ann, ben = classroom.teacher("ann"), classroom.student("ben")
    accounts.deactivate(admin, user_id=ben.user_id)
    assert names(school.list_users(admin, role="teacher")) == ["ann"]
    assert names(school.list_users(admin, active=False)) == ["ben"]
    assert names(school.list_users(admin, active=True)) == ["ann", "head"]
    assert names(school.list_users(admin, role="teacher", active=False)) == []
    (shown,) = school.list_users(admin, active=False)["items"]
    assert shown["deactivated_at"] and not shown["active"]
    assert school.user(admin, user_id=ann.user_id)["active"]
    for unknown in ("nobody", ids.new_id()):
        with refused(Code.NOT_FOUND):
            school.user(admin, user_id=unknown)


def test_every_list_gives_everything_once_page_by_page(classroom: Classroom, admin: Actor) -> None:
    host = classroom.teacher("a-host")
    with time_machine.travel(now(), tick=False):  # all at one moment, so that ids decide
        room_ids = [classroom.room(host, title=f"Room {number}") for number in range(7)]
        pupils = [classroom.student(f"pupil{number}") for number in range(5)]
        for pupil in pupils:
            classroom.knock(pupil, room_ids[0])
    found = every_page(school.list_users, admin, limit=2)
    assert [user["username"] for user in found] == ["a-host", "head", *(f"pupil{number}" for number in range(5))]
    assert len(every_page(school.list_users, admin, limit=2, search="pupil")) == 5
    assert sorted(room["id"] for room in every_page(school.list_rooms, admin, limit=2)) == sorted(room_ids)
    assert len(every_page(school.list_rooms, admin, limit=2, search="room")) == 7
    knocks = every_page(school.list_requests, admin, limit=2)
    assert sorted(knock["user"]["id"] for knock in knocks) == sorted(pupil.user_id for pupil in pupils)
    acts = every_page(audit.page, admin, limit=2)
    assert [entry["id"] for entry in acts] == sorted((entry["id"] for entry in acts), reverse=True)
    assert len(acts) == len(classroom.acts()) == 7


def test_a_search_looks_at_a_bounded_part_of_the_school_and_goes_on_from_there(
    classroom: Classroom, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup, "WINDOW", 3)
    host = classroom.teacher("aaa")
    for number in range(5):
        classroom.student(f"b{number}")
        classroom.room(host, title=f"Room {number}")
    classroom.student("zoe")
    first = school.list_users(admin, search="zoe")
    assert first["items"] == [] and first["next_cursor"] is not None
    assert [user["username"] for user in every_page(school.list_users, admin, search="zoe")] == ["zoe"]
    assert [user["username"] for user in every_page(school.list_users, admin, search="b", limit=2)] == [
        f"b{number}" for number in range(5)
    ]
    assert school.list_rooms(admin, search="room 0")["items"] == []
    assert [room["title"] for room in every_page(school.list_rooms, admin, search="room 0")] == ["Room 0"]


def test_foreign_cursors_are_refused(admin: Actor) -> None:
    for question in (school.list_users, school.list_rooms, school.list_requests, audit.page):
        for cursor in ("x", "", "WyIiLCIiLCIiXQ", "W10"):
            with refused(Code.INVALID_PAYLOAD):
                question(admin, cursor=cursor)


def test_rooms_are_found_by_title_host_and_id_and_filtered_by_state(classroom: Classroom, admin: Actor) -> None:
    host = classroom.person(Role.TEACHER, "ms.t", "Ms Turing")
    open_id, closed_id = classroom.room(host, title="Physics 8b"), classroom.room(host, title="Chemistry")
    classroom.room(classroom.teacher("other"), title="Music")
    rooms.close(host, room_id=closed_id)
    assert titles(school.list_rooms(admin)) == ["Music", "Chemistry", "Physics 8b"]
    assert titles(school.list_rooms(admin, search="PHYS")) == ["Physics 8b"]
    assert titles(school.list_rooms(admin, search="turing")) == ["Chemistry", "Physics 8b"]
    assert titles(school.list_rooms(admin, search="ms.t")) == ["Chemistry", "Physics 8b"]
    assert titles(school.list_rooms(admin, search=open_id)) == ["Physics 8b"]
    assert titles(school.list_rooms(admin, status=RoomStatus.CLOSED)) == ["Chemistry"]
    assert titles(school.list_rooms(admin, status=RoomStatus.OPEN)) == ["Music", "Physics 8b"]
    assert titles(school.list_rooms(admin, status=RoomStatus.UNSUPERVISED)) == []


def test_a_room_shows_how_many_are_in_it_and_how_many_wait(classroom: Classroom, admin: Actor) -> None:
    room_id, host, _ = classroom.lesson(students=2)
    classroom.knock(classroom.student(), room_id)
    empty = classroom.room(host, title="Empty")
    shown = school.room(admin, room_id=room_id)
    assert (shown["participant_count"], shown["pending_count"], shown["head"]) == (3, 1, 3)
    assert shown["host"]["id"] == host.user_id and "join_code" not in shown
    listed = {room["id"]: room for room in school.list_rooms(admin)["items"]}
    assert listed[room_id] == shown and listed[empty]["participant_count"] == 1
    for unknown in ("nowhere", ids.new_id()):
        for question in (school.room, school.close_room, school.read_messages):
            with refused(Code.NOT_FOUND):
                question(admin, room_id=unknown)


def test_a_room_is_closed_in_its_hosts_stead_as_its_host_would(
    classroom: Classroom, admin: Actor, heard: list[Hint]
) -> None:
    room_id, host, (pupil,) = classroom.lesson()
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    heard.clear()
    for _ in range(2):
        school.close_room(admin, room_id=room_id)
    assert classroom.log(room_id)[-1] == "room_closed" and classroom.log(room_id).count("room_closed") == 1
    shown = school.room(admin, room_id=room_id)
    assert (shown["status"], shown["close_reason"]) == (RoomStatus.CLOSED, CloseReason.SCHOOL_CLOSED)
    assert lobby.mine(waiting, room_id=room_id)["status"] == RequestStatus.EXPIRED
    assert {type(hint) for hint in heard} >= {LogGrew, RoomChanged}
    for told in (host, pupil, waiting):
        newest = notifications.page(told, limit=1)["items"][0]
        assert (newest["kind"], newest["data"]["reason"]) == ("room_closed", "school_closed")
    assert classroom.acts(room_id)[-1] == (Act.ROOM_CLOSED, admin.user_id, None)
    assert rooms.reopen(host, room_id=room_id)["status"] == RoomStatus.OPEN


def test_join_requests_are_listed_with_their_room_newest_first(classroom: Classroom, admin: Actor) -> None:
    host = classroom.teacher()
    one, two = classroom.room(host, title="One"), classroom.room(host, title="Two")
    ada, ben = classroom.student("ada"), classroom.student("ben")
    lobby.knock(ada, room_id=one, note="Please")
    lobby.knock(ben, room_id=two)
    lobby.deny(host, room_id=two, selector={"user_id": ben.user_id}, reason="Full")
    listed = school.list_requests(admin)["items"]
    assert [(knock["user"]["username"], knock["room"]["title"]) for knock in listed] == [("ben", "Two"), ("ada", "One")]
    assert (listed[0]["reason"], listed[0]["decided_by"]["id"]) == ("Full", host.user_id)
    (pending,) = school.list_requests(admin, status=RequestStatus.PENDING)["items"]
    assert pending["note"] == "Please" and pending["room"] == {"id": one, "title": "One"}
    assert [knock["user"]["username"] for knock in school.list_requests(admin, room_id=two)["items"]] == ["ben"]
    assert school.list_requests(admin, room_id=two, status=RequestStatus.PENDING)["items"] == []
    for unknown in ("nowhere", ids.new_id(), "\x00"):
        assert school.list_requests(admin, room_id=unknown)["items"] == []


def test_each_look_at_what_was_said_is_on_record_with_its_range(classroom: Classroom, admin: Actor) -> None:
    room_id, host, _ = classroom.lesson(students=0)
    for number in range(9):
        classroom.say(host, room_id, f"line {number}")
    newest = school.read_messages(admin, room_id=room_id, limit=4)
    assert ([message["seq"] for message in newest["items"]], newest["head"]) == ([7, 8, 9, 10], 10)
    school.read_messages(admin, room_id=room_id, before=7, limit=4)
    school.read_messages(admin, room_id=room_id, after=2, limit=2)
    school.read_messages(admin, room_id=room_id, after=10)
    looks = audit.page(admin, act=Act.MESSAGES_READ)["items"]
    ranges = [(look["data"]["first"], look["data"]["last"]) for look in reversed(looks)]
    assert ranges == [(7, 10), (3, 6), (3, 4), (None, None)]
    assert {(look["actor"]["id"], look["room"]["id"]) for look in looks} == {(admin.user_id, room_id)}
    assert classroom.row(room_id).last_seq == 10


def test_nobody_reads_what_could_not_be_put_on_record(
    classroom: Classroom, admin: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    room_id, _, _ = classroom.lesson()

    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("no record")

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(RuntimeError):
        school.read_messages(admin, room_id=room_id)


def test_the_audit_log_is_filtered_by_act_person_room_and_all_of_them(classroom: Classroom, admin: Actor) -> None:
    room_id, host, (pupil,) = classroom.lesson()
    other, _, _ = classroom.lesson()
    school.close_room(admin, room_id=room_id)
    school.close_room(admin, room_id=other)
    acts = [entry["act"] for entry in audit.page(admin, room_id=room_id)["items"]]
    assert acts == ["room_closed", "request_approved", "room_created"]
    assert len(audit.page(admin, act=Act.ROOM_CREATED)["items"]) == 2
    (closed,) = audit.page(admin, act=Act.ROOM_CLOSED, by="HEAD", room_id=room_id)["items"]
    assert closed["room"] == {"id": room_id, "title": "Class 7b"} and closed["actor"]["username"] == "head"
    (approved,) = audit.page(admin, by=host.username, act=Act.REQUEST_APPROVED)["items"]
    assert approved["subject"]["id"] == pupil.user_id
    for nobody in ("nobody", "", "\x00", pupil.username):
        assert audit.page(admin, by=nobody)["items"] == []
    assert audit.page(admin, room_id="\x00")["items"] == []


def test_the_audit_log_of_a_period_includes_its_first_and_its_last_day(classroom: Classroom, admin: Actor) -> None:
    host, start = classroom.teacher(), now().replace(hour=12)
    for days in (0, 1, 2, 3):
        with time_machine.travel(start + timedelta(days=days)):
            classroom.room(host, title=str(days))
    day = start.date()

    def listed(**period: date) -> list[str]:
        entries = audit.page(admin, act=Act.ROOM_CREATED, **period)["items"]  # type: ignore[arg-type]
        return [entry["room"]["title"] for entry in entries]

    one = timedelta(days=1)
    assert listed() == ["3", "2", "1", "0"]
    assert listed(since=day + one) == ["3", "2", "1"]
    assert listed(until=day + one) == ["1", "0"]
    assert listed(since=day + one, until=day + 2 * one) == ["2", "1"]
    assert listed(since=day + 4 * one) == listed(until=day - one) == []
    assert listed(since=day + 2 * one, until=day + one) == []
    assert listed(since=date.min, until=date.max) == ["3", "2", "1", "0"]


def test_workers_are_listed_with_their_beat_and_what_they_hold(classroom: Classroom, admin: Actor) -> None:
    room_id, host, _ = classroom.lesson()
    classroom.connect(host, room_id)
    classroom.connect(admin)
    (worker,) = school.list_workers(OPERATOR)
    assert (worker["id"], worker["connections"], worker["dead"]) == (classroom.worker, 2, False)
