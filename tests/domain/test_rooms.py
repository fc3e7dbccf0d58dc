"""Rooms: who makes them, who sees what of them, and how they close and open again."""

from __future__ import annotations

import pytest

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.contract.hints import Hint, LobbyChanged, LogGrew, NotificationsGrew, RoomChanged
from chatapp.contract.things import CardSchema, RoomSchema
from chatapp.contract.words import Act, CloseReason, MyRole, Role
from chatapp.domain import lobby, notifications, participants, rooms, visits
from tests.domain.classroom import Classroom, refused, with_limits

STRANGE_IDS = [
    "",
    "0",
    "-1",
    "1.5",
    "1e9",
    str(2**63),
    "٣" * 20,
    "a" * 19,
    "a" * 21,
    "A" * 20,
    "a" * 19 + "\n",
    "a" * 19 + "\x00",
    "%" * 20,
    "_" * 20,
    "' OR 1=1 --",
    "00000000-0000-0000-0000-000000000000",
    "a" * 19 + "\ud800",
]


def test_a_teacher_creates_a_room_and_is_its_host(classroom: Classroom) -> None:
    teacher = classroom.teacher("ada")
    room = rooms.create(teacher, title="  Fractions  ", description="Halves", admission="open", host_grace_seconds=0)
    assert not RoomSchema().validate(room)
    assert (room["title"], room["description"], room["admission"]) == ("Fractions", "Halves", "open")
    assert (room["status"], room["my_role"], room["participant_count"]) == ("open", "host", 1)
    assert (room["head"], room["host"]["username"], room["host_grace_seconds"]) == (1, "ada", 0)
    assert ids.CODE.fullmatch(room["join_code"])
    assert classroom.log(room["id"]) == ["room_created"]


def test_a_room_without_wishes_asks_and_waits_as_long_as_the_school_says(classroom: Classroom) -> None:
    with_limits(host_grace_seconds=42)
    room = rooms.create(classroom.teacher(), title="Class")
    assert (room["admission"], room["host_grace_seconds"], room["description"]) == ("ask", 42, "")


@pytest.mark.parametrize("role", [Role.STUDENT, Role.ADMIN])
def test_only_teachers_create_rooms(classroom: Classroom, role: Role) -> None:
    with refused(Code.FORBIDDEN):
        rooms.create(classroom.person(role), title="Class")
    assert rooms.create(classroom.teacher(), title="Class")


@pytest.mark.parametrize("title", ["", "   ", "\u200b\u2060", "a\nb", "a\u2028b", "x" * 121, "a\x00b"])
def test_a_title_is_one_line_that_says_something(classroom: Classroom, title: str) -> None:
    teacher = classroom.teacher()
    with refused(Code.INVALID_PAYLOAD) as no:
        rooms.create(teacher, title=title)
    assert no.value.fields and "title" in no.value.fields
    assert rooms.create(teacher, title="x" * 120)["title"] == "x" * 120


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}} ${7*7}", "%_' OR 1=1 --", "数学👩‍🏫"],
)
def test_titles_and_descriptions_are_kept_verbatim(classroom: Classroom, text: str) -> None:
    room = rooms.create(classroom.teacher(), title=text, description=f"{text}\n{text}")
    assert (room["title"], room["description"]) == (text, f"{text}\n{text}")


def test_a_teacher_has_so_many_open_rooms_and_closing_one_makes_space(classroom: Classroom) -> None:
    with_limits(open_rooms=2)
    teacher = classroom.teacher()
    first, _ = classroom.room(teacher), classroom.room(teacher)
    with refused(Code.LIMIT_REACHED):
        classroom.room(teacher)
    assert classroom.room(classroom.teacher())
    rooms.close(teacher, room_id=first)
    third = classroom.room(teacher)
    with refused(Code.LIMIT_REACHED):
        rooms.reopen(teacher, room_id=first)
    rooms.close(teacher, room_id=third)
    assert rooms.reopen(teacher, room_id=first)["status"] == "open"


def test_a_stranger_a_pending_and_a_removed_user_see_the_card_alone(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    waiting, stranger = classroom.student(), classroom.student()
    classroom.knock(waiting, room_id)
    participants.remove(host, room_id=room_id, user_id=pupil.user_id)
    for actor, role in ((stranger, "none"), (waiting, "pending"), (pupil, "none")):
        card = rooms.show(actor, room_id=room_id)
        assert not CardSchema().validate(card) and card["my_role"] == role


def test_participants_and_host_see_the_room_and_only_the_host_the_count_of_who_waits(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    classroom.knock(classroom.student(), room_id)
    as_host, as_pupil = rooms.show(host, room_id=room_id), rooms.show(pupil, room_id=room_id)
    assert not RoomSchema().validate(as_host) and not RoomSchema().validate(as_pupil)
    assert (as_host["my_role"], as_pupil["my_role"]) == ("host", "participant")
    assert as_host["pending_count"] == 1 and "pending_count" not in as_pupil
    assert as_host["join_code"] == as_pupil["join_code"]
    for_delivery = rooms.shown_by_role(room_id=room_id)
    assert for_delivery[MyRole.HOST] == as_host and for_delivery[MyRole.PARTICIPANT] == as_pupil
    assert rooms.shown_by_role(room_id=ids.new_id()) == {}


@pytest.mark.parametrize("room_id", STRANGE_IDS)
def test_what_cannot_be_an_id_is_not_found_everywhere(classroom: Classroom, room_id: str) -> None:
    host = classroom.teacher()
    for ask in (rooms.show, rooms.close, rooms.reopen, rooms.renew_code, participants.list_all, participants.leave):
        with refused(Code.NOT_FOUND):
            ask(host, room_id=room_id)
    with refused(Code.NOT_FOUND):
        lobby.knock(host, room_id=room_id)
    with refused(Code.NOT_FOUND):
        rooms.update(host, room_id=room_id, changes={"title": "x"})


def test_a_code_leads_to_the_card_without_regard_to_case(classroom: Classroom) -> None:
    host, stranger = classroom.teacher(), classroom.student()
    room = rooms.create(host, title="Class")
    code = room["join_code"]
    for typed in (code, code.lower(), f" {code} "):
        card = rooms.by_code(stranger, join_code=typed)
        assert card["id"] == room["id"] and card["my_role"] == "none" and not CardSchema().validate(card)
    assert rooms.by_code(host, join_code=code)["my_role"] == "host"
    for wrong in ("", "AAAAA", "AAAAAAA", "%%%%%%", "١٢٣٤٥٦", f"{code}\x00"):
        with refused(Code.NOT_FOUND):
            rooms.by_code(stranger, join_code=wrong)


def test_a_renewed_code_replaces_the_old_one(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    old = rooms.show(host, room_id=room_id)["join_code"]
    with refused(Code.FORBIDDEN):
        rooms.renew_code(pupil, room_id=room_id)
    new = rooms.renew_code(host, room_id=room_id)["join_code"]
    assert new != old
    with refused(Code.NOT_FOUND):
        rooms.by_code(pupil, join_code=old)
    assert rooms.by_code(pupil, join_code=new)["id"] == room_id


def test_the_code_dies_with_the_room(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    code = rooms.show(host, room_id=room_id)["join_code"]
    assert rooms.close(host, room_id=room_id)["join_code"] is None
    with refused(Code.NOT_FOUND):
        rooms.by_code(host, join_code=code)
    with refused(Code.ROOM_CLOSED):
        rooms.renew_code(host, room_id=room_id)
    assert rooms.reopen(host, room_id=room_id)["join_code"] not in (None, code)


def test_the_host_changes_the_room_and_its_members_are_told_once(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(1)
    version = classroom.row(room_id).version
    heard.clear()
    changes = {"title": "New", "description": "", "admission": "closed", "host_grace_seconds": 5}
    room = rooms.update(host, room_id=room_id, changes=changes)
    assert (room["title"], room["admission"], room["host_grace_seconds"]) == ("New", "closed", 5)
    assert heard == [RoomChanged(room_id)] and classroom.row(room_id).version == version + 1
    heard.clear()
    rooms.update(host, room_id=room_id, changes=changes)
    assert heard == [] and classroom.row(room_id).version == version + 1


def test_a_participant_may_not_change_close_or_reopen_and_a_stranger_is_told_there_is_no_room(
    classroom: Classroom,
) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    stranger = classroom.teacher()
    for actor, code in ((pupil, Code.FORBIDDEN), (stranger, Code.NOT_FOUND)):
        with refused(code):
            rooms.update(actor, room_id=room_id, changes={"title": "Mine"})
        with refused(code):
            rooms.close(actor, room_id=room_id)
        with refused(code):
            rooms.reopen(actor, room_id=room_id)
    assert rooms.close(host, room_id=room_id)["status"] == "closed"


def test_closing_expires_who_waits_tells_everybody_and_is_the_last_line(
    classroom: Classroom, heard: list[Hint]
) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    heard.clear()
    room = rooms.close(host, room_id=room_id)
    assert (room["status"], room["close_reason"], room["head"]) == ("closed", CloseReason.HOST_CLOSED, 3)
    assert classroom.log(room_id)[-1] == "room_closed"
    assert lobby.mine(waiting, room_id=room_id)["status"] == "expired"
    for actor in (pupil, waiting):
        newest = notifications.newest(actor)["items"][0]
        assert newest["kind"] == "room_closed" and newest["data"]["reason"] == "host_closed"
    assert "room_closed" not in [item["kind"] for item in notifications.newest(host)["items"]]
    assert {type(hint) for hint in heard} == {LogGrew, RoomChanged, LobbyChanged, NotificationsGrew}


def test_closing_twice_is_closing_once(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, host, _ = classroom.lesson(1)
    first = rooms.close(host, room_id=room_id)
    heard.clear()
    again = rooms.close(host, room_id=room_id)
    assert again == first and heard == []
    assert classroom.log(room_id).count("room_closed") == 1
    assert [act for act, _, _ in classroom.acts(room_id)].count(Act.ROOM_CLOSED) == 1


def test_reopening_is_the_next_line_and_keeps_who_was_in(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    rooms.close(host, room_id=room_id)
    room = rooms.reopen(host, room_id=room_id)
    assert (room["status"], room["closed_at"], room["close_reason"]) == ("open", None, None)
    assert classroom.log(room_id)[-2:] == ["room_closed", "room_reopened"]
    assert classroom.say(pupil, room_id) == room["head"] + 1
    assert rooms.reopen(host, room_id=room_id)["head"] == room["head"] + 1
    assert classroom.log(room_id).count("room_reopened") == 1


def test_between_closing_and_reopening_the_log_stands_still(classroom: Classroom) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    connection = classroom.connect(host, room_id)
    rooms.close(host, room_id=room_id)
    head = classroom.row(room_id).last_seq
    participants.leave(pupil, room_id=room_id)
    participants.remove(host, room_id=room_id, user_id=other.user_id)
    participants.leave(host, room_id=room_id)
    with refused(Code.ROOM_CLOSED):
        lobby.knock(classroom.student(), room_id=room_id)
    with refused(Code.ROOM_CLOSED):
        lobby.approve(host, room_id=room_id, selector={"user_id": other.user_id})
    with refused(Code.ROOM_CLOSED):
        classroom.say(host, room_id)
    visits.disconnect(connection_id=connection)
    classroom.connect(host, room_id)
    assert classroom.row(room_id).last_seq == head and classroom.log(room_id)[-1] == "room_closed"
    rooms.reopen(host, room_id=room_id)
    assert classroom.log(room_id)[-1] == "room_reopened"


def test_the_list_shows_open_rooms_newest_first_page_by_page(classroom: Classroom) -> None:
    host = classroom.teacher()
    made = [classroom.room(host, title=f"Room {n}") for n in range(5)]
    rooms.close(host, room_id=made[0])
    reader = classroom.student()
    seen, cursor = [], None
    while True:
        page = rooms.list_cards(reader, limit=2, cursor=cursor)
        assert len(page["items"]) <= 2 and not CardSchema(many=True).validate(page["items"])
        seen += [card["id"] for card in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == made[:0:-1]


def test_the_list_knows_the_askers_part_in_each_room(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    waiting = classroom.student()
    classroom.knock(waiting, room_id)
    for actor, role in ((host, "host"), (pupil, "participant"), (waiting, "pending"), (classroom.student(), "none")):
        (card,) = rooms.list_cards(actor)["items"]
        assert card["my_role"] == role


def test_of_closed_rooms_everybody_sees_their_own(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    rooms.close(host, room_id=room_id)
    for actor, count in ((host, 1), (pupil, 1), (classroom.student(), 0)):
        assert len(rooms.list_cards(actor, status="closed")["items"]) == count
        assert len(rooms.list_cards(actor, mine=True)["items"]) == count
        assert rooms.list_cards(actor)["items"] == []
        assert rooms.list_cards(actor, status="open")["items"] == []


def test_every_act_on_a_room_is_on_record(classroom: Classroom) -> None:
    host = classroom.teacher()
    room_id = classroom.room(host)
    rooms.update(host, room_id=room_id, changes={"title": "New"})
    rooms.renew_code(host, room_id=room_id)
    rooms.close(host, room_id=room_id)
    rooms.reopen(host, room_id=room_id)
    assert classroom.acts(room_id) == [
        (act, host.user_id, None)
        for act in (Act.ROOM_CREATED, Act.ROOM_UPDATED, Act.CODE_RENEWED, Act.ROOM_CLOSED, Act.ROOM_REOPENED)
    ]


def test_a_refused_act_is_not_on_record(classroom: Classroom) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)
    before = classroom.acts()
    with refused(Code.FORBIDDEN):
        rooms.close(pupil, room_id=room_id)
    assert classroom.acts() == before
    rooms.close(host, room_id=room_id)
    assert classroom.acts() != before
