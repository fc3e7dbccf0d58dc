"""A scene for each test; and whatever it does to the server, the class next door goes on and notices nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.scenarios.classroom import leaving, room_with
from tests.support.clients.member import Member
from tests.support.clients.plain import plain_member
from tests.support.clients.sio import sio_member
from tests.support.server import ServerProcess
from tests.wire.line import Line
from tests.wire.scene import Room


class Neighbours:
    """Three people on three kinds of client, who were there before and stay."""

    def __init__(self, server: ServerProcess) -> None:
        teacher, *students = server.teacher(), *server.students(2)
        self.room_id = room_with(teacher, students, title="Next door")
        self.members: list[Member] = [
            sio_member(teacher),
            sio_member(students[0], "polling"),
            plain_member(students[1]),
        ]
        for member in self.members:
            member.connect()
            member.enter(self.room_id)

    def talk(self) -> None:
        """Each says something, each hears all of it; nobody was ever disconnected."""
        for member in self.members:
            seq = member.send(self.room_id, "All quiet here?", timeout=5)["message"]["seq"]
            for other in self.members:
                other.wait_seq(self.room_id, seq, timeout=5)
                other.assert_faultless()
                assert other.connections == 1 and not other.byes


@pytest.fixture(scope="module")
def neighbours(server: ServerProcess) -> Iterator[Neighbours]:
    """The class next door."""
    there = Neighbours(server)
    with leaving(there.members):
        yield there


@pytest.fixture(autouse=True)
def neighbours_notice_nothing(neighbours: Neighbours) -> Iterator[None]:
    """After each test they talk."""
    yield
    neighbours.talk()


@pytest.fixture
def room(server: ServerProcess) -> Iterator[Room]:
    teacher, (inside, waiting, stranger) = server.teacher(), server.students(3)
    room_id = room_with(teacher, [inside])
    waiting.rest.knock(room_id).ok(201)
    people = {"teacher": teacher, "inside": inside, "waiting": waiting, "stranger": stranger}
    with ExitStack() as stack:
        lines = {who: stack.enter_context(Line.open(server, person)) for who, person in people.items()}
        yield Room(room_id, teacher, inside, waiting, stranger, lines)
