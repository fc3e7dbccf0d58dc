"""What a school does while things break: one class talks, some knock, some are removed, strangers try the door; in
another class the host comes and goes for longer than the room waits."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.faults.clients import Device
from tests.faults.lab import Classroom, Lab
from tests.faults.people import HostDevice, Stranger


class Workload:
    """Two rooms of one lab, in motion inside `going`."""

    def __init__(self, lab: Lab, *, members: int, waiting: int, per_second: float) -> None:
        self.lab = lab
        self.members = members
        self.waiting = waiting
        self.per_second = per_second
        self.chance = random.Random(f"{lab.seed} workload")

    async def open(self) -> Workload:
        """The rooms, with everybody in them."""
        self.big = await self.lab.classroom(members=self.members, waiting=self.waiting, hosts=2, grace=30)
        self.small = await self.lab.classroom(members=3, hosts=1, grace=6)
        (outsider,) = await asyncio.to_thread(self.lab.cluster.enrol, "student", [9001])
        workers, history = self.lab.workers, self.lab.history
        self.stranger = Stranger("stranger", outsider, workers, history, seed=self.lab.seed)
        self.stranger.start()
        self.nobody = Device("nobody", None, workers, history, seed=self.lab.seed)
        self.nobody.start()
        return self

    @asynccontextmanager
    async def going(self, seconds: float) -> AsyncIterator[None]:
        """Everything moves while the block runs, which should take about `seconds`."""
        moving = [
            asyncio.create_task(work)
            for work in (self._knock(seconds), self._remove(seconds), self._flap(), self._try_the_door())
        ]
        try:
            async with (
                self.lab.talking(self.big, per_second=self.per_second, speakers=20),
                self.lab.talking(self.small, per_second=2),
            ):
                yield
                for task in moving:
                    task.cancel()
                await asyncio.gather(*moving, return_exceptions=True)
                await self._come_home()
        finally:
            for task in moving:
                task.cancel()
            for device in (self.stranger, self.nobody):
                await device.close()
        for task in moving:
            if not task.cancelled() and (fault := task.exception()) is not None:
                raise fault

    async def _knock(self, seconds: float) -> None:
        for device in self.big.waiting:
            await asyncio.sleep(0.8 * seconds / (len(self.big.waiting) + 1))
            device.want(self.big.id, self.big.host.id)

    async def _remove(self, seconds: float) -> None:
        doomed = self.chance.sample(self.big.members, max(1, self.members // 10))
        for device in doomed:
            await asyncio.sleep(0.8 * seconds / (len(doomed) + 1))
            host = next((one for one in self.big.hosts if one.connected.is_set()), self.big.hosts[0])
            assert device.person is not None
            await host.remove(self.big.id, device.person.id)

    async def _flap(self) -> None:
        """The small room's host: mostly back in time, sometimes not."""
        host = self.small.hosts[0]
        while True:
            await asyncio.sleep(self.chance.uniform(1, 6))
            host.switch_off()
            try:
                await asyncio.sleep(self.chance.choice([0.3, 1.0, 3.0, self.small.grace - 0.5, 2.5 * self.small.grace]))
            finally:
                host.switch_on()
            await reopened(host, self.small)

    async def _try_the_door(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self.stranger.connected.is_set():
                await self.stranger.try_room(self.big.id)

    async def _come_home(self) -> None:
        for device in (*self.small.hosts, *self.big.hosts):
            device.switch_on()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reopened(self.small.hosts[0], self.small), 30)


async def reopened(host: HostDevice, room: Classroom) -> None:
    """Wait until the host is in, and open the room again if it was closed meanwhile."""
    place = host.places[room.id]
    await place.settled.wait()
    while host.connected.is_set():
        answer = await host.call("reopen", "room_reopen", {"room_id": room.id}, room=room.id)
        if answer.outcome != "unknown":
            return
        await asyncio.sleep(0.2)
