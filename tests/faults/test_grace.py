"""Hosts who drop and come back at every moment around the end of the grace time, on other workers, while the worker
that may just be closing their room is killed: one closure or none, never two, never early."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.faults.cluster import PATIENT, Services
from tests.faults.lab import Classroom, Lab
from tests.faults.nemesis import Breaker
from tests.faults.run_facts import Bounds

pytestmark = [pytest.mark.service, pytest.mark.long, pytest.mark.timeout(280)]

GRACE = 4
IN_TIME = -2.0
TOO_LATE = 12.0
AROUND = [number * 0.25 for number in range(-4, 8)]
"""Seconds from the deadline to a return: around it, every 250 ms."""

ROUNDS = 3
BOUNDS = Bounds(delivery=30.0, delivery_redis_dead=30.0)
"""How quick delivery is, is not what this is about."""


def test_a_return_around_the_deadline_meets_one_closure_or_none(services: Services, tmp_path: Path) -> None:
    async def run() -> None:
        async with Lab(tmp_path, workers=3, bounds=BOUNDS, services=services, **PATIENT) as lab:
            breaker = Breaker(lab)
            for victim in lab.workers[:ROUNDS]:
                await one_round(lab, breaker, lab.workers.index(victim))
            verdict = await lab.judge()
            assert verdict, str(verdict)
            for room in lab.rooms:
                codes = [message["code"] for message in lab.read_back[room.id].messages]
                if room in lab.rooms[:: len(AROUND) + 2]:
                    assert "room_closed" not in codes, "that one was back in time"
                if room in lab.rooms[len(AROUND) + 1 :: len(AROUND) + 2]:
                    assert codes.count("room_closed") == 1, "that one was not"

    asyncio.run(run())


async def one_round(lab: Lab, breaker: Breaker, victim: int) -> None:
    """A room for each moment; all hosts drop at once, and a worker dies at the deadline."""
    rooms = [await lab.classroom(members=1, grace=GRACE) for _ in range(len(AROUND) + 2)]
    moments = [IN_TIME, *AROUND, TOO_LATE]
    for room in rooms:
        room.hosts[0].switch_off()
    returns = [
        asyncio.create_task(come_back(room, GRACE + moment)) for room, moment in zip(rooms, moments, strict=True)
    ]
    await asyncio.sleep(GRACE)
    await breaker.kill_worker(lab.workers[victim], away=0.5)
    await asyncio.gather(*returns)
    for room in rooms:
        await lab.everybody_in(room)


async def come_back(room: Classroom, seconds: float) -> None:
    """After so long."""
    await asyncio.sleep(seconds)
    room.hosts[0].switch_on()
