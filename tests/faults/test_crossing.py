"""People who are in the same rooms, talk in all of them at once and on different workers: no deadlock, and whoever
sends badly, or holds a room, hurts nobody else."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Sequence
from pathlib import Path

import psycopg
import pytest

from tests.faults.clients import Device
from tests.faults.cluster import PATIENT, Services
from tests.faults.history import Operation
from tests.faults.lab import Classroom, Lab, admit
from tests.faults.run_facts import Bounds

pytestmark = [pytest.mark.service, pytest.mark.long, pytest.mark.timeout(280)]

ROOMS = 6
PAUSE = (0.2, 1.0)
HELD_SECONDS = 4.0
BOUNDS = Bounds(delivery=30.0, delivery_redis_dead=30.0)
"""How quick delivery is, is not what this is about."""


def test_rooms_that_cross_neither_deadlock_nor_wait_for_the_one_that_is_held(
    services: Services, tmp_path: Path
) -> None:
    async def run() -> None:
        async with Lab(tmp_path, workers=3, bounds=BOUNDS, services=services, **PATIENT) as lab:
            held, *free = [await lab.classroom(members=2, grace=60) for _ in range(ROOMS)]
            devices = await asyncio.to_thread(everybody_everywhere, [held, *free])
            for device in devices:
                for room in (held, *free):
                    device.join(room.id)
            closed = await lab.classroom(members=1, grace=60)
            await closed.hosts[0].call("close", "room_close", {"room_id": closed.id}, room=closed.id)

            bad = asyncio.create_task(send_badly(closed.members[0], closed, held))
            stopped = asyncio.Event()
            talking = asyncio.gather(*(talk(one, room, stopped) for one in devices for room in (held, *free)))
            await asyncio.sleep(2)
            sent_from = len(lab.history.operations)
            async with lab.fault("a room's row held", "load", how="SELECT … FOR UPDATE by somebody else"):
                await asyncio.to_thread(hold, lab.cluster.database_url, held.id, HELD_SECONDS)
            meanwhile = lab.history.operations[sent_from:]
            stopped.set()
            await talking
            bad.cancel()

            elsewhere = [one for one in meanwhile if one.name == "send" and one.args["room"] in {r.id for r in free}]
            assert len(elsewhere) > len(devices)
            assert {one.outcome for one in elsewhere} == {"ok"}, "at their first attempt"
            assert in_the_held_room(meanwhile, held), "it was really held"
            assert refusals(lab.history.operations, closed.members[0]) == {"room_closed", "not_found", "too_large"}
            assert deadlocks(lab.cluster.database_url) == 0
            verdict = await lab.judge()
            assert verdict, str(verdict)

    asyncio.run(run())


def everybody_everywhere(rooms: Sequence[Classroom]) -> list[Device]:
    """Every member of each room becomes one of all."""
    devices = [device for room in rooms for device in room.members]
    people = [device.person for device in devices if device.person is not None]
    for room in rooms:
        admit(room.id, room.host, people)
    return devices


async def talk(device: Device, room: Classroom, stopped: asyncio.Event) -> None:
    """One of the rooms that somebody talks in at once."""
    for number in itertools.count(1):
        await device.send(room.id, f"{device.name} says {number}")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), device.chance.uniform(*PAUSE))
            return


async def send_badly(device: Device, closed: Classroom, foreign: Classroom) -> None:
    """To a room that is closed, to one that is another's, and too much, without end."""
    for number in itertools.count(1):
        await device.attempt(closed.id, "too late", f"late-{number}")
        await device.attempt(foreign.id, "not mine", f"foreign-{number}")
        await device.attempt(closed.id, "x" * 5000, f"long-{number}")
        await asyncio.sleep(0.1)


def hold(url: str, room_id: str, seconds: float) -> None:
    """Somebody else's transaction stands on the room's row."""
    with psycopg.connect(url.replace("+psycopg", "")) as holder:
        holder.execute("SELECT 1 FROM rooms WHERE id = %s FOR UPDATE", [room_id])
        holder.execute("SELECT pg_sleep(%s)", [seconds])


def in_the_held_room(operations: Sequence[Operation], held: Classroom) -> list[Operation]:
    """The attempts that the holder made fail."""
    return [
        one for one in operations if one.name == "send" and one.args["room"] == held.id and one.outcome == "unknown"
    ]


def refusals(operations: Sequence[Operation], device: Device) -> set[str]:
    """What one was told."""
    return {
        str(one.result["code"])
        for one in operations
        if one.client == device.name and one.name == "send" and one.outcome == "fail"
    }


def deadlocks(url: str) -> int:
    """How many the database has met."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        row = connection.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").fetchone()
        assert row is not None
        return int(row[0])
