"""REST: the list, creating a room, approving a knock, over connections that are kept."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from bench.contenders import Chatapp
from bench.fanout import Row
from bench.settings import Pace

CLIENTS = 4

Asked = tuple[str, str, str, object]
"""Method, path, token, body."""


def requests(pace: Pace) -> list[Row]:
    """Requests a second and CPU of each, four clients asking without a pause."""
    with Chatapp() as server:
        school = server.school
        teacher, student = school.token(school.teacher), school.token(school.students(1)[0])
        for _ in range(50):
            school.room([])
        numbers = count(1)
        waiting = _knocks(server, 400 if pace.quick else 2000)

        def approve() -> Asked:
            room_id, request_id = waiting.pop()
            return "POST", f"/api/chat/{room_id}/approve/", teacher, {"request_id": request_id}

        asked: dict[str, Callable[[], Asked]] = {
            "GET /api/chat/ (50 rooms)": lambda: ("GET", "/api/chat/", student, None),
            "POST /api/chat/create/": lambda: (
                "POST",
                "/api/chat/create/",
                teacher,
                {"title": f"Class {next(numbers)}"},
            ),
            "POST /api/chat/<id>/approve/": approve,
        }
        return [{"work": name, "contender": server.name, **_measure(server, ask, pace)} for name, ask in asked.items()]


def _measure(server: Chatapp, ask: Callable[[], Asked], pace: Pace) -> Row:
    until = time.monotonic() + pace.seconds
    served: list[int] = []
    wrong: list[str] = []

    def client() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        while time.monotonic() < until:
            try:
                method, path, token, body = ask()
            except IndexError:
                return  # everybody who knocked is in
            headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            answer = connection.getresponse()
            answer.read()
            served.append(1)
            if answer.status >= 300:
                wrong.append(f"{method} {path}: {answer.status}")

    clients = [threading.Thread(target=client) for _ in range(CLIENTS)]
    before, begun = _cpu(server), time.monotonic()
    for each in clients:
        each.start()
    for each in clients:
        each.join()
    used, seconds = _cpu(server) - before, time.monotonic() - begun
    if wrong:
        raise RuntimeError(wrong[0])
    return {"requests_per_second": len(served) / seconds, "cpu_ms_per_answer": used / len(served) * 1000}


def _cpu(server: Chatapp) -> float:
    """Seconds of CPU that the server has used."""
    fields = Path(f"/proc/{server.processes[0].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _knocks(server: Chatapp, number: int) -> list[tuple[str, str]]:
    """(room, join request) of so many who wait, 100 a room."""
    school = server.school
    rooms = [school.room([]) for _ in range(number // 100)]
    return [waiting for room_id in rooms for waiting in school.knock(room_id, school.students(100))]
