"""An id that cannot be ours is not found, by every operation, on every database: never an internal error. CASES D."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chatapp.contract import ids
from chatapp.contract.errors import Code
from chatapp.domain import (
    entering,
    history,
    lobby,
    messages,
    notifications,
    participants,
    rooms,
    sessions,
    visits,
    workers,
)
from chatapp.domain.actor import Actor
from tests.domain.classroom import Classroom, refused

STRANGE = [
    "",
    "0",
    "-1",
    "1.5",
    "1e9",
    str(2**63),
    "9" * 200,
    "٣" * 20,
    "a" * 19 + "\n",
    "a" * 19 + "\x00",
    "\x00",
    "a\ud800",
    "%" * 20,
    "' OR 1=1 --",
    "00000000-0000-0000-0000-000000000000",
    ids.new_id(),
]

OF_A_ROOM: dict[str, Callable[[Actor, str], Any]] = {
    "show": lambda actor, room_id: rooms.show(actor, room_id=room_id),
    "update": lambda actor, room_id: rooms.update(actor, room_id=room_id, changes={"title": "x"}),
    "close": lambda actor, room_id: rooms.close(actor, room_id=room_id),
    "reopen": lambda actor, room_id: rooms.reopen(actor, room_id=room_id),
    "renew_code": lambda actor, room_id: rooms.renew_code(actor, room_id=room_id),
    "knock": lambda actor, room_id: lobby.knock(actor, room_id=room_id),
    "withdraw": lambda actor, room_id: lobby.withdraw(actor, room_id=room_id),
    "mine": lambda actor, room_id: lobby.mine(actor, room_id=room_id),
    "requests": lambda actor, room_id: lobby.requests(actor, room_id=room_id),
    "approve": lambda actor, room_id: lobby.approve(actor, room_id=room_id, selector={"all": True}),
    "deny": lambda actor, room_id: lobby.deny(actor, room_id=room_id, selector={"all": True}),
    "participants": lambda actor, room_id: participants.list_all(actor, room_id=room_id),
    "leave": lambda actor, room_id: participants.leave(actor, room_id=room_id),
    "remove": lambda actor, room_id: participants.remove(actor, room_id=room_id, user_id=actor.user_id),
    "bans": lambda actor, room_id: participants.bans(actor, room_id=room_id),
    "unban": lambda actor, room_id: participants.unban(actor, room_id=room_id, user_id=actor.user_id),
    "send": lambda actor, room_id: messages.send(actor, room_id=room_id, client_id="c", body="b"),
    "history": lambda actor, room_id: history.read(actor, room_id=room_id),
    "enter": lambda actor, room_id: entering.enter(actor, room_id=room_id).answer,
    "after": lambda actor, room_id: entering.messages_after(actor, room_id=room_id, after=0),
    "before": lambda actor, room_id: entering.messages_before(actor, room_id=room_id, before=1),
    "visit": lambda actor, room_id: visits.enter(actor, connection_id="c", room_id=room_id, worker_id=workers.begin()),
}

IN_A_ROOM: dict[str, Callable[[Actor, str, str], Any]] = {
    "approve a request": lambda host, room_id, strange: lobby.approve(
        host, room_id=room_id, selector={"request_id": strange}
    ),
    "approve a user": lambda host, room_id, strange: lobby.approve(
        host, room_id=room_id, selector={"user_id": strange}
    ),
    "deny a request": lambda host, room_id, strange: lobby.deny(
        host, room_id=room_id, selector={"request_id": strange}
    ),
    "deny a user": lambda host, room_id, strange: lobby.deny(host, room_id=room_id, selector={"user_id": strange}),
    "remove": lambda host, room_id, strange: participants.remove(host, room_id=room_id, user_id=strange),
    "unban": lambda host, room_id, strange: participants.unban(host, room_id=room_id, user_id=strange),
    "send a file": lambda host, room_id, strange: messages.send(host, room_id=room_id, client_id="c", file_id=strange),
    "mark as read": lambda host, _, strange: notifications.mark_read(host, ids=[strange]),
    "end a session": lambda host, _, strange: sessions.end(host, session_id=strange),
}


@pytest.mark.parametrize("operation", OF_A_ROOM)
def test_no_operation_finds_a_room_by_a_strange_id(classroom: Classroom, operation: str) -> None:
    actor = classroom.teacher()
    for strange in STRANGE:
        with refused(Code.NOT_FOUND):
            OF_A_ROOM[operation](actor, strange)


@pytest.mark.parametrize("operation", IN_A_ROOM)
def test_no_operation_finds_anything_in_a_room_by_a_strange_id(classroom: Classroom, operation: str) -> None:
    room_id, host, _ = classroom.lesson(0)
    for strange in STRANGE:
        with refused(Code.NOT_FOUND):
            IN_A_ROOM[operation](host, room_id, strange)
    assert classroom.log(room_id) == ["room_created"]


def test_of_several_strange_ones_each_is_told(classroom: Classroom) -> None:
    room_id, host, _ = classroom.lesson(0)
    good = classroom.knock(classroom.student(), room_id)
    results = lobby.approve(host, room_id=room_id, selector={"request_ids": [*STRANGE, good]})["results"]
    assert [result["outcome"] for result in results] == ["not_found"] * len(STRANGE) + ["approved"]


def test_nobody_waits_at_a_strange_room(classroom: Classroom) -> None:
    room_id, _, _ = classroom.lesson(0)
    pupil = classroom.student()
    classroom.knock(pupil, room_id)
    assert entering.is_waiting(pupil, room_id=room_id)
    assert not any(entering.is_waiting(pupil, room_id=strange) for strange in STRANGE)
