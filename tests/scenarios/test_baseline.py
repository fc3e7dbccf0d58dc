"""Whoever has gone has left nothing in the process: no open file, and no memory that grows with those who come."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.classroom import room_with
from tests.support.people import Person
from tests.support.rawsocket import EnginePolling, EngineWebSocket, RawWebSocket, sio_connect, sio_event
from tests.support.server import ServerProcess
from tests.support.wait import eventually

pytestmark = pytest.mark.service

SERVER_ENV = {
    "LIMIT_CONNECTS": "1000000/minute",
    "LIMIT_HISTORY": "1000000/minute",
    "CONNECT_TIMEOUT_SECONDS": "2",
    "PING_INTERVAL_SECONDS": "2",
    "PING_TIMEOUT_SECONDS": "2",
}
CLASS = 40
ROUNDS = 5
GROWTH_KIB = 5
"""For each who came and went, at most. An idle connection has 21."""


def files(server: ServerProcess) -> int:
    assert server.process is not None
    return len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))


def kib(server: ServerProcess) -> int:
    assert server.process is not None
    lines = Path(f"/proc/{server.process.pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))


def come_and_go(server: ServerProcess, people: list[Person], room_id: str) -> None:
    """Each by one of four ways in, and by one of three out."""
    goodbyes = []
    for n, person in enumerate(people):
        if n % 4 == 3:
            plain = RawWebSocket.open(server.address, f"/ws/chat/{room_id}/?token={person.token}", timeout=10)
            plain.text(10)
            goodbyes.append(plain.abort if n % 3 else plain.close)
            continue
        if n % 4 == 2:
            polling = EnginePolling.open(server.address)
            polling.post(sio_connect("/chat", {"token": person.token}))
            polling.get()
            if n % 3 == 0:
                continue  # and never asks again
            socket = polling.upgrade()
        else:
            socket = EngineWebSocket.open(server.address, timeout=10)
            socket.send_packet(sio_connect("/chat", {"token": person.token}))
        socket.send_packet(sio_event("/chat", "room_enter", {"room_id": room_id}, ack=1))
        assert socket.until_ack(1).data[0]["ok"]
        goodbyes.append(socket.abort if n % 3 else socket.close)
    for goodbye in goodbyes:
        goodbye()


def test_who_has_gone_leaves_no_file_and_no_memory(server: ServerProcess) -> None:
    teacher, *students = server.teacher(), *server.students(CLASS)
    room_id = room_with(teacher, students)
    come_and_go(server, students, room_id)  # what is only ever done once is done
    eventually(lambda: online(teacher, room_id) == 0, within=30)
    teacher.rest.session.close()
    before_files = files(server)
    after: list[int] = []
    for _ in range(ROUNDS):
        come_and_go(server, students, room_id)
        eventually(lambda: online(teacher, room_id) == 0, within=30)
        teacher.rest.session.close()
        eventually(lambda: files(server) <= before_files, within=30, message=lambda: f"{files(server)} files are open")
        after.append(kib(server))
    assert (after[-1] - after[0]) / (CLASS * (ROUNDS - 1)) < GROWTH_KIB, after


def online(teacher: Person, room_id: str) -> int:
    participants = teacher.rest.get(f"/api/chat/{room_id}/participants/").ok()["items"]
    return sum(each["online"] for each in participants)
