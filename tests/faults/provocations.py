"""What brings each seeded bug to light, and which invariants it then breaks. The right product survives them all."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import psycopg

from tests.faults.clients import Device, until
from tests.faults.lab import Classroom, Lab
from tests.faults.nemesis import Breaker
from tests.faults.scenarios_inside import killed_beside_commit

LONG_TEXT = "much to read. " * 250
NAMES = itertools.count(1)


async def a_commit_that_never_comes(lab: Lab) -> None:
    """A worker is killed when a batch is written and not committed; its people, who heard what they heard, go on."""
    room = await lab.classroom(members=3)
    await room.members[0].send(room.id, "to begin with")
    await killed_beside_commit(lab, room, "before")
    await lab.everybody_in(room)
    await room.members[0].send(room.id, "and on")


async def one_send_by_two_ways(lab: Lab) -> None:
    """The same client_id goes to two workers at once, again and again."""
    room = await lab.classroom(members=2)
    first = room.members[0]
    assert first.person is not None
    second = type(first)(f"{first.name}/2", first.person, lab.workers, lab.history, home=1)
    room.members.append(second)
    second.join(room.id)
    second.start()
    await lab.everybody_in(room)
    for number in range(10):
        await asyncio.gather(*(device.send(room.id, "twice", f"twice-{number}") for device in (first, second)))


async def redis_away_and_silence(lab: Lab) -> None:
    """The last words are said while Redis is away."""
    room = await lab.classroom(members=4)
    breaker = Breaker(lab)
    away = asyncio.create_task(breaker.restart_redis(4))
    await asyncio.sleep(0.5)
    async with lab.talking(room, per_second=20):
        await asyncio.sleep(1.5)
    await away


async def removed_while_redis_is_away(lab: Lab) -> None:
    """The host is on one worker, who is removed on the other, and the class talks on."""
    room = await lab.classroom(members=4, host_on=lab.workers[:1], members_on=lab.workers[1:])
    removed = room.members[-1]
    assert removed.person is not None
    away = asyncio.create_task(Breaker(lab).freeze_redis(12))
    await asyncio.sleep(1)
    async with lab.talking(room, per_second=10, speakers=3):
        await room.hosts[0].remove(room.id, removed.person.id)
        await asyncio.sleep(8)
    await away


async def a_worker_in_another_time_zone(lab: Lab) -> None:
    """One worker's clock is an hour ahead, and the host reloads on the other."""
    other = lab.workers[1]
    async with lab.fault("clock an hour ahead", "clock", other.name, how="its wall clock is wrong from the start"):
        await other.stop()
        other.entry = lab.cluster.entry(clock=3600.0)
        await other.start(ready=False)
        await asyncio.sleep(4)
        lab.history.note(other.name, "up")
        here = lab.workers[:1]
        room = await lab.classroom(members=2, grace=12, host_on=here, members_on=here)
        room.hosts[0].switch_off()
        await asyncio.sleep(5)
        room.hosts[0].switch_on()
        await lab.everybody_in(room)
        await other.stop()
    other.entry = lab.cluster.entry()
    await other.start()


async def a_reader_who_pauses(lab: Lab) -> None:
    """Some stop reading for moments while long texts come, and read on before they count as slow."""
    room = await lab.classroom(members=6, port=lambda worker: worker.port, receive_buffer=8192)

    async def stutter(device: Device) -> None:
        while True:
            if device.wire is not None:
                device.wire.stop_reading()
            await asyncio.sleep(device.chance.uniform(0.1, 0.4))
            if device.wire is not None:
                device.wire.read_on()
            await asyncio.sleep(device.chance.uniform(0.01, 0.05))

    stuttering = [asyncio.create_task(stutter(device)) for device in room.members[3:]]
    await _say(room, 900, LONG_TEXT)
    for task in stuttering:
        task.cancel()
    for device in room.members[3:]:
        if device.wire is not None:
            device.wire.read_on()
    await _say(room, 60, "and on")


async def _say(room: Classroom, count: int, text: str) -> None:
    """`count` sends by three speakers, thirty under way at a time. Whoever is cut meanwhile says less."""
    speakers = room.members[:3]
    for _ in range(count // 30):
        await asyncio.gather(
            *(
                speaker.attempt(room.id, text, f"{speaker.name}-{next(NAMES)}")
                for speaker in speakers
                for _ in range(10)
            )
        )


async def a_send_queued_behind_its_removal(lab: Lab) -> None:
    """Somebody holds the room's row; the removal queues behind it, then a send of who is removed, on another worker."""
    room = await lab.classroom(members=4, host_on=lab.workers[:1], members_on=lab.workers[1:])
    url = lab.cluster.database_url.replace("+psycopg", "")
    with psycopg.connect(url) as holder, psycopg.connect(url, autocommit=True) as watcher:
        for device in room.members:
            assert device.person is not None
            holder.execute("SELECT 1 FROM rooms WHERE id = %s FOR UPDATE", [room.id])
            removal = asyncio.create_task(room.hosts[0].remove(room.id, device.person.id))
            await _waiters(watcher, 1)
            sending = asyncio.create_task(device.attempt(room.id, "too late", f"late-{device.name}"))
            await _waiters(watcher, 2)
            holder.rollback()
            await asyncio.gather(removal, sending)


async def _waiters(watcher: psycopg.Connection[tuple[object, ...]], count: int) -> None:
    """Until so many wait for a lock; on a machine that is too busy the first may have given up before."""
    query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with contextlib.suppress(AssertionError):
        await until(lambda: len(watcher.execute(query).fetchall()) >= count, 3)


async def a_host_on_a_worker_that_slept(lab: Lab) -> None:
    """A worker sleeps until it is declared dead, wakes, takes the host in again, and dies for good."""
    sleeper = lab.workers[1]
    room = await lab.classroom(members=2, grace=3, host_on=[sleeper], members_on=lab.workers[:1])
    await Breaker(lab).freeze_worker(sleeper, 9)
    await until(lambda: room.hosts[0].places[room.id].entered, 30, "the host is back")
    async with lab.fault("worker killed", "worker", sleeper.name, how="SIGKILL, started again much later"):
        room.hosts[0].wanted.clear()
        sleeper.kill()
        await asyncio.sleep(3 + 7 + 8)
        await sleeper.start()


async def away_and_back_between_two_looks(lab: Lab) -> None:
    """The host is away twice, and between that back for a moment, which no janitor happens to look at."""
    room = await lab.classroom(members=2, grace=8)
    host = room.hosts[0]
    host.pause_before_return = 0.0
    host.switch_off()
    await asyncio.sleep(6)
    host.switch_on()
    await until(lambda: host.places[room.id].entered, 10, "the host is back")
    host.switch_off()
    await asyncio.sleep(7)
    host.switch_on()
    await lab.everybody_in(room)


@dataclass(frozen=True)
class Provocation:
    """`provoke` shows the bug by breaking at least one of `breaks`."""

    provoke: Callable[[Lab], Awaitable[None]]
    breaks: frozenset[str]


PROVOCATIONS: dict[str, Provocation] = {
    name: Provocation(provoke, frozenset(breaks))
    for name, provoke, breaks in (
        ("publish_before_commit", a_commit_that_never_comes, {"I2", "I6"}),
        ("no_unique_client_id", one_send_by_two_ways, {"I2"}),
        ("database_sequence", a_commit_that_never_comes, {"I3"}),
        ("no_log_poll", redis_away_and_silence, {"I5"}),
        ("eviction_by_redis_only", removed_while_redis_is_away, {"I8"}),
        ("closing_by_wall_clock", a_worker_in_another_time_zone, {"I9"}),
        ("ack_before_commit", a_commit_that_never_comes, {"I1"}),
        ("cursor_advanced_although_the_write_failed", a_reader_who_pauses, {"I5"}),
        ("authorisation_inside_the_lock", a_send_queued_behind_its_removal, {"I8"}),
        ("direct_write_past_a_queue", a_reader_who_pauses, {"I5"}),
        ("fenced_worker_goes_on", a_host_on_a_worker_that_slept, {"I9"}),
        ("absence_without_identity", away_and_back_between_two_looks, {"I9"}),
    )
}
