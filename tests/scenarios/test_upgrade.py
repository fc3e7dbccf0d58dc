"""Going over from long-polling to WebSocket while the class talks loses nothing, doubles nothing, reorders nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.scenarios.classroom import assert_all_heard, leaving, room_with
from tests.support import ledger
from tests.support.clients.js import JsWire, Node, js_member
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.rawsocket import EnginePolling, SioPacket, parse_sio, sio_connect, sio_event
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {
    "LIMIT_SENDS": "10000/second",
    "LIMIT_SENDS_BURST": "1000",
    "LIMIT_PACKETS": "10000/second",
    "LIMIT_PACKETS_BURST": "1000",
}


@contextmanager
def chatter(person: Person, room_id: str, messages: int) -> Iterator[threading.Event]:
    """Somebody says `messages` things, one after the other. The event is set when a third has been said."""
    begun = threading.Event()
    member = sio_member(person)

    def talk() -> None:
        for number in range(messages):
            member.send(room_id, f"number {number}")
            if number == messages // 3:
                begun.set()

    with leaving([member]):
        member.connect()
        member.enter(room_id)
        thread = threading.Thread(target=talk)
        thread.start()
        yield begun
        thread.join(60)
        assert not thread.is_alive()


def heard(packets: list[SioPacket]) -> list[dict[str, Any]]:
    """The messages among what came, those of the answer to entering first."""
    answer = next(packet.data[0] for packet in packets if packet.type == 3)
    return answer["messages"] + [
        packet.data[1] for packet in packets if packet.type == 2 and packet.data[0] == "message"
    ]


@pytest.mark.parametrize("attempt", range(5))
def test_an_upgrade_in_mid_stream_loses_and_reorders_nothing(server: ServerProcess, attempt: int) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student])
    polling = EnginePolling.open(server.address, timeout=10)
    polling.post(sio_connect("/chat", {"token": student.token}))
    polling.post(sio_event("/chat", "room_enter", {"room_id": room_id}, ack=1))
    raw: list[str] = []
    while not any(packet.startswith("43/chat,1") for packet in raw):
        raw += polling.get()
    with chatter(teacher, room_id, 150) as begun:
        while not begun.is_set():
            came = polling.get()
            raw += came
            if "2" in came:
                polling.post("3")
        upgraded = polling.upgrade()
        raw += polling.waiting
        with upgraded:
            while not any('"number 149"' in packet for packet in raw[-200:]):
                raw.append(upgraded.packet(10))
    packets = [parsed for packet in raw if (parsed := parse_sio(packet))]
    log = teacher.rest.room_log(room_id)
    assert ledger.order(heard(packets)) == []
    ledger.assert_equal(heard(packets), log)


def test_the_javascript_client_upgrades_while_the_class_talks(server: ServerProcess, node: Node) -> None:
    teacher, students = server.teacher(), server.students(5)
    room_id = room_with(teacher, students)
    members = [js_member(student, node) for student in students]
    with leaving(members):
        with chatter(teacher, room_id, 200):
            for member in members:
                member.connect()
                member.enter(room_id)
        assert_all_heard(members, room_id, teacher.rest.room_log(room_id))
        for member in members:
            assert isinstance(member.wire, JsWire)
            assert member.wire.transports == ["websocket"] and member.connections == 1
