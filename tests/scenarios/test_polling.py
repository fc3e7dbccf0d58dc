"""Long-polling clients as they ship: a burst out and a burst in, nothing dropped and nothing out of order.

Both libraries take 16 packets a payload and drop or die beyond; a class does not.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import socketio

from tests.scenarios.classroom import assert_all_heard, leaving, room_with
from tests.support.clients.js import Node, js_member
from tests.support.clients.member import Member
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {
    "LIMIT_SENDS": "10000/second",
    "LIMIT_SENDS_BURST": "1000",
    "LIMIT_PACKETS": "10000/second",
    "LIMIT_PACKETS_BURST": "1000",
}

Kind = Callable[[Person, Node], Member]

KINDS: dict[str, Kind] = {
    "javascript": lambda person, node: js_member(person, node, options={"transports": ["polling"]}),
    "python": lambda person, node: sio_member(person, "polling"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_polling_client_sends_twenty_in_one_tick_and_reads_a_burst_of_two_hundred(
    server: ServerProcess, node: Node, kind: str
) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student])
    talker, poller = sio_member(teacher), KINDS[kind](student, node)
    with leaving([talker, poller]):
        for member in (talker, poller):
            member.connect()
            member.enter(room_id)

        bodies = [f"mine {number}" for number in range(20)]
        acks = poller.send_all_at_once(room_id, bodies)
        assert all(ack["ok"] for ack in acks), acks
        assert [ack["message"]["body"] for ack in acks] == bodies, "acks come in the order of the sends"
        seqs = [ack["message"]["seq"] for ack in acks]
        assert seqs == sorted(seqs)

        acks = talker.send_all_at_once(room_id, [f"burst {number} {'x' * 500}" for number in range(200)])
        assert all(ack["ok"] for ack in acks)

        log = teacher.rest.room_log(room_id)
        assert [message["body"] for message in log if message["sender"] == student.user] == bodies
        assert_all_heard([talker, poller], room_id, log)
        assert poller.connections == 1, "the connection outlived it all"


def test_the_library_as_it_ships_loses_nothing_either(server: ServerProcess) -> None:
    """Each packet gets a thread of its own there, so that only what came is compared, not in which order."""
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student])
    talker, poller = sio_member(teacher), sio_member(student, "polling", client=socketio.Client)
    with leaving([talker, poller]):
        for member in (talker, poller):
            member.connect()
            member.enter(room_id)
        talker.send_all_at_once(room_id, [f"burst {number}" for number in range(200)])
        acks = poller.send_all_at_once(room_id, [f"mine {number}" for number in range(20)])
        assert len({ack["message"]["seq"] for ack in acks}) == 20
        log = teacher.rest.room_log(room_id)
        poller.wait(lambda: len(poller.rooms[room_id].messages) >= len(log), what="all messages")
        assert sorted(message["seq"] for message in poller.rooms[room_id].messages) == list(range(1, len(log) + 1))
        assert poller.connections == 1
