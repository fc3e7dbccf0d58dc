"""The limit of a user's connections holds across workers though Redis is dead, and told nobody."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from chatapp.realtime.poll import SURPLUS_SECONDS
from tests.faults.clients import Device
from tests.faults.cluster import PATIENT, Cluster, Services
from tests.faults.history import History

pytestmark = [pytest.mark.service, pytest.mark.long, pytest.mark.timeout(180)]

LIMIT = 3
PATIENCE = 3 * SURPLUS_SECONDS


def test_with_redis_dead_the_oldest_connection_goes_though_it_is_on_another_worker(
    services: Services, tmp_path: Path
) -> None:
    async def run() -> None:
        history = History()
        cluster = Cluster(tmp_path, history, workers=2, services=services, LIMIT_CONNECTIONS=str(LIMIT), **PATIENT)
        devices: list[Device] = []
        try:
            await cluster.start()
            for worker in cluster.workers:
                assert worker.to_redis is not None
                await worker.to_redis.stop()
            (student,) = await asyncio.to_thread(cluster.enrol, "student", [1])
            here, there = cluster.workers
            for number, worker in enumerate([there] * LIMIT + [here]):
                devices.append(Device(f"d{number}", student, [worker], history).start())
                await asyncio.wait_for(devices[-1].connected.wait(), PATIENCE)
            await eventually_told(devices[0])
            assert [bye["code"] for bye in devices[0].byes] == ["too_many"]
            await asyncio.sleep(SURPLUS_SECONDS)
            assert [device.byes for device in devices[1:]] == [[]] * LIMIT, "and no other"
        finally:
            await asyncio.gather(*(device.close() for device in devices))
            await cluster.stop()
            history.close()

    asyncio.run(run())


async def eventually_told(device: Device) -> None:
    """Wait until the server said that it ends this connection."""
    async with asyncio.timeout(PATIENCE):
        while not device.byes:
            await asyncio.sleep(0.1)
