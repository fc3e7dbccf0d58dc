"""Reading back: pages of the log and resuming, in rooms that hold little and much."""

from __future__ import annotations

from dataclasses import replace
from statistics import median

from bench.contenders import SOCKET_IO, Chatapp
from bench.fanout import Row
from bench.loader import Dialect, Load
from bench.settings import Pace

PAGE = 100
RESUMED = 1000


def history(pace: Pace) -> list[Row]:
    """A page from the middle, the newest page, and a resume of 1,000 messages in five answers, by size of the log."""
    sizes = (10, 10_000) if pace.quick else (10, 10_000, 1_000_000)
    rows: list[Row] = []
    with Chatapp() as server:
        people = server.school.students(5)
        loads: list[tuple[str, int, Load]] = []
        for size in sizes:
            room_id = server.school.room(people, log=size)
            seat = server.seat(server.school.token(people[0]), room_id, sends=True)
            for name, dialect in _asked(size).items():
                loads.append((name, size, Load(server.pids, dialect, [seat])))
        readings: dict[tuple[str, int], list[float]] = {(name, size): [] for name, size, _ in loads}
        for _ in range(pace.repetitions):
            for name, size, load in loads:
                with load:
                    load.connect()
                    reading = load.closed(pace.seconds / 2, pace.warm_up / 2, 1)
                    readings[name, size].append(reading["server_cpu"] / reading["acks"] * 1000)
        for (name, size), taken in readings.items():
            rows.append({"work": name, "contender": f"{size:,} messages stored", "cpu_ms_per_answer": median(taken)})
    return rows


def _asked(size: int) -> dict[str, Dialect]:
    middle, far = size // 2, max(0, size - RESUMED)
    before = f'42/chat,%a["messages_before",{{"room_id":"%r","before":%x,"limit":{PAGE}}}]'
    enter = '42/chat,%a["room_enter",{"room_id":"%r","after":%x}]'
    return {
        f"page of {PAGE} from the middle": replace(SOCKET_IO, send=before, cycle=(max(2, middle), 0, 1)),
        f"newest page of {PAGE}": replace(SOCKET_IO, send=before, cycle=(size + 1, 0, 1)),
        "resume, one answer of 200": replace(SOCKET_IO, send=enter, cycle=(far, 200 if size > RESUMED else 0, 5)),
    }
