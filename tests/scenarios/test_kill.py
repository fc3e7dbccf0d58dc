"""SIGKILL under load, on SQLite: what was acknowledged is there, and the class goes on where it was."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from tests.scenarios.classroom import assert_all_heard, at_once, leaving, room_with
from tests.support import ledger
from tests.support.clients.js import Node, js_member
from tests.support.clients.member import Member
from tests.support.clients.plain import plain_member
from tests.support.clients.sio import sio_member
from tests.support.people import Person
from tests.support.server import ServerProcess, StartServer
from tests.support.speaker import Speaker
from tests.support.wait import eventually

pytestmark = pytest.mark.service

BUSY = {
    "LIMIT_SENDS": "10000/second",
    "LIMIT_SENDS_BURST": "2000",
    "LIMIT_PACKETS": "10000/second",
    "LIMIT_PACKETS_BURST": "2000",
    # A killed worker's visits end with its lease; nobody waits a quarter of a minute for that here.
    "LEASE_BEAT_SECONDS": "0.5",
    "FENCE_SECONDS": "1.5",
    "LEASE_TIMEOUT_SECONDS": "2",
}


@pytest.mark.timeout(180)
def test_kill_9_under_load_loses_no_acknowledged_message_and_clients_resume(
    start_server: StartServer, node: Node
) -> None:
    server = start_server(**BUSY)
    teacher, students = server.teacher(), server.students(5)
    room_id = room_with(teacher, students, host_grace_seconds=600)
    members = [
        sio_member(teacher),
        sio_member(students[0], "websocket"),
        sio_member(students[1], "polling"),
        sio_member(students[2], "upgrade"),
        js_member(students[3], node),
        js_member(students[4], node, options={"transports": ["polling"]}),
    ]
    with leaving(members):
        at_once(Member.connect, members)
        at_once(lambda member: member.enter(room_id), members)
        speakers = [Speaker(member, room_id) for member in members]
        for _ in range(3):
            spoken = sum(len(speaker.acked) for speaker in speakers)
            eventually(lambda: sum(len(speaker.acked) for speaker in speakers) > spoken + 60, within=30)  # noqa: B023
            server.kill()
            server.start()
            for member in members:
                member.wait(lambda: member.connected and member.rooms[room_id].entered, 40, "being back")  # noqa: B023
        for speaker in speakers:
            speaker.stop()

        log = teacher.rest.room_log(room_id)
        assert ledger.holes(log, first=1) == []
        for speaker in speakers:
            speaker.assert_stands(log)
        assert_all_heard(members, room_id, log)
        assert all(member.rooms[room_id].resets == 0 for member in members)
        assert all(member.connections >= 4 for member in members)


def test_a_plain_websocket_resumes_after_the_kill_too(start_server: StartServer) -> None:
    server = start_server(**BUSY)
    teacher, student = server.teacher(), server.student()
    room_id = room_with(teacher, [student], host_grace_seconds=600)
    member = plain_member(student)
    with leaving([member]):
        member.connect()
        member.enter(room_id)
        member.send(room_id, "before")
        server.kill()
        member.wait(lambda: not member.connected, what="the end of the connection")
        server.start()
        member.connect()
        member.wait(lambda: member.rooms[room_id].entered, what="the welcome")
        again = member.do("message_send", {"room_id": room_id, "client_id": "new", "body": "after"})
        log = teacher.rest.room_log(room_id)
        assert again["message"] == log[-1]
        assert_all_heard([member], room_id, log)


class TestTheHostsGrace:
    """A restart in the middle of the host's grace time closes the room once, and never early."""

    GRACE = 5

    def away(self, server: ServerProcess, end: Callable[[ServerProcess], None]) -> tuple[Person, Member, str, float]:
        """A room whose host dropped, on a server that has ended and begun again since: (host, watcher, room, when)."""
        teacher, student = server.teacher(), server.student()
        room_id = room_with(teacher, [student], host_grace_seconds=self.GRACE)
        host, watcher = sio_member(teacher), sio_member(student)
        host.connect()
        host.enter(room_id)
        watcher.connect()
        watcher.enter(room_id)
        dropped = time.monotonic()
        host.cut()
        watcher.wait_event("message", lambda data: data["code"] == "host_away")
        end(server)
        server.start()
        return teacher, watcher, room_id, dropped

    @pytest.mark.parametrize("end", [ServerProcess.kill, ServerProcess.stop])
    def test_it_closes_once_and_not_early(
        self, start_server: StartServer, end: Callable[[ServerProcess], None]
    ) -> None:
        server = start_server(**BUSY)
        _, watcher, room_id, dropped = self.away(server, end)
        with leaving([watcher]):
            closed = watcher.wait_message(room_id, lambda data: data["code"] == "room_closed", timeout=self.GRACE + 25)
            assert time.monotonic() - dropped >= self.GRACE, "closed before the grace time was over"
            assert closed["params"]["reason"] == "host_gone"
            log = watcher.person.rest.room_log(room_id)
            assert [message["code"] for message in log].count("room_closed") == 1
            assert log[-1] == closed
            assert_all_heard([watcher], room_id, log)

    def test_a_host_who_returns_after_the_restart_keeps_the_room_open(self, start_server: StartServer) -> None:
        server = start_server(**BUSY)
        teacher, watcher, room_id, _ = self.away(server, ServerProcess.kill)
        host = sio_member(teacher)
        with leaving([watcher, host]):
            host.connect()
            host.enter(room_id)
            watcher.wait_message(room_id, lambda data: data["code"] == "host_back")
            with pytest.raises(AssertionError):
                watcher.wait_message(room_id, lambda data: data["code"] == "room_closed", timeout=self.GRACE + 3)
            assert teacher.rest.room(room_id)["status"] == "open"
