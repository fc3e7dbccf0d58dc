"""What happens to workers, Redis, the databases and the machine, one coroutine a fault. What happens on the way to
clients, and to hosts, is `scenarios_outside`."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.faults import sqlite_faults
from tests.faults.clients import until
from tests.faults.history import Operation
from tests.faults.lab import Classroom, Lab, dial
from tests.faults.nemesis import Breaker

# Workers


async def killed_again_and_again(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for _ in range(3):
        await breaker.kill_worker(breaker.chance.choice(lab.workers), away=0.2)
        await asyncio.sleep(breaker.chance.uniform(0.5, 2))


async def killed_on_either_side_of_commit(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for moment in ("before", "after"):
        sent = await killed_beside_commit(lab, room, moment)
        assert sent is not None and sent.outcome == "ok"
        assert sent.result["duplicate"] is (moment == "after")


async def killed_beside_commit(lab: Lab, room: Classroom, moment: str) -> Operation | None:
    """A worker kills itself `before` or `after` COMMIT, on reading a word in a message; the message is sent again."""
    worker = lab.workers[0]
    how = "it sends itself SIGKILL on reading a word in a message"
    async with lab.fault(f"worker killed {moment} COMMIT", "worker", worker.name, how=how):
        await worker.stop()
        worker.entry = lab.cluster.entry(condition=f"die_{moment}_commit")
        await worker.start()
        (sender,) = lab.more_devices(room, 1)
        sending = asyncio.create_task(sender.send(room.id, f"die {moment} commit"))
        await until(lambda: not worker.running, 15, f"dying {moment} COMMIT")
        worker.kill()
        worker.entry = lab.cluster.entry()
        await worker.start()
        return await sending


async def frozen(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for seconds in (1.5, 4.0, 10.0):
        await breaker.freeze_worker(lab.workers[1], seconds)
        await lab.workers[1].wait_ready()


async def rolled_under_load(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    assert await breaker.roll_workers() == [0] * len(lab.workers)


async def all_killed_and_back(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """For longer than their leases last."""
    await breaker.kill_all_workers(away=9)


async def wrong_clocks(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """An hour ahead, then an hour behind: such a worker lets nobody in, ends nothing, and says why."""
    worker = lab.workers[-1]
    for hours in (1, -1):
        how = "its wall clock is wrong from the start"
        async with lab.fault(
            f"clock {abs(hours)} h {'ahead' if hours > 0 else 'behind'}", "clock", worker.name, how=how
        ):
            await worker.stop()
            worker.entry = lab.cluster.entry(clock=3600.0 * hours)
            await worker.start(ready=False)
            await worker.wait_for("/healthz", 200)
            assert await worker.status("/readyz") == 503
            await asyncio.sleep(3)
            assert await worker.status("/readyz") == 503
            await worker.stop()
        worker.entry = lab.cluster.entry()
        await worker.start()


# Redis


async def subscribers_killed(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.kill_subscribers(4)


async def redis_stopped(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.freeze_redis(3)
    await breaker.freeze_redis(8)


async def redis_restarted_empty(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.restart_redis()
    await breaker.restart_redis(away=3)


async def redis_vanished(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.vanish_redis(5)


async def redis_polluted(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.pollute_redis()


async def redis_full_and_locked(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.starve_redis()


@asynccontextmanager
async def redis_gone(lab: Lab) -> AsyncIterator[None]:
    """For the whole run."""
    ways = [worker.to_redis for worker in lab.workers if worker.to_redis is not None]
    async with lab.fault("Redis gone for the whole run", "redis", how="the proxies before it refuse every connection"):
        for way in ways:
            way.change(refuse=True)
            way.drop_all()
        await asyncio.sleep(2)
        assert [await worker.status("/readyz") for worker in lab.workers] == [200] * len(lab.workers), "degraded"
        yield


async def nothing_more(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """The class talks on."""
    await asyncio.sleep(5)


async def a_removal_and_a_knock(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """What must reach people on the other worker within the bound, Redis or not."""
    removed = room.members[-1]
    assert removed.person is not None
    await room.hosts[0].remove(room.id, removed.person.id)
    await until(lambda: removed.places[room.id].out, 5, "the removed one is told")
    for device in room.waiting:
        device.want(room.id, room.host.id)
    await until(lambda: all(room.id in device.places for device in room.waiting), 10, "they are let in")


# PostgreSQL


async def database_restarted(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.restart_postgres()


async def database_stopped(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.restart_postgres(away=10)


async def backends_terminated(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.terminate_backends(4)


async def table_locked(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.lock_table(5)


async def connections_exhausted(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await breaker.exhaust_connections(4)


async def one_worker_cut_off_with_the_host_on_it(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """The class goes on: the worker lets its people go, and the host is back elsewhere before anybody misses them."""
    host = room.hosts[0]
    host.worker = lab.workers[0]
    host.cut()
    await lab.everybody_in(room)
    before = len([note for note in lab.history.noted("cut") if note.who == host.name])
    await breaker.cut_from_database(lab.workers[0], 12)
    assert len([note for note in lab.history.noted("cut") if note.who == host.name]) > before, (
        "the worker kept its host"
    )
    await lab.workers[0].wait_ready()


# SQLite


async def an_outsider_locks_the_file(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await sqlite_faults.lock_from_outside(lab, 5)


async def killed_and_reopened_from_a_copy(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    for _ in range(2):
        await asyncio.sleep(breaker.chance.uniform(0.3, 1.5))
        await sqlite_faults.kill_and_reopen_a_copy(lab)


async def disk_full(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    await sqlite_faults.fill_disk(lab, 4)


# The machine


async def open_file_limit(lab: Lab, breaker: Breaker, room: Classroom) -> None:
    """Newcomers find no descriptor left; who is in stays in, and afterwards they get in, too."""
    worker = lab.workers[0]
    assert worker.process is not None
    pid = worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    async with lab.fault(
        "open-file limit", "worker", worker.name, how="prlimit leaves five descriptors, forty connect"
    ):
        used = len(list(Path(f"/proc/{pid}/fd").iterdir()))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (used + 5, before[1]))
        crowd = await asyncio.gather(*(dial(worker.port) for _ in range(40)))
        await asyncio.sleep(3)
        for writer in crowd:
            writer.close()
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
    await worker.wait_ready(10)
