"""Entering a room by a socket: who may, what is heard in which order, and that one who fails leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from chatapp.contract import jsontext
from chatapp.contract.errors import Code, Refused
from chatapp.db import database, reading, transaction
from chatapp.domain import entering, lobby, messages, participants, rooms, visits, workers
from chatapp.models import Presence, Worker
from chatapp.realtime.errands import Errands
from chatapp.realtime.hub import Hub
from chatapp.realtime.outgoing import Event
from chatapp.transports.entrance import TRIES, Entrance
from tests.realtime.doubles import Ears
from tests.support.school import School, Signed

Wrap = Callable[[dict[str, Any]], Event]


class Lesson:
    """A worker's entrance to one room of a real school; what is committed is announced to its hub."""

    def __init__(self, school: School) -> None:
        self.school = school
        self.host, self.ada, self.bob = school.teacher(), school.student(), school.student()
        self.room_id: str = school.room(self.host, self.ada, self.bob)["id"]
        self.hub = Hub(Errands())
        database.listen(self.hub.take)
        self.worker_id = workers.begin()
        self.entrance = Entrance(self.hub, lambda: self.worker_id)
        self.said = 0

    def ears(self, person: Signed) -> Ears:
        """A connection of somebody, admitted."""
        ears = Ears(person.id)
        self.hub.add(ears)
        visits.connect(person.actor, connection_id=ears.id, worker_id=self.worker_id)
        return ears

    def enter(
        self,
        ears: Ears,
        person: Signed,
        *,
        wrap: Wrap | None = None,
        after: int | None = None,
        epoch: str | None = None,
    ) -> dict[str, Any]:
        return self.entrance.enter(ears, person.actor, wrap or welcome, room_id=self.room_id, after=after, epoch=epoch)

    def inside(self, person: Signed) -> Ears:
        """A connection that has entered."""
        ears = self.ears(person)
        self.enter(ears, person)
        ears.heard.clear()
        return ears

    def say(self, person: Signed | None = None, body: str = "hello") -> int:
        self.said += 1
        return messages.send(
            (person or self.host).actor, room_id=self.room_id, client_id=f"c{self.said}", body=body
        ).seq

    def visitors(self) -> list[str]:
        """The connections with a visit to the room, by the database."""
        with reading() as session:
            return list(session.scalars(select(Presence.connection_id).where(Presence.room_id == self.room_id)))


def welcome(snapshot: dict[str, Any]) -> Event:
    return Event.of("/chat", "welcome", {"head": snapshot["head"], "messages": snapshot["messages"]})


@pytest.fixture
def lesson(app: Flask, school: School) -> Lesson:
    return Lesson(school)


def refused(code: Code, enter: Callable[[], object]) -> Refused:
    with pytest.raises(Refused) as caught:
        enter()
    assert caught.value.code is code
    return caught.value


# Who enters


def test_the_answer_comes_first_then_what_is_said(lesson: Lesson) -> None:
    ears = lesson.ears(lesson.ada)
    snapshot = lesson.enter(ears, lesson.ada)
    seq = lesson.say()
    assert [name for name, _ in ears.heard] == ["welcome", "message"]
    assert ears.heard[0][1]["head"] == snapshot["head"] == seq - 1
    assert ears.seqs == [seq]
    assert lesson.hub.is_in(ears.id, lesson.room_id)
    assert lesson.visitors() == [ears.id]


def test_what_is_said_while_one_enters_comes_behind_the_answer_once(lesson: Lesson) -> None:
    other = lesson.inside(lesson.bob)
    ears = lesson.ears(lesson.ada)

    def wrap(snapshot: dict[str, Any]) -> Event:
        lesson.say()
        return welcome(snapshot)

    snapshot = lesson.enter(ears, lesson.ada, wrap=wrap)
    lesson.say()
    assert [name for name, _ in ears.heard] == ["welcome", "message", "message"]
    assert ears.seqs == [snapshot["head"] + 1, snapshot["head"] + 2] == other.seqs


def test_an_answer_with_more_has_not_entered(lesson: Lesson, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entering, "PAGE", 2)
    ears, after = lesson.ears(lesson.ada), 0
    for _ in range(3):
        lesson.say()
    while (snapshot := lesson.enter(ears, lesson.ada, after=after))["more"]:
        assert not lesson.hub.is_in(ears.id, lesson.room_id)
        assert lesson.hub.pumps == {}
        lesson.say()
        assert ears.seqs == []
        after = snapshot["messages"][-1]["seq"]
        if after >= 4:
            monkeypatch.setattr(entering, "PAGE", 200)
    pages = [data["messages"] for name, data in ears.heard if name == "welcome"]
    assert len(pages) >= 3
    assert [each["seq"] for page in pages for each in page] == list(range(1, snapshot["head"] + 1))
    assert lesson.hub.is_in(ears.id, lesson.room_id)
    seq = lesson.say()
    assert ears.seqs == [seq]


@pytest.mark.parametrize("room_id", ["", "0" * 20, "no such room", "x" * 500])
def test_a_room_that_does_not_exist_and_one_that_is_not_yours_are_the_same(lesson: Lesson, room_id: str) -> None:
    carol = lesson.school.student()
    ears = lesson.ears(carol)
    missing = refused(
        Code.NOT_FOUND,
        lambda: lesson.entrance.enter(ears, carol.actor, welcome, room_id=room_id, after=None, epoch=None),
    )
    stranger = refused(Code.NOT_FOUND, lambda: lesson.enter(ears, carol))
    assert missing.as_socket_error() == stranger.as_socket_error()
    assert ears.heard == []
    assert lesson.hub.pumps == {}
    assert lesson.hub.rooms_of(ears.id) == []


def test_one_who_waits_is_told_so_until_the_host_decides(lesson: Lesson) -> None:
    carol = lesson.school.student()
    ears = lesson.ears(carol)
    lobby.knock(carol.actor, room_id=lesson.room_id)
    refusal = refused(Code.FORBIDDEN, lambda: lesson.enter(ears, carol))
    assert refusal.as_socket_error()["data"] == {"my_role": "pending"}
    assert lesson.hub.pumps == {}
    assert lesson.visitors() == []
    lobby.approve(lesson.host.actor, room_id=lesson.room_id, selector={"user_id": carol.id})
    assert jsontext.decode(jsontext.encode(lesson.enter(ears, carol)["me"]))["user"]["id"] == carol.id
    other = lesson.school.student()
    lobby.knock(other.actor, room_id=lesson.room_id)
    lobby.deny(lesson.host.actor, room_id=lesson.room_id, selector={"user_id": other.id})
    refused(Code.NOT_FOUND, lambda: lesson.enter(lesson.ears(other), other))


@pytest.mark.parametrize("ban", [True, False])
def test_the_removed_get_the_answer_of_a_stranger(lesson: Lesson, ban: bool) -> None:
    ears = lesson.ears(lesson.ada)
    participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id, ban=ban)
    refused(Code.NOT_FOUND, lambda: lesson.enter(ears, lesson.ada))
    assert lesson.visitors() == []


def test_a_closed_room_may_be_entered_and_is_heard_to_open_again(lesson: Lesson) -> None:
    rooms.close(lesson.host.actor, room_id=lesson.room_id)
    ears = lesson.inside(lesson.ada)
    rooms.reopen(lesson.host.actor, room_id=lesson.room_id)
    assert [each["seq"] for each in ears.named("message")] == ears.seqs != []


# Evicted meanwhile


def test_one_who_is_removed_while_entering_gets_no_answer(lesson: Lesson) -> None:
    other = lesson.inside(lesson.bob)
    ears = lesson.ears(lesson.ada)

    def wrap(snapshot: dict[str, Any]) -> Event:
        participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id)
        lesson.say()
        return welcome(snapshot)

    refused(Code.NOT_FOUND, lambda: lesson.enter(ears, lesson.ada, wrap=wrap))
    assert ears.heard == []
    assert len(other.seqs) == 2
    assert lesson.visitors() == [other.id]
    assert lesson.hub.rooms_of(ears.id) == []


def test_one_who_is_removed_and_taken_back_while_entering_enters_with_the_newer_answer(lesson: Lesson) -> None:
    lesson.inside(lesson.bob)
    ears = lesson.ears(lesson.ada)
    answers: list[int] = []

    def wrap(snapshot: dict[str, Any]) -> Event:
        if not answers:
            participants.remove(lesson.host.actor, room_id=lesson.room_id, user_id=lesson.ada.id)
            lobby.approve(lesson.host.actor, room_id=lesson.room_id, selector={"user_id": lesson.ada.id})
        answers.append(snapshot["head"])
        return welcome(snapshot)

    lesson.enter(ears, lesson.ada, wrap=wrap)
    assert answers == [answers[0], answers[0] + 2]
    assert [data["head"] for data in ears.named("welcome")] == [answers[1]]
    assert ears.seqs == []
    seq = lesson.say()
    assert ears.seqs == [seq]


def test_an_entering_that_always_comes_too_late_ends_in_unavailable_and_leaves_nothing(lesson: Lesson) -> None:
    ears = lesson.ears(lesson.ada)
    tries: list[int] = []

    def wrap(snapshot: dict[str, Any]) -> Event:
        tries.append(1)
        lesson.hub.pumps[lesson.room_id].readers[ears.id].spoiled = True
        return welcome(snapshot)

    refusal = refused(Code.UNAVAILABLE, lambda: lesson.enter(ears, lesson.ada, wrap=wrap))
    assert refusal.retry_after
    assert len(tries) == TRIES
    assert ears.heard == []
    assert lesson.hub.pumps == {}
    assert lesson.hub.rooms_of(ears.id) == []


# Gone meanwhile


@pytest.mark.parametrize("moment", ["before the visit", "after the departure was written", "before the answer"])
def test_a_connection_that_ends_while_it_enters_leaves_neither_reader_nor_visit(lesson: Lesson, moment: str) -> None:
    """A host's visit without a connection would keep the room open for ever."""
    ears = lesson.ears(lesson.host)
    worker_id = lesson.worker_id

    def depart() -> None:
        lesson.hub.remove(ears.id)
        visits.disconnect(connection_id=ears.id)

    def lease() -> str:
        if moment == "before the visit":
            lesson.hub.remove(ears.id)
        elif moment == "after the departure was written":
            depart()
        return worker_id

    def wrap(snapshot: dict[str, Any]) -> Event:
        if moment == "before the answer":
            depart()
        return welcome(snapshot)

    entrance = Entrance(lesson.hub, lease)
    refused(
        Code.UNAVAILABLE,
        lambda: entrance.enter(ears, lesson.host.actor, wrap, room_id=lesson.room_id, after=None, epoch=None),
    )
    assert lesson.visitors() == []
    assert lesson.hub.pumps == {}
    assert lesson.hub._visits == {}
    assert ears.heard == []
    assert [each.room_id for each in workers.absences()] == [lesson.room_id]


def test_a_connection_that_was_told_to_go_enters_nothing(lesson: Lesson) -> None:
    ears = lesson.ears(lesson.ada)
    ears.bye("restart")
    refused(Code.UNAVAILABLE, lambda: lesson.enter(ears, lesson.ada))
    assert lesson.visitors() == []


# Leases


def test_without_a_lease_nobody_enters(lesson: Lesson) -> None:
    ears = lesson.ears(lesson.ada)
    lesson.worker_id = ""
    refused(Code.UNAVAILABLE, lambda: lesson.enter(ears, lesson.ada))
    assert lesson.hub.pumps == {}


def test_a_lease_that_was_taken_holds_nothing_new(lesson: Lesson) -> None:
    """The worker may not know yet. What it writes behind its burial nobody would ever end."""
    ears = lesson.ears(lesson.host)
    assert workers.bury(lesson.worker_id)
    refused(Code.UNAVAILABLE, lambda: lesson.enter(ears, lesson.host))
    late = Ears(lesson.ada.id)
    refused(
        Code.UNAVAILABLE,
        lambda: visits.connect(lesson.ada.actor, connection_id=late.id, worker_id=lesson.worker_id),
    )
    with transaction() as tx:
        assert tx.session.scalars(select(Presence)).all() == []
        assert tx.session.scalars(select(Worker.dead)).all() == [True]


def test_when_the_snapshot_cannot_be_read_the_connection_is_not_in_the_room(
    lesson: Lesson, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise ConnectionError

    ears = lesson.inside(lesson.ada)
    with monkeypatch.context() as patch:
        patch.setattr(entering, "enter", away)
        with pytest.raises(ConnectionError):
            lesson.enter(ears, lesson.ada)
    lesson.say()
    assert ears.heard == []
    assert lesson.hub.pumps == {}
    lesson.enter(ears, lesson.ada)
    seq = lesson.say()
    assert ears.seqs == [seq]


# Leaving


def test_who_leaves_hears_nothing_more_and_stays_a_participant(lesson: Lesson) -> None:
    ears, other = lesson.inside(lesson.ada), lesson.inside(lesson.ada)
    lesson.entrance.leave(ears, lesson.ada.actor, room_id=lesson.room_id)
    seq = lesson.say()
    assert (ears.seqs, other.seqs) == ([], [seq])
    assert lesson.visitors() == [other.id]
    lesson.enter(ears, lesson.ada)
    assert ears.named("welcome")


def test_who_is_not_in_the_room_cannot_leave_it(lesson: Lesson) -> None:
    carol = lesson.school.student()
    ears = lesson.ears(carol)
    refused(Code.NOT_FOUND, lambda: lesson.entrance.leave(ears, carol.actor, room_id=lesson.room_id))
