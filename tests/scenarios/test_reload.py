"""A host who reloads the page is not away. A thousand times."""

from __future__ import annotations

import threading

import pytest

from tests.scenarios.classroom import leaving, room_with
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.rawsocket import EngineWebSocket, RawWebSocket, sio_connect, sio_event
from tests.support.server import ServerProcess

pytestmark = pytest.mark.service

SERVER_ENV = {"HOST_AWAY_SECONDS": "2", "LIMIT_CONNECTS": "1000000/minute", "LIMIT_HISTORY": "1000000/minute"}

RELOADS = 1000


class Tab:
    """The host's page in one browser tab: a connection in the room, which ends without a word."""

    def __init__(self, server: ServerProcess, person: Person, room_id: str) -> None:
        self.socket = EngineWebSocket.open(server.address, timeout=10)
        self.socket.send_packet(sio_connect("/chat", {"token": person.token}))
        self.socket.send_packet(sio_event("/chat", "room_enter", {"room_id": room_id}, ack=1))
        answer = self.socket.until_ack(1).data[0]
        assert answer["ok"], answer

    def vanish(self, abruptly: bool) -> None:
        self.socket.abort() if abruptly else self.socket.close()


def test_a_thousand_reloads_of_the_host_leave_no_trace(server: ServerProcess) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student], host_grace_seconds=30)
    watcher = sio_member(student)
    with leaving([watcher]):
        watcher.connect()
        watcher.enter(room_id)
        for number in range(RELOADS):
            Tab(server, teacher, room_id).vanish(abruptly=number % 2 == 0)
        last = Tab(server, teacher, room_id)
        teacher.rest.send(room_id, "end", "still here").ok(201)
        watcher.wait_event("message", lambda data: data["client_id"] == "end")
        codes = [message["code"] for message in teacher.rest.room_log(room_id)]
        assert codes == ["room_created", "participant_joined", None]
        assert [room["status"] for room in watcher.named("room_updated")].count("unsupervised") == 0
        last.socket.close()


def test_two_tabs_of_the_host_one_closed_is_no_absence_both_closed_is(server: ServerProcess) -> None:
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student], host_grace_seconds=30)
    watcher = sio_member(student)
    with leaving([watcher]):
        watcher.connect()
        watcher.enter(room_id)
        first, second = Tab(server, teacher, room_id), Tab(server, teacher, room_id)
        first.vanish(abruptly=False)
        with pytest.raises(AssertionError):
            watcher.wait_event("message", lambda data: data["code"] == "host_away", timeout=4)
        second.vanish(abruptly=True)
        watcher.wait_event("message", lambda data: data["code"] == "host_away", timeout=10)


def test_reloads_under_way_while_the_class_talks_lose_nothing_for_it(server: ServerProcess) -> None:
    """The host's coming and going costs the others nothing: every message arrives, in order."""
    teacher, students = server.teacher(), server.students(2)
    room_id = room_with(teacher, students, host_grace_seconds=30)
    talker, watcher = (sio_member(student) for student in students)
    stop = threading.Event()

    def reload_for_ever() -> None:
        while not stop.is_set():
            ws = RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={teacher.token}", timeout=10)
            assert ws.json()["event"] == "welcome"
            ws.abort()

    with leaving([talker, watcher]):
        for member in (talker, watcher):
            member.connect()
            member.enter(room_id)
        thread = threading.Thread(target=reload_for_ever)
        thread.start()
        try:
            for number in range(40):
                talker.send(room_id, f"number {number}")
        finally:
            stop.set()
            thread.join(30)
        log = teacher.rest.room_log(room_id)
        watcher.wait_seq(room_id, len(log))
        watcher.assert_faultless()
        assert [message["body"] for message in log if message["type"] == "text"] == [f"number {n}" for n in range(40)]
