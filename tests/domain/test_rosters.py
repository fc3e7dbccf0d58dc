"""A room's people are read once for all who enter, and again whenever they are others or are called otherwise."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import update

from chatapp.contract.errors import Code, Refused
from chatapp.contract.words import Role
from chatapp.db import transaction
from chatapp.domain import access, accounts, erasure, names, participants, rosters
from chatapp.domain.actor import Actor
from chatapp.models import Room, User
from tests.domain.classroom import Classroom, refused


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The rooms whose people were read from the database."""
    rooms: list[str] = []
    right = rosters._read

    def noted(connection: Any, room_id: str) -> rosters.Roster:
        rooms.append(room_id)
        return right(connection, room_id)

    monkeypatch.setattr(rosters, "_read", noted)
    monkeypatch.setattr(rosters, "_rosters", rosters._Rosters())
    return rooms


def people(classroom: Classroom, actor: Actor, room_id: str) -> list[tuple[str, str, str]]:
    """Who is shown to somebody who enters: name, role in the school, role in the room."""
    shown = classroom.entered(actor, room_id)["participants"]
    return [(each["user"]["display_name"], each["user"]["role"], each["role"]) for each in shown]


def test_the_people_are_read_once_for_all_who_enter(classroom: Classroom, read: list[str]) -> None:
    room_id, host, pupils = classroom.lesson(3)
    first = people(classroom, host, room_id)
    for pupil in pupils:
        assert people(classroom, pupil, room_id) == first
    assert read == [room_id] and len(first) == 4


def rename(classroom: Classroom, room_id: str, host: Actor, pupil: Actor) -> None:
    accounts.change_profile(pupil, display_name="Somebody else")


def promote(classroom: Classroom, room_id: str, host: Actor, pupil: Actor) -> None:
    accounts.set_role(classroom.person(Role.ADMIN), user_id=pupil.user_id, role=Role.TEACHER)


def erase(classroom: Classroom, room_id: str, host: Actor, pupil: Actor) -> None:
    erasure.erase(classroom.person(Role.ADMIN), user_id=pupil.user_id, display_name="Gone")


def leave(classroom: Classroom, room_id: str, host: Actor, pupil: Actor) -> None:
    participants.leave(pupil, room_id=room_id)


def join(classroom: Classroom, room_id: str, host: Actor, pupil: Actor) -> None:
    classroom.let_in(host, room_id, classroom.student())


@pytest.mark.parametrize("change", [rename, promote, erase, leave, join])
def test_every_change_of_the_people_is_shown_to_who_enters_next(
    classroom: Classroom, read: list[str], change: Callable[[Classroom, str, Actor, Actor], None]
) -> None:
    room_id, host, (pupil, other) = classroom.lesson(2)
    elsewhere, _, _ = classroom.lesson(1)
    before, untouched = people(classroom, other, room_id), classroom.row(elsewhere).members_version
    change(classroom, room_id, host, pupil)
    after = people(classroom, other, room_id)
    assert after != before
    assert after == people(classroom, host, room_id)
    assert classroom.row(elsewhere).members_version == untouched
    assert read == [room_id, room_id]


def test_who_is_online_is_asked_each_time(classroom: Classroom, read: list[str]) -> None:
    room_id, host, (pupil,) = classroom.lesson(1)

    def online() -> list[bool]:
        return [each["online"] for each in classroom.entered(host, room_id)["participants"]]

    assert online() == [True, False]
    classroom.connect(pupil, room_id)
    assert online() == [True, True] and read == [room_id]


def test_no_more_people_are_remembered_than_may_be(
    classroom: Classroom, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "MOST_PEOPLE", 7)
    lessons = [classroom.lesson(2) for _ in range(3)]
    for room_id, host, _ in [*lessons, lessons[1], lessons[0]]:
        people(classroom, host, room_id)
    first, second, third = (room_id for room_id, _, _ in lessons)
    assert read == [first, second, third, first], "the one that was entered longest ago is forgotten"
    assert rosters._rosters._people == 6


def test_a_room_larger_than_what_may_be_remembered_is_remembered_alone(
    classroom: Classroom, read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rosters, "MOST_PEOPLE", 2)
    room_id, host, _ = classroom.lesson(3)
    assert people(classroom, host, room_id) == people(classroom, host, room_id)
    assert read == [room_id] and rosters._rosters._people == 4


def test_another_log_has_people_of_its_own(classroom: Classroom, read: list[str]) -> None:
    room_id, host, _ = classroom.lesson(1)
    people(classroom, host, room_id)
    with transaction() as tx:
        tx.session.execute(update(Room).where(Room.id == room_id).values(epoch="restored"))
    people(classroom, host, room_id)
    assert read == [room_id, room_id]


def test_who_is_taken_into_another_room_while_being_renamed_is_renamed_a_moment_later(
    classroom: Classroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come in between the reading of their rooms and the lock on them."""
    room_id, _, (pupil,) = classroom.lesson(1)
    told = iter([{room_id}, {room_id, "another"}])
    monkeypatch.setattr(names, "_rooms_of", lambda session, user_id: next(told))
    with refused(Code.UNAVAILABLE) as caught:
        accounts.change_profile(pupil, display_name="Somebody else")
    assert caught.value.retry_after
    assert classroom.row(room_id).members_version == 2, "nothing of it was written"
    monkeypatch.undo()
    assert accounts.change_profile(pupil, display_name="Somebody else")["display_name"] == "Somebody else"


def test_a_renaming_waits_for_who_takes_the_same_person_into_a_room(classroom: Classroom) -> None:
    """On PostgreSQL by the user's row, on SQLite by the one writer; afterwards no room shows the old name."""
    first, _, (pupil,) = classroom.lesson(1)
    second, host, _ = classroom.lesson(1)

    def rename() -> None:
        with suppress(Refused):  # on PostgreSQL they find themselves in one room more, and are asked to come again
            accounts.change_profile(pupil, display_name="Somebody else")

    renaming = Thread(target=rename)
    with transaction() as tx:
        room = access.lock_room(tx.session, second)
        participants.admit(tx, room, [pupil.user_id])
        tx.session.flush()
        renaming.start()
        renaming.join(0.3)
        assert renaming.is_alive()
    shown = people(classroom, host, second)
    renaming.join(10)
    assert not renaming.is_alive()
    with transaction() as tx:
        called = tx.session.get_one(User, pupil.user_id).display_name
    for room_id, who in ((first, pupil), (second, host)):
        assert called in [name for name, _, _ in people(classroom, who, room_id)]
    assert len(shown) == 3
