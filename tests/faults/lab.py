"""One run, put together: a cluster, classes in it that talk, and the judgement at the end.

async with Lab(folder, workers=2, seed=7) as lab:
    room = await lab.classroom(members=10)
    async with lab.talking(room, per_second=20):
        lab.cluster.workers[0].kill()
        …
    verdict = await lab.judge()
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self

from tests.faults.checker import Verdict, check
from tests.faults.clients import Device
from tests.faults.cluster import Cluster, Worker
from tests.faults.history import Fault, History, ReadBack, save
from tests.faults.people import HostDevice, WaitingDevice
from tests.faults.run_facts import Bounds, Facts
from tests.support.clients.rest import Answer
from tests.support.people import Person

SETTLE_SECONDS = 60.0
BEAT_SECONDS = 0.02
STALL_SECONDS = 0.03


@dataclass(slots=True)
class Classroom:
    """A room of the run, its host and everybody who may be in it."""

    id: str
    host: Person
    grace: float
    hosts: list[HostDevice] = field(default_factory=list)
    members: list[Device] = field(default_factory=list)
    waiting: list[WaitingDevice] = field(default_factory=list)

    @property
    def devices(self) -> list[Device]:
        """All of them."""
        return [*self.hosts, *self.members, *self.waiting]


class Lab:
    """A cluster with its history. Rooms are made past the proxies; everything else goes through them."""

    def __init__(
        self, folder: Path, *, workers: int = 2, seed: int = 1, bounds: Bounds | None = None, **options: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(seed)
        self.bounds = bounds or Bounds()
        self.history = History(folder / "history.jsonl")
        self.cluster = Cluster(folder / "cluster", self.history, workers=workers, **options)
        self.rooms: list[Classroom] = []
        self.read_back: ReadBack = {}
        self._teachers = itertools.count(1)
        self._students = itertools.count(1)

    async def __aenter__(self) -> Self:
        self._metronome = asyncio.create_task(self._beat())
        try:
            await self.cluster.start()
        except BaseException:
            self._metronome.cancel()
            await self.cluster.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(device.close() for room in self.rooms for device in room.devices))
        self._metronome.cancel()
        await self.cluster.stop()
        self.history.close()

    async def _beat(self) -> None:
        """Note when this process did not get its turn: what it measured then says nothing about the workers."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + BEAT_SECONDS
            await asyncio.sleep(BEAT_SECONDS)
            if (late := loop.time() - due) > STALL_SECONDS:
                self.history.note("lab", "stall", seconds=late)

    @property
    def workers(self) -> list[Worker]:
        """The cluster's."""
        return self.cluster.workers

    # A class

    async def classroom(
        self,
        *,
        members: int,
        waiting: int = 0,
        hosts: int = 1,
        grace: int = 10,
        port: Callable[[Worker], int] = lambda worker: worker.front.port,
        receive_buffer: int | None = None,
        host_on: list[Worker] | None = None,
        members_on: list[Worker] | None = None,
    ) -> Classroom:
        """A room with everybody in it, spread over the workers, or only on those named; `waiting` are enrolled, and
        have not knocked."""
        (teacher,) = await asyncio.to_thread(self.cluster.enrol, "teacher", [next(self._teachers)])
        numbers = [next(self._students) for _ in range(members + waiting)]
        students = await asyncio.to_thread(self.cluster.enrol, "student", numbers)
        made = await asyncio.to_thread(self._fill, teacher, students[:members], grace)
        room = Classroom(made["id"], teacher, float(grace))
        self.rooms.append(room)

        def device(kind: type[Any], who: Person, number: int, suffix: str = "") -> Any:
            name = f"{who.username}{suffix}"
            where = (host_on if kind is HostDevice else members_on) or self.workers
            options = {"seed": self.seed, "home": number, "port": port, "receive_buffer": receive_buffer}
            return kind(name, who, where, self.history, **options)

        room.hosts = [device(HostDevice, teacher, number, f"/{number}") for number in range(hosts)]
        room.members = [device(Device, who, number) for number, who in enumerate(students[:members])]
        room.waiting = [device(WaitingDevice, who, number) for number, who in enumerate(students[members:])]
        for one in [*room.hosts, *room.members]:
            one.join(room.id)
        for one in room.devices:
            one.start()
        await self.everybody_in(room)
        return room

    def _fill(self, teacher: Person, students: list[Person], grace: int) -> dict[str, Any]:
        wanted = {"title": "Class", "host_grace_seconds": grace}
        made: dict[str, Any] = patiently(lambda: teacher.rest.post("/api/chat/create/", wanted))
        admit(made["id"], teacher, students)
        return made

    async def everybody_in(self, room: Classroom, within: float = SETTLE_SECONDS) -> None:
        """Until every device of the room that can be in it is in it."""

        def missing() -> list[str]:
            return [
                device.name
                for device in room.devices
                for place in device.places.values()
                if not (place.entered or place.out or device.finished or not device.wanted.is_set())
            ]

        await self._until(lambda: not missing(), within, lambda: f"not in {room.id}: {missing()[:10]}")

    async def spread(self, room: Classroom) -> None:
        """Divide the room's people among the workers again, by a reconnect of who moves."""
        for number, device in enumerate(room.devices):
            worker = self.workers[number % len(self.workers)]
            if device.worker is not worker and device.connected.is_set() and worker in device.workers:
                device.move_to(worker)
        await asyncio.sleep(0.1)
        await self.everybody_in(room)

    def more_devices(
        self, room: Classroom, count: int, *, home: int = 0, receive_buffer: int | None = None
    ) -> list[Device]:
        """More devices of people who are in the room, past the proxies."""
        made: list[Device] = []
        for member in room.members[:count]:
            name = f"{member.name}/{len(room.members)}"
            device = Device(
                name,
                member.person,
                self.workers,
                self.history,
                home=home,
                port=lambda worker: worker.port,
                receive_buffer=receive_buffer,
            )
            device.join(room.id)
            device.start()
            room.members.append(device)
            made.append(device)
        return made

    async def _until(self, probe: Callable[[], bool], within: float, what: Callable[[], str]) -> None:
        deadline = asyncio.get_running_loop().time() + within
        while not probe():
            assert asyncio.get_running_loop().time() < deadline, what()
            await asyncio.sleep(0.05)

    # Talking

    @asynccontextmanager
    async def talking(self, room: Classroom, *, per_second: float, speakers: int = 10) -> AsyncIterator[list[Device]]:
        """Some members talk, so many messages a second together, until the block ends and all is acked."""
        chosen = room.members[:speakers] or list(room.hosts)
        stopped = asyncio.Event()

        async def speak(device: Device) -> None:
            chance = random.Random(f"{self.seed} speaks {device.name}")
            for number in itertools.count(1):
                pause = chance.expovariate(per_second / len(chosen))
                try:
                    await asyncio.wait_for(stopped.wait(), pause)
                    return
                except TimeoutError:
                    pass
                if await device.send(room.id, f"{device.name} says {number}") is None:
                    return

        tasks = [asyncio.create_task(speak(device)) for device in chosen]
        try:
            yield chosen
        finally:
            stopped.set()
            done, late = await asyncio.wait(tasks, timeout=SETTLE_SECONDS)
            for task in late:
                task.cancel()
            for task in done:
                task.result()
            assert not late, f"{len(late)} of {len(tasks)} speakers never came to an end"

    # Faults

    @asynccontextmanager
    async def fault(self, name: str, kind: str, target: str = "", *, how: str) -> AsyncIterator[Fault]:
        """The block is a disturbance; `how` it is done is for the report."""
        fault = self.history.begin(name, kind, target, how)
        try:
            yield fault
        finally:
            self.history.heal(fault)

    # The end

    async def settle(self, within: float = SETTLE_SECONDS) -> None:
        """Until everybody has everything, or `within` is over: the checker says what is missing."""
        heads: dict[str, int] = {}

        def behind() -> bool:
            return any(
                not place.out and (not place.entered or (place.cursor or 0) < heads.get(room.id, 0))
                for room in self.rooms
                for device in room.devices
                if not device.finished and device.wanted.is_set()
                for place in device.places.values()
            )

        deadline = asyncio.get_running_loop().time() + within
        while True:
            heads = {room: state.head for room, state in (await self._read()).items()}
            if not behind() or asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(0.3)

    async def judge(self, *, only: set[str] | None = None, within: float = SETTLE_SECONDS) -> Verdict:
        """Read everything back and check."""
        await self.settle(within)
        for room in self.rooms:
            for device in room.devices:
                for place in device.places.values():
                    gone = device.finished or not device.wanted.is_set()
                    state = "out" if place.out else "gone" if gone else "in"
                    self.history.note(device.name, "final", room=place.room, cursor=place.cursor, state=state)
        self.history.note("run", "end")
        self.read_back = await self._read()
        save(self.read_back, self.folder / "read_back.json")
        broken = [f"{note.who}: {note.data['fault']}" for note in self.history.noted("broken")]
        assert not broken, broken[:5]
        return check(self.history, self.read_back, self.bounds, only=only)

    @property
    def facts(self) -> Facts:
        """What the checks see, after `judge`."""
        return Facts(self.history, self.read_back, self.bounds)

    async def _read(self) -> ReadBack:
        found: ReadBack = {}
        for room in self.rooms:
            found |= await self.cluster.read_back({room.id: room.host}, room.grace)
        return found


def admit(room_id: str, teacher: Person, students: Sequence[Person]) -> None:
    """These knock, and are let in."""
    for student in students:
        patiently(partial(student.rest.knock, room_id))
        student.rest.session.close()
    if students:
        patiently(lambda: teacher.rest.approve(room_id, all=True))
    teacher.rest.session.close()


def patiently(ask: Callable[[], Answer], within: float = SETTLE_SECONDS) -> Any:
    """What REST answers in the end. A machine that is busy elsewhere makes a worker `unavailable` for moments, and
    clients ask again."""
    deadline = time.monotonic() + within
    while (answer := ask()).status == 503 and time.monotonic() < deadline:
        time.sleep(0.2)
    return answer.ok()


async def dial(port: int) -> asyncio.StreamWriter:
    """A bare connection, for those who only want to be many."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    return writer
