"""Ten readers that hardly read in a busy room: what they get is whole and in order, until they are closed as slow; then
they resume by cursor and have lost nothing. The others notice nothing."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.scenarios.classroom import assert_all_heard, at_once, leaving, room_with
from tests.support import ledger
from tests.support.clients.member import Member
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.rawsocket import (
    CLOSE,
    PING,
    TEXT,
    EngineWebSocket,
    Frame,
    RawWebSocket,
    parse_sio,
    sio_connect,
    sio_event,
)
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = pytest.mark.service

SERVER_ENV = {
    "LIMIT_SENDS": "10000/second",
    "LIMIT_SENDS_BURST": "2000",
    "LIMIT_PACKETS": "10000/second",
    "LIMIT_PACKETS_BURST": "2000",
    "SLOW_BYTES": "262144",
    "SLOW_SECONDS": "4",
}

READERS = 10
MESSAGES = 1200
BODY = "x" * 1500


@dataclass
class SlowReader:
    """A raw socket with a tiny receive buffer, in a room, which then stops reading."""

    person: Person
    socket: RawWebSocket
    answer: dict[str, Any]
    messages: list[dict[str, Any]] = field(default_factory=list)
    byes: list[dict[str, Any]] = field(default_factory=list)
    close_code: int | None = None

    def drain(self) -> None:
        """Read slowly at first, then to the end: every frame must parse."""
        self.messages += self.answer["messages"]
        try:
            for number, frame in enumerate(self.socket.frames(timeout=20)):
                if number < 20:
                    time.sleep(0.01)  # a reader that is slow, but alive
                self._take(frame)
                if self.messages and self.messages[-1]["body"] == "the last one":
                    return
        finally:
            self.socket.close()

    def _take(self, frame: Frame) -> None:
        if frame.opcode == CLOSE:
            self.close_code = frame.close_code
            return
        assert frame.fin and not frame.rsv and frame.opcode in (TEXT, PING), frame
        if frame.opcode == TEXT and (event := self._event(frame)) is not None:
            name, data = event
            {"message": self.messages, "bye": self.byes}.get(name, []).append(data)

    def _event(self, frame: Frame) -> tuple[str, Any] | None:
        if not isinstance(self.socket, EngineWebSocket):
            said = json.loads(frame.text)
            return said["event"], said["data"]
        packet = parse_sio(frame.text)
        return (packet.data[0], packet.data[1]) if packet is not None and packet.type == 2 else None


def talk(talker: Member, room_id: str, messages: int) -> None:
    """Say so many long things, a few at once: who talks must read, too, and not become slow itself."""
    for begin in range(0, messages, 20):
        acks = talker.send_all_at_once(room_id, [f"{begin + number} {BODY}" for number in range(20)])
        assert all(ack["ok"] for ack in acks)
    talker.send(room_id, "the last one")


def socketio_reader(server: ServerProcess, person: Person, room_id: str) -> SlowReader:
    ws = EngineWebSocket.open(server.address, receive_buffer=4096, timeout=20)
    ws.send_packet(sio_connect("/chat", {"token": person.token}))
    ws.send_packet(sio_event("/chat", "room_enter", {"room_id": room_id}, ack=1))
    return SlowReader(person, ws, ws.until_ack(1).data[0])


def plain_reader(server: ServerProcess, person: Person, room_id: str) -> SlowReader:
    ws = RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={person.token}", receive_buffer=4096, timeout=20)
    return SlowReader(person, ws, ws.json()["data"])


def test_slow_readers_get_whole_frames_in_order_and_resume(server: ServerProcess) -> None:
    teacher, students = server.teacher(), server.students(READERS + 2)
    room_id = room_with(teacher, students)
    talker, quick = sio_member(students[-1]), sio_member(students[-2])
    with leaving([talker, quick]):
        for member in (talker, quick):
            member.connect()
            member.enter(room_id)
        makers = [socketio_reader, plain_reader]
        slow = [makers[number % 2](server, person, room_id) for number, person in enumerate(students[:READERS])]

        talk(talker, room_id, MESSAGES)
        at_once(SlowReader.drain, slow)

        log = teacher.rest.room_log(room_id)
        assert_all_heard([talker, quick], room_id, log)
        for reader in slow:
            assert ledger.order(reader.messages) == [] == ledger.holes(reader.messages, first=1)
            last = reader.messages[-1]["seq"]
            ledger.assert_equal(reader.messages, log, last=last)
            assert last < len(log), f"{reader.person} was not slow at all"
            assert reader.close_code in (4408, None) and all(bye["code"] == "slow" for bye in reader.byes)
        assert_they_resume(slow, room_id, log)


def assert_they_resume(slow: list[SlowReader], room_id: str, log: list[dict[str, Any]]) -> None:
    """Each comes back with a client that reads, from where it was cut, and gets exactly the rest."""
    for reader in slow:
        member = sio_member(reader.person)
        with leaving([member]):
            member.connect()
            received = reader.messages
            while received[-1]["seq"] < len(log):
                answer = member.do(
                    "room_enter",
                    {"room_id": room_id, "after": received[-1]["seq"], "epoch": reader.answer["epoch"]},
                )
                assert not answer["reset"]
                received += answer["messages"]
            ledger.assert_equal(received, log)


def test_a_reader_that_is_only_a_little_slow_stays(server: ServerProcess) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student])
    talker = sio_member(teacher)
    with leaving([talker]):
        talker.connect()
        talker.enter(room_id)
        reader = socketio_reader(server, student, room_id)
        talk(talker, room_id, 100)
        reader.drain()
        assert reader.byes == []
        ledger.assert_equal(reader.messages, teacher.rest.room_log(room_id))


def test_a_closed_slow_reader_ends_its_connection(server: ServerProcess) -> None:
    """The TCP connection ends too; nothing of it stays behind on the server."""
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student])
    talker = sio_member(teacher)
    with leaving([talker]):
        talker.connect()
        talker.enter(room_id)
        reader = socketio_reader(server, student, room_id)
        talk(talker, room_id, 800)
        reader.socket.wait_cut(15)
        reader.socket.close()

        def is_offline() -> bool:
            rows = teacher.rest.participants(room_id)
            return not next(row["online"] for row in rows if row["user"]["id"] == student.id)

        eventually(is_offline, within=5, message="the visit outlived its connection")
