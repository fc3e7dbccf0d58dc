"""Whoever is erased is nowhere any more; what everybody else has, and the order of it, stays."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import String, cast, func, or_, select

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.contract.hints import Hint, LogUncertain, SessionsEnded
from chatapp.contract.words import Act, Role
from chatapp.db import Base, now, reading, transaction
from chatapp.domain import entering, erasure, lobby, messages, participants, rooms, sessions, webhooks
from chatapp.domain.actor import OPERATOR, Actor
from chatapp.models import ApiToken, Message, Notification, User, Webhook, WebhookCursor
from tests.domain.classroom import Classroom, refused
from tests.domain.test_retention import a_file, file_ids

NAME, SAID = "Wilhelmina", "the secret of"


def a_person(classroom: Classroom) -> Actor:
    return classroom.person(Role.STUDENT, NAME.lower(), f"{NAME} Smith")


def traces(*words: str) -> list[str]:
    """Every column of the database in which one of these words stands."""
    found = []
    with reading() as session:
        for table in Base.metadata.sorted_tables:
            for column in table.columns:
                such = or_(*(func.lower(cast(column, String)).contains(word.lower()) for word in words))
                if session.scalar(select(func.count()).select_from(table).where(such)):
                    found.append(f"{table.name}.{column.name}")
    return found


def a_life(classroom: Classroom) -> tuple[str, Actor, Actor, Actor]:
    """Somebody who knocked, joined, spoke, brought a file, mentioned somebody and was let in."""
    host, other, person = classroom.teacher("ms-rivera"), classroom.student("ben"), a_person(classroom)
    room_id = classroom.room(host)
    lobby.knock(person, room_id=room_id, note=f"{SAID} the note")
    lobby.knock(other, room_id=room_id)
    lobby.approve(host, room_id=room_id, selector={"all": True})
    classroom.say(person, room_id, f"{SAID} the text, @ben", client_id="c1")
    classroom.say(other, room_id, "an answer")
    file_id = a_file(room_id, person)
    messages.send(person, room_id=room_id, client_id="c2", file_id=file_id)
    return room_id, host, other, person


def test_nothing_of_them_is_left_anywhere(classroom: Classroom) -> None:
    *_, person = a_life(classroom)
    assert set(traces(NAME, SAID)) >= {"users.username", "messages.body", "messages.params", "join_requests.note"}
    told = erasure.erase(OPERATOR, user_id=person.user_id)
    assert traces(NAME, SAID) == []
    assert told == {
        "user": {**told["user"], "display_name": "Former member", "role": "student"},
        "rooms": 1,
        "messages": 2,
        "files": 1,
    }
    assert file_ids() == set()


def test_the_order_and_the_words_of_others_stay(classroom: Classroom) -> None:
    room_id, _, other, person = a_life(classroom)
    before = entering.enter(other, room_id=room_id).answer
    erasure.erase(OPERATOR, user_id=person.user_id, display_name="Ehemaliges Mitglied")
    after = classroom.entered(other, room_id, after=before["head"], epoch=before["epoch"])
    assert after["reset"] and after["epoch"] != before["epoch"], "clients drop their copies"
    items = after["messages"]
    assert [each["seq"] for each in items] == list(range(1, after["head"] + 1))
    assert items[-1]["code"] == "participant_left" and after["head"] == before["head"] + 1
    assert [(each["type"], each["body"]) for each in items if each["type"] != "system"] == [
        ("text", None),
        ("text", "an answer"),
        ("file", None),
    ]
    names = {each["sender"]["display_name"] for each in items if each["sender"]}
    assert names == {"Ehemaliges Mitglied", "ben"}
    joined = [each["params"]["user"] for each in items if each["code"] == "participant_joined"]
    assert {user["display_name"] for user in joined} == {"Ehemaliges Mitglied", "ben"}
    assert [each["user"]["username"] for each in after["participants"]] == ["ms-rivera", "ben"]


def test_nobody_can_be_them_again(classroom: Classroom, heard: list[Hint]) -> None:
    room_id, _, _, person = a_life(classroom)
    erasure.erase(OPERATOR, user_id=person.user_id)
    with refused(Code.UNAUTHORIZED):
        sessions.actor_of(person.session_id)
    with refused(Code.UNAUTHORIZED):
        messages.send(person, room_id=room_id, client_id="c1", body=f"{SAID} the text, @ben")
    with refused(Code.UNAUTHORIZED):
        sessions.login(username=NAME.lower(), password="")
    assert SessionsEnded((person.session_id,)) in heard and LogUncertain(room_id) in heard
    newcomer = classroom.person(Role.STUDENT, NAME.lower())
    assert newcomer.username == NAME.lower(), "the name is free"


def test_an_erased_teachers_classes_end(classroom: Classroom) -> None:
    host = classroom.person(Role.TEACHER, NAME.lower(), NAME)
    room_id = classroom.room(host)
    classroom.let_in(host, room_id, classroom.student())
    other_room = classroom.room(host)
    rooms.close(host, room_id=other_room)
    assert erasure.erase(OPERATOR, user_id=host.user_id)["rooms"] == 2
    assert classroom.row(room_id).close_reason == "school_closed"
    assert classroom.log(room_id)[-1] == "room_closed"


def test_nothing_of_an_erased_teacher_is_left_anywhere(classroom: Classroom) -> None:
    """What they called their rooms and why they sent people away were their words, too, wherever others were told."""
    host = classroom.person(Role.TEACHER, NAME.lower(), NAME)
    room_id = classroom.room(host, title=f"{SAID} the title", description=f"{SAID} the description")
    stays, goes, denied, banned = (classroom.student(name) for name in ("ada", "ben", "cleo", "dan"))
    classroom.let_in(host, room_id, stays, goes)
    rooms.update(host, room_id=room_id, changes={"title": f"{SAID} the other title"})
    for knocks in (denied, banned):
        classroom.knock(knocks, room_id)
    lobby.deny(host, room_id=room_id, selector={"user_id": denied.user_id}, reason=f"{SAID} the denial")
    participants.remove(host, room_id=room_id, user_id=goes.user_id, reason=f"{SAID} the removal")
    classroom.let_in(host, room_id, banned)
    participants.remove(host, room_id=room_id, user_id=banned.user_id)
    classroom.knock(banned, room_id)
    participants.remove(host, room_id=room_id, user_id=banned.user_id, reason=f"{SAID} the ban", ban=True)
    classroom.say(host, room_id, f"{SAID} the text, @ada")
    rooms.close(host, room_id=room_id)
    before = {row.id: row for row in told()}
    assert set(traces(NAME, SAID)) >= {"rooms.title", "rooms.description", "notifications.data", "messages.params"}

    shown = erasure.erase(OPERATOR, user_id=host.user_id, display_name="Ehemaliges Mitglied")["user"]
    assert traces(NAME, SAID) == []
    assert (classroom.row(room_id).title, classroom.row(room_id).description) == (shown["display_name"], "")
    kept = [row for row in told() if row.kind == "room_closed"]
    assert [row.data["reason"] for row in kept] == ["host_closed"], "why it ended is no word of theirs"
    assert {row.id for row in told()} == {row.id for row in before.values() if row.user_id != host.user_id}


def test_what_others_called_their_rooms_stays(classroom: Classroom) -> None:
    room_id, host, other, person = a_life(classroom)
    rooms.update(host, room_id=room_id, changes={"title": "Another title"})
    participants.remove(host, room_id=room_id, user_id=other.user_id, reason="noise")
    erasure.erase(OPERATOR, user_id=person.user_id)
    created = entering.enter(host, room_id=room_id).answer["messages"][0]
    assert created["params"]["title"] == "Class 7b" and classroom.row(room_id).title == "Another title"
    assert [row.data["reason"] for row in told() if row.kind == "participant_removed"] == ["noise"]


def test_why_they_were_not_wanted_goes_with_them(classroom: Classroom) -> None:
    room_id, host, other, person = a_life(classroom)
    participants.remove(host, room_id=room_id, user_id=person.user_id, reason=f"{SAID} the removal")
    classroom.knock(person, room_id)
    lobby.deny(host, room_id=room_id, selector={"user_id": person.user_id}, reason=f"{SAID} the denial")
    assert set(traces(SAID)) >= {"join_requests.reason", "notifications.data", "audit_entries.data"}
    erasure.erase(OPERATOR, user_id=person.user_id)
    assert traces(NAME, SAID) == []
    assert [row.kind for row in told() if row.user_id == other.user_id] == ["join_request_approved", "mention"]


def told() -> list[Notification]:
    """Every notification of the school, user by user in order."""
    with reading() as session:
        return list(session.scalars(select(Notification).order_by(Notification.user_id, Notification.seq)))


def test_no_program_of_theirs_goes_on(classroom: Classroom) -> None:
    host = classroom.person(Role.TEACHER, NAME.lower(), NAME)
    room_id = classroom.room(host)
    own_id = ids.new_id()
    with transaction() as tx:
        tx.session.add(
            ApiToken(id=ids.new_id(), session_id=host.session_id, token_hash="0", name=f"{NAME}'s script", scopes="")
        )
        tx.session.add(
            Webhook(
                id=own_id,
                owner_id=host.user_id,
                room_id=room_id,
                url=f"https://{NAME}.example/",
                secret="s",
                created_at=now(),
            )
        )
        tx.session.flush()
        tx.session.add(WebhookCursor(webhook_id=own_id, room_id=room_id, seq=0))
    webhooks.create(host, room_id=room_id, url=f"https://{NAME}.example/")
    erasure.erase(OPERATOR, user_id=host.user_id)
    assert traces(NAME) == []
    with reading() as session:
        assert session.scalars(select(ApiToken.id).union_all(select(Webhook.id))).all() == []


def test_many_notifications_go_in_steps(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasure, "STEP", 2)
    host = classroom.person(Role.TEACHER, NAME.lower(), NAME)
    for number in range(3):
        room_id = classroom.room(host, title=f"{SAID} number {number}")
        classroom.let_in(host, room_id, *(classroom.student() for _ in range(number + 1)))
    erasure.erase(OPERATOR, user_id=host.user_id)
    assert traces(NAME, SAID) == [] and len(told()) == 2 * 6


def test_it_may_be_interrupted_and_begun_again(classroom: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    *_, person = a_life(classroom)

    def cut(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(erasure, "_erase_beside", cut)
        with pytest.raises(KeyboardInterrupt):
            erasure.erase(OPERATOR, user_id=person.user_id)
    assert erasure.erase(OPERATOR, user_id=person.user_id)["messages"] == 0
    assert traces(NAME, SAID) == []


def test_who_may_and_what_is_on_record(classroom: Classroom) -> None:
    room_id, host, _, person = a_life(classroom)
    admin = classroom.person(Role.ADMIN)
    with refused(Code.FORBIDDEN):
        erasure.erase(host, user_id=person.user_id)
    with refused(Code.CONFLICT):
        erasure.erase(admin, user_id=admin.user_id)
    with refused(Code.NOT_FOUND):
        erasure.erase(admin, user_id="x" * 20)
    with reading() as session:
        assert session.get_one(User, person.user_id).active
    erasure.erase(admin, user_id=person.user_id)
    assert (Act.USER_ERASED, admin.user_id, person.user_id) in classroom.acts()
    assert (Act.ROOM_CREATED, host.user_id, None) in classroom.acts(room_id)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Message).where(Message.sender_id == person.user_id)) == 2
